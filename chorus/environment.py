"""Reading the environment: what is missing or wrong stops the start with one sentence."""

import os
import re
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()


def refuse(sentence):
    """Stop the start: whoever reads the console is not always a developer, so no traceback."""
    raise SystemExit(f"Configuration refusée : {sentence}")


def optional(name, default):
    """The variable, or `default` when it is missing or empty: docker-compose.yml hands every one on, empty or not.

    Read as it stands: django-environ would take a leading « $ » for the name of another variable.
    """
    return os.environ.get(name, "").strip() or default


_chosen = optional("CHORUS_ENV", "demo")
if _chosen not in ("demo", "production"):
    refuse(f"CHORUS_ENV vaut « {_chosen} », or seules « demo » et « production » existent.")
PRODUCTION = _chosen == "production"


def required(name, purpose, demo):
    """The variable in production, `demo` in the demo; refuses an empty one in production."""
    if value := optional(name, ""):
        return value
    if PRODUCTION:
        refuse(f"la variable {name} ({purpose}) n'est pas définie.")
    return demo


def whole_number(name, default, least=1):
    """A whole number of at least `least`; refuses anything else."""
    raw = optional(name, str(default))
    if not raw.isascii() or not raw.isdigit() or int(raw) < least:
        refuse(f"{name} doit être un nombre entier d'au moins {least}, et non « {raw} ».")
    return int(raw)


def addresses(name):
    """{code: address} of « code=https://…;code=https://… »; refuses anything else."""
    pairs = [pair.strip().partition("=") for pair in optional(name, "").split(";") if pair.strip()]
    for code, _, address in pairs:
        if not code or urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc:
            refuse(f"{name} doit ressembler à factures-recues=https://exemple.fr/factures;autre-espace=https://…")
    return {code.strip(): address.strip() for code, _, address in pairs}


def rate(name, default):
    """So many requests in a second, minute, hour or day: « 30/m »."""
    value = optional(name, default)
    if not re.fullmatch(r"[1-9]\d*/[smhd]", value, re.ASCII):
        refuse(f"{name} doit ressembler à 30/m (par s, m, h ou d), et non « {value} ».")
    return value


def database_of(url):
    """The address of a database as Django's DATABASES has it; refuses an unreadable one, or SQLite in production."""
    if PRODUCTION and urlsplit(url).scheme not in ("postgres", "postgresql"):
        refuse("DATABASE_URL doit ressembler à postgres://utilisateur:motdepasse@hôte:5432/base.")
    try:
        database = env.db_url_config(url)
    except (ImproperlyConfigured, ValueError, KeyError):
        database = {}
    if PRODUCTION and not database.get("NAME"):
        refuse("DATABASE_URL ne nomme aucune base : ajoutez /nom-de-la-base à la fin.")
    if not database:
        refuse("DATABASE_URL n'est pas une adresse de base de données lisible.")
    if database["ENGINE"] == "django.db.backends.sqlite3":
        # IMMEDIATE: writers queue instead of failing with "database is locked"; it also stands in
        # for select_for_update(), which SQLite ignores.
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
        }
        return database | {"OPTIONS": options}
    return database | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


def mail_server_of(url):
    """The address of a mail server as Django's EMAIL_* settings; refuses anything but SMTP."""
    try:
        server = env.email_url_config(url)
    except (ImproperlyConfigured, ValueError, KeyError):
        server = {}
    if server.get("EMAIL_BACKEND") != "django.core.mail.backends.smtp.EmailBackend" or not server.get("EMAIL_HOST"):
        refuse("EMAIL_URL doit ressembler à smtp+tls://utilisateur:motdepasse@hôte:587.")
    return server
