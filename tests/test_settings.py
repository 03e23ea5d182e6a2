"""A wrong setting stops the production start with one sentence; the demo cannot come on there."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from chorus import settings as module

SETTINGS = Path(module.__file__)
RIGHT = {
    "CHORUS_ENV": "production",
    "SECRET_KEY": "k9w$2vXq8!zLr5@tYb3#nMc7^pHd1&fGj4*sQe6(uWa0)iRo-xTlBvCk",
    "ALLOWED_HOSTS": "portail.exemple.fr",
    "SITE_URL": "https://portail.exemple.fr",
    "DATABASE_URL": "postgres://portail:secret@db:5432/portail",
    "REDIS_URL": "redis://redis:6379/0",
    "EMAIL_URL": "smtp+tls://portail:secret@mail:587",
    "MAIL_FROM": "portail@exemple.fr",
    "SUPPORT_EMAIL": "assistance@exemple.fr",
    "S3_BUCKET": "portail",
    "S3_ENDPOINT": "https://s3.exemple.fr",
    "S3_ACCESS_KEY": "clef",
    "S3_SECRET_KEY": "secret",
}


def start(environment, code="import chorus.settings"):
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run([sys.executable, "-c", code], env=bare | environment, capture_output=True, text=True)


def test_right_settings_start():
    answer = start(RIGHT)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_refusal_stops_the_start_with_one_sentence():
    answer = start(RIGHT | {"SECRET_KEY": "trop-court"})
    assert (answer.returncode, answer.stderr.count("\n")) == (1, 1)
    assert answer.stderr.startswith("Configuration refusée : ")


def refusal(monkeypatch, environment):
    """The sentence with which these settings are refused, read as at the start: a process each would take a minute."""
    for name in os.environ.keys() - {"PATH", "HOME", "LANG"}:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "chorus.environment")
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(SETTINGS)
    assert str(stopped.value).count("\n") == 0
    assert str(stopped.value).startswith("Configuration refusée : ")
    return str(stopped.value)


@pytest.mark.parametrize("name", sorted(RIGHT.keys() - {"CHORUS_ENV"}))
def test_a_missing_setting_is_named(monkeypatch, name):
    assert name in refusal(monkeypatch, {key: value for key, value in RIGHT.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHORUS_ENV", "prod"),
        ("SECRET_KEY", "trop-court"),
        ("SECRET_KEY", "a" * 60),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", " , "),
        ("ALLOWED_HOSTS", "https://portail.exemple.fr"),
        ("SITE_URL", "https://portail.exemple.fr/chemin"),
        ("SUPPORT_EMAIL", "zzz"),
        ("MAIL_FROM", "@"),
        ("PREFILL_RATE", "abc"),
        ("SITE_URL", "portail.exemple.fr"),
        ("SITE_URL", "http://portail.exemple.fr"),
        ("DATABASE_URL", "sqlite:///portail.sqlite3"),
        ("DATABASE_URL", "postgres://db"),
        ("DATABASE_URL", "n'importe quoi"),
        ("REDIS_URL", "amqp://rabbit"),
        ("EMAIL_URL", "consolemail://"),
        ("EMAIL_URL", "smtp://"),
        ("MAIL_FROM", "personne"),
        ("SESSION_MINUTES", "une heure"),
        ("SECOND_FACTOR_REQUIRED", "support,tout le monde"),
        ("OUTBOX_LEASE_SECONDS", "300"),
        ("LOG_LEVEL", "BAVARD"),
        ("OIDC_ISSUER", "http://fournisseur.exemple.fr"),
        ("OIDC_ISSUER", "https://fournisseur.exemple.fr"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch, name, value):
    assert name in refusal(monkeypatch, RIGHT | {name: value})


def test_an_empty_optional_setting_means_its_default():
    """Compose hands every variable on, empty when .env leaves it out."""
    names = ["PORTAL_NAME", "PORTAL_LOGO", "STATIC_ROOT", "ACTIVATION_HOURS", "PREFILL_RATE", "MAIL_TO_ONE_RATE"]
    names += ["OUTBOX_LEASE_SECONDS", "LOG_LEVEL"]
    shown = (
        "import chorus.settings as s\n"
        "print(s.PORTAL_NAME, s.PORTAL_LOGO, s.STATIC_ROOT, s.ACTIVATION_HOURS, s.PREFILL_RATE, s.MAIL_TO_ONE_RATE,"
        " s.OUTBOX_LEASE_SECONDS, s.LOGGING['root']['level'])"
    )
    left_out, empty = start(RIGHT, shown), start(RIGHT | dict.fromkeys(names, ""), shown)
    assert (empty.returncode, empty.stderr) == (0, "")
    assert empty.stdout == left_out.stdout


def test_a_secret_may_begin_with_a_dollar():
    answer = start(RIGHT | {"S3_SECRET_KEY": "$ecret"}, "import chorus.settings as s; print(s.STORAGES['default'])")
    assert "'secret_key': '$ecret'" in answer.stdout


@pytest.mark.parametrize(("name", "attribute"), [("WEB_CONCURRENCY", "workers"), ("WEB_THREADS", "threads")])
def test_gunicorn_takes_its_size_from_the_settings(name, attribute):
    code = f"import chorus.gunicorn as g; print(g.{attribute})"
    assert start(RIGHT | {name: "3"}, code).stdout == "3\n"
    refused = start(RIGHT | {name: "beaucoup"}, code)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert name in refused.stderr


def test_an_uploaded_file_is_read_from_the_store_through_the_disk():
    """Kept in memory, a file of the directory would take all that the worker has."""
    answer = start(RIGHT, "import chorus.settings as s; print(s.STORAGES['default']['OPTIONS']['max_memory_size'])")
    assert 0 < int(answer.stdout) <= 16 * 2**20


def test_nobody_waits_long_for_redis():
    """The tests are more patient: see conftest.py."""
    options = "s.CACHES['default']['OPTIONS']"
    code = f"import chorus.settings as s; o = {options}; print(s.REDIS_PATIENCE, s.REDIS_REST, *o.values())"
    answer = start(RIGHT, code).stdout.split()
    assert answer[:2] == ["0.25", "30"]
    assert answer[2:].count("0.25") == 2


def test_the_demo_is_nowhere_in_production():
    code = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'chorus.settings'; import django; django.setup()\n"
        "from django.conf import settings; from django.urls import Resolver404, resolve\n"
        "assert 'chorus.demo' not in settings.INSTALLED_APPS and not settings.OUTBOX_KEEPS_BODIES\n"
        "assert not settings.DEBUG and settings.SESSION_COOKIE_SECURE and settings.SECURE_SSL_REDIRECT\n"
        "resolve('/connexion/')\n"
        "try: resolve('/demo/courriels/')\n"
        "except Resolver404: print('nowhere')\n"
    )
    answer = start(RIGHT | {"CHORUS_DEBUG": "1"}, code)
    assert answer.stdout == "nowhere\n", answer.stderr
