"""Reading the environment: what is missing or wrong stops the start with one sentence."""

import os
import re

import environ

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


def rate(name, default):
    """So many requests in a second, minute, hour or day: « 30/m »."""
    value = optional(name, default)
    if not re.fullmatch(r"[1-9]\d*/[smhd]", value, re.ASCII):
        refuse(f"{name} doit ressembler à 30/m (par s, m, h ou d), et non « {value} ».")
    return value
