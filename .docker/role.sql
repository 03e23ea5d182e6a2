-- Run once by PostgreSQL's image, as superuser, when the volume is empty. The portal's role owns its database, which
-- is enough to migrate it (pg_trgm is a trusted extension), and nothing else.
\getenv password PORTAL_PASSWORD
CREATE ROLE portail LOGIN PASSWORD :'password';
ALTER DATABASE portail OWNER TO portail;
