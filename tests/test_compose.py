"""docker-compose.yml, as far as it can be checked without a Docker engine."""

import re

import pytest
import yaml
from django.conf import settings

TEXT = (settings.BASE_DIR / "docker-compose.yml").read_text()
SERVICES = yaml.safe_load(TEXT)["services"]
OURS = ("migrate", "web", "worker", "beat")


def test_the_services_are_there():
    assert set(SERVICES) == {*OURS, "postgres", "redis"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_service_runs_as_root(name):
    assert SERVICES[name]["user"] not in ("root", "0", "0:0")


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"migrate"}))
def test_every_lasting_service_says_how_it_is(name):
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_web_worker_and_beat_are_one_image_in_production_mode():
    assert len({SERVICES[name]["image"] for name in OURS}) == 1
    assert {SERVICES[name]["environment"]["CHORUS_ENV"] for name in OURS} == {"production"}


def test_no_secret_has_a_default():
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "EMAIL_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY"):
        uses = re.findall(rf"\$\{{{name}(\W*)", TEXT)
        assert uses
        assert all(use.startswith(":?") for use in uses), name


def test_the_example_environment_names_what_compose_demands_and_gives_no_secret():
    example = (settings.BASE_DIR / ".env.example").read_text()
    demanded = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert {f"{name}=" for name in demanded} <= set(example.splitlines())
