"""The one settings file, driven by environment variables (table in README.md).

`CHORUS_ENV` chooses between the two ways to run:

- `demo` (the default): SQLite, files on disk, a private Redis, local host names only;
- `production`: PostgreSQL, Redis, S3-compatible files, SMTP. A missing or wrong variable stops
  the start with one sentence.
"""

import re
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from celery.schedules import crontab
from csp.constants import NONE, SELF

from chorus.environment import (
    PRODUCTION,
    addresses,
    database_of,
    env,
    mail_server_of,
    optional,
    rate,
    refuse,
    required,
    whole_number,
)

BASE_DIR = Path(__file__).resolve().parent.parent
DEMO = not PRODUCTION
DEBUG = DEMO and env.bool("CHORUS_DEBUG", default=False)
# The place files are written to in the demo.
VAR_DIR = Path(optional("CHORUS_VAR_DIR", str(BASE_DIR / ".demo")))

# --- Who and where we are -------------------------------------------------------------------
PORTAL_NAME = optional("PORTAL_NAME", "Portail des structures")
PORTAL_LOGO = optional("PORTAL_LOGO", "img/logo.svg")
# Who publishes and who hosts the portal, as the law asks « Mentions légales » to say: name, address, telephone.
LEGAL_PUBLISHER = optional(
    "LEGAL_PUBLISHER", DEMO * "Syndicat de Champoulant (inventé) ; 1 place de la Mairie, Champoulant"
)
LEGAL_HOST = optional("LEGAL_HOST", DEMO * "Hébergeur d'exemple (inventé) ; 2 rue des Serveurs, Champoulant")
# Where the spaces that other applications of the platform hold are, by their code in the catalogue.
SPACE_ADDRESSES = addresses("SPACE_ADDRESSES")
SUPPORT_EMAIL = required("SUPPORT_EMAIL", "adresse de l'assistance", "assistance@portail.example")

SECRET_KEY = required("SECRET_KEY", "clé secrète", "demo-only-key-never-used-in-production")
if PRODUCTION and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10):
    refuse("SECRET_KEY doit compter au moins 50 caractères tirés au hasard.")

# What the chain of the history is made with; SECRET_KEY while it is empty (history/chain.py).
HISTORY_KEY = optional("HISTORY_KEY", "")
if PRODUCTION and HISTORY_KEY and (len(HISTORY_KEY) < 50 or len(set(HISTORY_KEY)) < 10):
    refuse("HISTORY_KEY doit compter au moins 50 caractères tirés au hasard.")

SITE_URL = required("SITE_URL", "adresse publique du portail", "http://localhost:8000").rstrip("/")
if urlsplit(SITE_URL).scheme not in ("http", "https") or not urlsplit(SITE_URL).hostname:
    refuse(f"SITE_URL doit ressembler à https://portail.exemple.fr, et non « {SITE_URL} ».")
if urlsplit(SITE_URL).path:
    refuse("SITE_URL s'arrête au nom d'hôte : le portail est servi à la racine.")
if PRODUCTION and not SITE_URL.startswith("https://"):
    refuse("SITE_URL doit commencer par https:// en production.")

if PRODUCTION:
    ALLOWED_HOSTS = [
        host.strip()
        for host in required("ALLOWED_HOSTS", "noms d'hôte servis, séparés par des virgules", "").split(",")
        if host.strip()
    ]
    if not ALLOWED_HOSTS or any("*" in host or "/" in host for host in ALLOWED_HOSTS):
        refuse("ALLOWED_HOSTS doit citer les noms d'hôte servis, sans https:// ni « * ».")
else:
    ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", ".localhost"]
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# --- Apps, lowest floor last (README, « Where each rule lives ») --------------------------
INSTALLED_APPS = [
    "chorus",
    "support",
    "registration",
    "spaces",
    "attachments",
    "structures",
    "directory",
    "documents",
    "accounts",
    "history",
    "notifications",
    "plumbing",
    "chorus.apps.SupportConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "captcha",
    "crispy_forms",
    "csp",
    "phonenumber_field",
    "rules",
]
if DEMO:
    INSTALLED_APPS.insert(1, "chorus.demo")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "plumbing.middleware.BackButtonMiddleware",
    "plumbing.middleware.NoNulMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    # Before the CSRF check, which reads the body.
    "plumbing.middleware.UploadLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.KeepingLoginRequiredMiddleware",
    "accounts.middleware.InactivityMiddleware",
    "accounts.middleware.PasswordExpiryMiddleware",
    "accounts.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "plumbing.middleware.OtherMethodMiddleware",
]

