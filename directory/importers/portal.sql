-- The portal's own CSV: the columns of its database, or those of the search's export.
INSERT INTO lines BY NAME
WITH read AS (
    SELECT * REPLACE (compact(identifier) AS identifier, full_postcode(postcode, country) AS postcode)
        RENAME (identifier_type AS typed_kind, nature AS typed_nature, undisclosed AS typed_flag, closed_on AS typed_day),
        if(coalesce(identifier_type, '') = '', 'siret', getvariable('identifier_types')[folded(identifier_type)])
            AS identifier_type,
        try_cast(compact(identifier) AS BIGINT) AS number,
        getvariable('natures')[folded(nature)] AS nature,
        getvariable('flags')[folded(undisclosed)] AS flag,
        closed_on <> '' AS closes,
        day(closed_on) AS closed_on
    FROM cells
)
SELECT line, typed, identifier_type, identifier, nature, legal_name, label, address, complement_1, complement_2,
    postcode, city, country, flag = 't' AS undisclosed, closes, closed_on,
    CASE WHEN broken IS NOT NULL THEN broken
         WHEN identifier_type IS NULL THEN 'Type d''identifiant inconnu : « ' || left(typed_kind, 40) || ' ».'
         WHEN identifier_type = 'siret' AND NOT is_siret(identifier, number) THEN '?siret'
         WHEN identifier_type <> 'siret' AND NOT regexp_full_match(identifier, getvariable('rules')[identifier_type])
         THEN '?' || identifier_type
         WHEN nature IS NULL
         THEN 'Type de structure inconnu (Publique ou Privée) : « ' || left(typed_nature, 40) || ' ».'
         WHEN legal_name = '' THEN 'La raison sociale manque.'
         WHEN nature = 'public' AND identifier_type <> 'siret'
         THEN 'Une structure publique est identifiée par un SIRET.'
         WHEN flag IS NULL AND typed_flag IS NOT NULL
         THEN '« Non diffusible » vaut Oui ou Non, pas « ' || left(typed_flag, 40) || ' ».'
         ELSE coalesce(wrong_town(postcode, city, country), if(closes AND closed_on IS NULL, wrong_day(typed_day), NULL))
         END AS fault
FROM read;