ROOT_URLCONF = "chorus.urls"
WSGI_APPLICATION = "chorus.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "plumbing.context_processors.portal",
                "chorus.navigation.navigation",
            ],
            "builtins": ["plumbing.templatetags.components", "crispy_forms.templatetags.crispy_forms_filters"],
        },
    },
]
# Our own: templates/portal/.
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "portal"
CRISPY_FAIL_SILENTLY = False
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.append("django.forms")

# --- Database ---------------------------------------------------------------------------------
DATABASE_URL = required("DATABASE_URL", "base PostgreSQL", f"sqlite:///{VAR_DIR / 'portail.sqlite3'}")
DATABASES = {"default": database_of(DATABASE_URL)}

# --- Redis: the tasks' broker and the rate limits ------------------------------------------------
REDIS_URL = required("REDIS_URL", "serveur Redis", f"unix://{VAR_DIR / 'redis.sock'}")
if urlsplit(REDIS_URL).scheme not in ("redis", "rediss", "unix"):
    refuse("REDIS_URL doit ressembler à redis://hôte:6379/0.")
# Nobody waits for a dead or hanging Redis: past so many seconds it is left alone for so many
# (plumbing/breaker.py); limits are then off, mails and imports wait for a sweep, which is logged.
REDIS_PATIENCE = 0.25
REDIS_REST = 30
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        # Errors are not ignored here: the breaker must see them.
        "OPTIONS": {
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "SOCKET_CONNECT_TIMEOUT": REDIS_PATIENCE,
            "SOCKET_TIMEOUT": REDIS_PATIENCE,
        },
    }
}
RATELIMIT_FAIL_OPEN = True
RATELIMIT_IP_META_KEY = "plumbing.requests.client_network"
SILENCED_SYSTEM_CHECKS = ["django_ratelimit.E003", "django_ratelimit.W001"]

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "unacked_restore_interval": 10,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "max_retries": 1,
    "interval_start": 0,
    "interval_max": 0.1,
}
CELERY_BROKER_CONNECTION_TIMEOUT = 1
# Never pickle: whoever can write to Redis would run code here.
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "Europe/Paris"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule") if DEMO else "/tmp/beat-schedule"
CELERY_BEAT_SCHEDULER = "plumbing.beat:Scheduler"
# What nobody was woken for (broker down, worker killed) waits no longer than that.
OUTBOX_SWEEP_SECONDS = whole_number("OUTBOX_SWEEP_SECONDS", 20)
_SWEEP = timedelta(seconds=OUTBOX_SWEEP_SECONDS)
CELERY_BEAT_SCHEDULE = {
    "sweep-outbox": {"task": "notifications.tasks.sweep_outbox", "schedule": _SWEEP},
    "sweep-link-requests": {"task": "accounts.tasks.answer_link_requests", "schedule": _SWEEP},
    "sweep-submissions": {"task": "registration.tasks.carry_out_submissions", "schedule": _SWEEP},
    "sweep-documents": {"task": "documents.tasks.finish_unfinished", "schedule": timedelta(minutes=1)},
    "sweep-ticket-files": {"task": "support.tasks.finish_unfinished", "schedule": timedelta(minutes=1)},
    "sweep-history": {"task": "history.tasks.seal", "schedule": timedelta(minutes=1)},
    "seal-history": {"task": "history.tasks.seal_everything", "schedule": crontab(minute="47")},
    "sweep-imports": {"task": "directory.tasks.sweep_imports", "schedule": timedelta(minutes=1)},
    "lapse-unactivated-principals": {"task": "attachments.tasks.lapse_unactivated", "schedule": crontab(minute="37")},
    # Right after midnight, when dates have run out; then by daylight, what will.
    "end-run-out-attachments": {"task": "attachments.tasks.end_run_out", "schedule": crontab(minute="4", hour="0")},
    # Every hour: what failed is tried again, and a worker that was away at midnight holds up nobody for a day.
    "carry-out-handovers": {"task": "attachments.tasks.carry_out_handovers", "schedule": crontab(minute="2")},
    # After those two: what nobody of its structure can decide any more. Then whether all that must hold does.
    "leave-to-support": {"task": "attachments.tasks.leave_to_support", "schedule": crontab(minute="9")},
    "check-invariants": {"task": "attachments.tasks.check_invariants", "schedule": crontab(minute="41", hour="3")},
    "warn-of-endings": {"task": "attachments.tasks.warn_of_endings", "schedule": crontab(minute="23", hour="6")},
    "forget-receipts": {"task": "registration.tasks.forget_receipts", "schedule": crontab(minute="27")},
    "warn-of-password-expiry": {"task": "accounts.tasks.warn_of_expiry", "schedule": crontab(minute="7", hour="6")},
    "forget-refused-mails": {"task": "notifications.tasks.forget_refused", "schedule": crontab(minute="47", hour="2")},
    "end-accounts": {"task": "accounts.tasks.end_accounts", "schedule": crontab(minute="11", hour="2")},
    "forget-expired": {"task": "accounts.tasks.forget_expired", "schedule": crontab(minute="17")},
}

# --- E-mail ------------------------------------------------------------------------------------
EMAIL_URL = required("EMAIL_URL", "serveur d'envoi des courriels", "smtp://127.0.0.1:2525")
_email = mail_server_of(EMAIL_URL)
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email["EMAIL_HOST"]
EMAIL_PORT = _email["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _email["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = bool(_email.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(_email.get("EMAIL_USE_SSL"))
# Seconds to connect: TCP, greeting, EHLO, TLS and password, each. Giving up there doubles nothing.
EMAIL_TIMEOUT = 60
# Then as long as RFC 5321 (4.5.3.2) asks: for each answer to a command, and for the one to the whole message,
# which the server may have taken when we give up.
EMAIL_COMMAND_TIMEOUT = 300
EMAIL_MESSAGE_TIMEOUT = 600
DEFAULT_FROM_EMAIL = required("MAIL_FROM", "expéditeur des courriels", "ne-pas-repondre@portail.example")
for _name, _address in (("MAIL_FROM", DEFAULT_FROM_EMAIL), ("SUPPORT_EMAIL", SUPPORT_EMAIL)):
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", parseaddr(_address)[1]):
        refuse(f"{_name} doit être une adresse électronique, et non « {_address} ».")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# A sent mail holds links and personal data: its body is kept only for the demo's mailbox.
OUTBOX_KEEPS_BODIES = DEMO
# Largest directory file taken by upload; the command takes any.
IMPORT_MAX_BYTES = whole_number("IMPORT_MAX_MB", 500) * 2**20
# DATA, the message, its answer: the lease outlives the longest of these waits.
OUTBOX_LEASE_SECONDS = whole_number(
    "OUTBOX_LEASE_SECONDS", 1300, least=2 * EMAIL_COMMAND_TIMEOUT + EMAIL_MESSAGE_TIMEOUT + 60
)

# --- Accounts ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "accounts.backends.EmailBackend",
    "rules.permissions.ObjectPermissionBackend",
]
PASSWORD_HASHERS = [
    "accounts.hashers.PortalArgon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "accounts.passwords.UnlikeThePersonValidator",
        "OPTIONS": {"user_attributes": ("first_name", "last_name", "email", "contact_email")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "accounts.passwords.UncommonValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
# How long a principal manager may leave the account unactivated before losing the role.
PRINCIPAL_ACTIVATION_DAYS = whole_number("PRINCIPAL_ACTIVATION_DAYS", 7)
# Hours within which the outgoing principal manager, or support, can undo a hand-over.
TRANSFER_UNDO_HOURS = whole_number("TRANSFER_UNDO_HOURS", 72)
# Months without a login after which a principal manager whose structure's requests wait is taken to be gone.
ORPHAN_SILENT_MONTHS = whole_number("ORPHAN_SILENT_MONTHS", 3)
# How many days before an attachment ends the person and whoever attaches people there are told.
ATTACHMENT_ENDING_DAYS = whole_number("ATTACHMENT_ENDING_DAYS", 30)
# Days after its activation link was last sent at which an account nobody activated is closed; 0: never.
NEVER_ACTIVATED_DAYS = whole_number("NEVER_ACTIVATED_DAYS", 90, least=0)
# Hours in which a sitting principal manager may object to being replaced by support.
OBJECTION_HOURS = whole_number("OBJECTION_HOURS", 72)
ACTIVATION_HOURS = whole_number("ACTIVATION_HOURS", 72)
RESET_MINUTES = whole_number("RESET_MINUTES", 60)
# Days a deactivated account may be reactivated by its owner; support alone reopens it after.
REACTIVATION_DAYS = whole_number("REACTIVATION_DAYS", 60)
# How many days before it is closed its owner is told; and how many after it is anonymised, 0: never.
CLOSING_WARNING_DAYS = whole_number("CLOSING_WARNING_DAYS", 7)
ANONYMISE_AFTER_DAYS = whole_number("ANONYMISE_AFTER_DAYS", 365, least=0)
# Days after which a password must be replaced at login; 0: never.
PASSWORD_EXPIRES_DAYS = whole_number("PASSWORD_EXPIRES_DAYS", 0 if DEMO else 90, least=0)
# Who must have a second factor to log in: « support », « managers », both with a comma between, or nobody.
SECOND_FACTOR_REQUIRED = set(optional("SECOND_FACTOR_REQUIRED", "").replace(" ", "").split(",")) - {""}
if not {"support", "managers"} >= SECOND_FACTOR_REQUIRED:
    refuse("SECOND_FACTOR_REQUIRED ne connaît que « support » et « managers ».")
SESSION_MINUTES = whole_number("SESSION_MINUTES", 30, least=2)
SESSION_COOKIE_AGE = SESSION_MINUTES * 60
# The server ends the session; a cookie that outlives it lets the login page say so.
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_NAME = "session"
LOCKOUT_FAILURES = whole_number("LOCKOUT_FAILURES", 5)
LOCKOUT_MINUTES = whole_number("LOCKOUT_MINUTES", 15)
AXES_FAILURE_LIMIT = LOCKOUT_FAILURES
AXES_COOLOFF_TIME = timedelta(minutes=LOCKOUT_MINUTES)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "accounts.backends.axes_username"
AXES_LOCKOUT_CALLABLE = "accounts.views.locked_out"
AXES_CLIENT_IP_CALLABLE = "plumbing.requests.client_network"
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

# Login by OpenID Connect: off as long as no issuer is set.
OIDC_ISSUER = optional("OIDC_ISSUER", "").rstrip("/")
OIDC_CLIENT_ID = optional("OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET = optional("OIDC_CLIENT_SECRET", "")
# What the button and the screens call the provider.
OIDC_LABEL = optional("OIDC_LABEL", "ProConnect")
if OIDC_ISSUER:
    _issuer = urlsplit(OIDC_ISSUER)
    if _issuer.scheme not in (["https"] if PRODUCTION else ["https", "http"]) or not _issuer.hostname:
        refuse(f"OIDC_ISSUER doit ressembler à https://fournisseur.exemple.fr/api/v2, et non « {OIDC_ISSUER} ».")
    if not (OIDC_CLIENT_ID and OIDC_CLIENT_SECRET):
        refuse("OIDC_ISSUER ne va pas sans OIDC_CLIENT_ID ni OIDC_CLIENT_SECRET.")

# --- Registration ----------------------------------------------------------------------------------
# Minutes in which a captcha can be answered.
CAPTCHA_TIMEOUT = 30
# Requests per address, « n/m » is n a minute (django-ratelimit).
PREFILL_RATE = rate("PREFILL_RATE", "30/m")
REGISTRATION_RATE = rate("REGISTRATION_RATE", "20/h")
CAPTCHA_AUDIO_RATE = rate("CAPTCHA_AUDIO_RATE", "20/m")
CAPTCHA_IMAGE_RATE = rate("CAPTCHA_IMAGE_RATE", "60/m")
# What one person, or one network address, may send to support: tickets, drafts, replies, closings, scans.
TICKET_RATE = rate("TICKET_RATE", "20/h")
MAIL_REQUEST_RATE = rate("MAIL_REQUEST_RATE", "10/h")
LOGIN_RATE = rate("LOGIN_RATE", "60/m")
# Addresses one manager may try or attach, each answer saying whether there is an account; and changes that mail.
ATTACH_RATE = rate("ATTACH_RATE", "60/h")
# Lines of files one manager may apply: each mails somebody, and says whether there is an account.
FILE_LINES_RATE = rate("FILE_LINES_RATE", "1000/d")
# Mails of one kind to one address: those that visitors cause, and those that tell a manager who waits.
MAIL_TO_ONE_RATE = rate("MAIL_TO_ONE_RATE", "5/h")
DECIDER_MAIL_RATE = rate("DECIDER_MAIL_RATE", "20/h")

# --- Security ----------------------------------------------------------------------------------------
# Reverse proxies in front of the portal, each adding one address to X-Forwarded-For.
PROXY_COUNT = whole_number("PROXY_COUNT", 0, least=0)
if PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^sante/$"]
SECURE_HSTS_SECONDS = 31536000 if PRODUCTION else 0
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "csrf"
CSRF_COOKIE_HTTPONLY = False
CSRF_FAILURE_VIEW = "chorus.pages.csrf_failure"
X_FRAME_OPTIONS = "DENY"
# Largest body, in bytes, outside the pages below: refused before it is read.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
# The largest supporting document, and all those of one person together.
DOCUMENT_MAX_BYTES = 10 * 2**20
DOCUMENTS_MAX_BYTES = whole_number("DOCUMENTS_MAX_MB", 200, least=10) * 2**20
# What one person adds to one ticket, together.
TICKET_FILES_MAX_BYTES = whole_number("TICKET_FILES_MAX_MB", 50, least=10) * 2**20
# The pages that take files, by URL name, and how many bytes of them: from support alone; from whoever is logged in,
# in memory (as many at once as there are threads).
STAFF_UPLOADS = {
    "admin:directory_directoryimport_add": IMPORT_MAX_BYTES,
    "admin:support_ticket_change": DOCUMENT_MAX_BYTES,
}
USER_UPLOADS = {
    **dict.fromkeys(("documents:add", "support:write", "support:ticket", "support:deposit"), DOCUMENT_MAX_BYTES),
    "attachments:import_people": 200 * 2**10,
}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        # The style sheet draws ticks and chevrons with data: images.
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "media-src": [SELF],
        "connect-src": [SELF],
        # « Se déconnecter », a form, leads on to the provider's own logout.
        "form-action": [SELF, f"{_issuer.scheme}://{_issuer.netloc}"] if OIDC_ISSUER else [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- Language and time -----------------------------------------------------------------------------------
LANGUAGE_CODE = "fr"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Paris"
PHONENUMBER_DEFAULT_REGION = "FR"
PHONENUMBER_DEFAULT_FORMAT = "NATIONAL"

# --- Files -----------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = optional("STATIC_ROOT", str(BASE_DIR / ".static")) if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = VAR_DIR / "files"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if PRODUCTION:
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": required("S3_BUCKET", "compartiment des fichiers déposés", ""),
            "endpoint_url": required("S3_ENDPOINT", "adresse du stockage S3", ""),
            "access_key": required("S3_ACCESS_KEY", "identifiant du stockage S3", ""),
            "secret_key": required("S3_SECRET_KEY", "secret du stockage S3", ""),
            "default_acl": "private",
            "querystring_auth": True,
            # Beyond this a file is read from a temporary one: a directory to import may weigh half a gigabyte.
            "max_memory_size": 8 * 2**20,
        },
    }
else:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_AUTOREFRESH = DEBUG

# --- Logs -----------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"hide_tokens": {"()": "plumbing.logs.HideTokens"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["hide_tokens"]}},
    "root": {"handlers": ["console"], "level": optional("LOG_LEVEL", "INFO").upper()},
    "loggers": {
        "axes": {"level": "WARNING"},
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}
if LOGGING["root"]["level"] not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    refuse("LOG_LEVEL doit être DEBUG, INFO, WARNING, ERROR ou CRITICAL.")
