"""docker-compose.yml and what it uses, as far as they can be checked without a Docker engine."""

import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml
from celery import Celery
from django.conf import settings
from django.urls import reverse

from chorus.gunicorn import graceful_timeout
from plumbing.beat import Scheduler

TEXT = (settings.BASE_DIR / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
README = (settings.BASE_DIR / "README.md").read_text()
DOCKERFILE = (settings.BASE_DIR / ".docker/Dockerfile").read_text()
NGINX = (settings.BASE_DIR / ".docker/nginx.conf.template").read_text()
EXAMPLE = (settings.BASE_DIR / ".env.example").read_text()
OURS = ("migrate", "web", "worker", "beat")
PASSWORDS = ("POSTGRES_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD")


def each(names):
    return pytest.mark.parametrize("name", sorted(names))


def section(title):
    """One « ## » section of the README."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def documented():
    """(variable, meaning) of each line of the README's table of settings."""
    for line in section("Configuration").splitlines():
        if line.startswith("| `"):
            names, meaning = line.split("|")[1:3]
            yield from ((name, meaning.strip()) for name in re.findall(r"`(\w+)`", names))


PRODUCTION_SETTINGS = {name for name, meaning in documented() if not meaning.startswith("demo only")}


def users_of(network):
    return {name for name, service in SERVICES.items() if network in service["networks"]}


def test_the_services_are_there():
    assert set(SERVICES) == {*OURS, "proxy", "postgres", "redis"}


@each(SERVICES)
def test_no_service_runs_as_root_or_writes_to_its_image(name):
    service = SERVICES[name]
    assert service["user"] not in ("root", "0", "0:0")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@each(SERVICES)
def test_every_service_has_its_share_of_memory_and_no_more(name):
    assert re.fullmatch(r"\d+[mg]", SERVICES[name]["mem_limit"])
    assert SERVICES[name]["tmpfs"]
    for place in SERVICES[name]["tmpfs"]:
        assert re.search(r":(.*,)?size=\d+m", place), place


@each(SERVICES)
def test_logs_are_bounded(name):
    assert set(SERVICES[name]["logging"]["options"]) == {"max-size", "max-file"}


@each(SERVICES.keys() - {"migrate"})
def test_every_lasting_service_says_how_it_is(name):
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_web_worker_and_beat_are_one_image_in_production_mode():
    assert len({SERVICES[name]["image"] for name in OURS}) == 1
    assert {SERVICES[name]["environment"]["CHORUS_ENV"] for name in OURS} == {"production"}


@each(PRODUCTION_SETTINGS)
def test_every_documented_setting_reaches_the_portal(name):
    from_image = set(re.findall(r"(\w+)=", "".join(re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE))))
    for service in OURS:
        assert name in SERVICES[service]["environment"].keys() | from_image


def test_every_setting_the_code_reads_is_documented():
    sources = ("settings.py", "environment.py", "gunicorn.py")
    code = "".join((settings.BASE_DIR / "chorus" / name).read_text() for name in sources)
    names = set(re.findall(r'\b(?:required|optional|whole_number|rate|env\.\w+|environ\.get)\(\s*"([A-Z0-9_]+)"', code))
    assert len(names) > 30
    assert names <= {name for name, _ in documented()}


def test_every_variable_of_the_compose_file_is_told():
    told = PRODUCTION_SETTINGS | set(re.findall(r"`([A-Z0-9_]+)`", section("Deployment")))
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT)) <= told


def test_no_secret_has_a_default():
    for name in ("SECRET_KEY", *PASSWORDS, "EMAIL_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY"):
        uses = re.findall(rf"\$\{{{name}(\W*)", TEXT)
        assert uses, name
        assert all(use.startswith(":?") for use in uses), name


def test_the_example_environment_names_what_compose_demands_and_gives_no_secret():
    demanded = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert {f"{name}=" for name in demanded} <= set(EXAMPLE.splitlines())


def test_the_image_can_be_built_with_the_settings_of_its_build_step():
    step = re.search(r"^RUN (SECRET_KEY=.*?) \\\n +python manage.py collectstatic", DOCKERFILE, re.DOTALL | re.M)
    given = dict(word.split("=", 1) for word in shlex.split(step[1].replace("\\\n", " ")))
    given["SECRET_KEY"] = "k9w$2vXq8!zLr5@tYb3#nMc7^pHd1&fGj4*sQe6(uWa0)iRo-xTlBvCk"
    answer = run(["-c", "import chorus.settings"], given | {"CHORUS_ENV": "production"})
    assert (answer.returncode, answer.stderr) == (0, "")


def run(arguments, environment):
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=settings.BASE_DIR, env=bare | environment, capture_output=True, text=True)


def handed_on(dotenv):
    """The environment that compose makes for web of such an .env file."""

    def value(variable):
        name, _, default = variable[1].partition(":-")
        return dotenv[name.partition(":?")[0]] if ":?" in name else dotenv.get(name) or default

    environment = SERVICES["web"]["environment"]
    return {name: re.sub(r"\$\{(.*?)\}", value, text) for name, text in environment.items()}


def test_web_starts_when_the_env_file_holds_what_is_demanded_and_nothing_else(tmp_path):
    dotenv = dict.fromkeys(re.findall(r"\$\{(\w+):\?", TEXT), "motdepasse") | {
        "SECRET_KEY": "k9w$2vXq8!zLr5@tYb3#nMc7^pHd1&fGj4*sQe6(uWa0)iRo-xTlBvCk",
        "ALLOWED_HOSTS": "portail.exemple.fr",
        "SITE_URL": "https://portail.exemple.fr",
        "EMAIL_URL": "smtp://mail",
        "MAIL_FROM": "portail@exemple.fr",
        "SUPPORT_EMAIL": "assistance@exemple.fr",
    }
    environment = handed_on(dotenv) | {"STATIC_ROOT": str(tmp_path)}
    web = ["-m", "gunicorn", "--config", "python:chorus.gunicorn", "--check-config", "chorus.wsgi"]
    answer = run(web, environment)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_our_user_and_its_group_are_in_the_image():
    """Without the group, celery takes itself for root."""
    user, group = SERVICES["web"]["user"].split(":")
    assert f"--uid {user} " in DOCKERFILE
    assert f"--gid {group} " in DOCKERFILE


def test_beat_gives_the_sign_of_life_that_its_health_check_looks_for(tmp_path):
    module, name = settings.CELERY_BEAT_SCHEDULER.split(":")
    assert (module, name) == (Scheduler.__module__, Scheduler.__qualname__)
    beat = Scheduler(Celery(set_as_current=False), schedule_filename=str(tmp_path / "beat-schedule"))
    sign = tmp_path / "beat-schedule-alive"
    for _ in range(2):
        beat.tick()
        sign.unlink()
    assert f"find /tmp/{sign.name} " in SERVICES["beat"]["healthcheck"]["test"][1]


def test_web_is_given_the_time_it_takes_to_stop():
    assert int(SERVICES["web"]["stop_grace_period"].removesuffix("s")) > graceful_timeout


def test_only_the_proxy_is_reached_from_outside():
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"proxy"}


def test_the_proxy_reaches_web_alone():
    assert set(SERVICES["proxy"]["networks"]) == {"front"}
    assert users_of("front") == {"proxy", "web"}


def test_stores_are_on_networks_of_their_own_that_lead_nowhere():
    assert users_of("redis") == {"redis", "web", "worker", "beat"}
    assert users_of("database") == {"postgres", "migrate", "web", "worker"}
    assert SERVICES["redis"]["networks"] == ["redis"]
    assert SERVICES["postgres"]["networks"] == ["database"]
    assert COMPOSE["networks"]["redis"]["internal"] is COMPOSE["networks"]["database"]["internal"] is True


def test_redis_asks_for_its_password():
    command = SERVICES["redis"]["command"]
    assert command[command.index("--requirepass") + 1].startswith("${REDIS_PASSWORD:?")
    assert SERVICES["web"]["environment"]["REDIS_URL"].startswith("redis://:${REDIS_PASSWORD:?")


def test_the_portal_is_no_superuser_of_its_database():
    environment = SERVICES["postgres"]["environment"]
    role = re.match(r"postgres://(\w+):\$\{DATABASE_PASSWORD:\?", SERVICES["web"]["environment"]["DATABASE_URL"])[1]
    statements = (settings.BASE_DIR / ".docker/role.sql").read_text()
    assert role != environment["POSTGRES_USER"]
    assert re.search(rf"CREATE ROLE {role} LOGIN\b", statements)
    assert not re.search(r"(?<!as )superuser", statements, re.IGNORECASE)
    assert "./.docker/role.sql:/docker-entrypoint-initdb.d/role.sql:ro" in SERVICES["postgres"]["volumes"]


def test_the_proxy_is_given_every_variable_of_its_template():
    given = SERVICES["proxy"]["environment"]
    assert set(re.findall(r"\$\{(\w+)\}", NGINX)) == set(re.findall(r"\w+", given["NGINX_ENVSUBST_FILTER"]))
    assert set(re.findall(r"\$\{(\w+)\}", NGINX)) <= set(given)


@pytest.mark.parametrize("line", ["listen 8443 ssl;", "proxy_request_buffering on;", "proxy_buffering on;"])
def test_the_proxy_ends_tls_and_waits_for_slow_people_in_the_place_of_web(line):
    assert re.search(rf"^ +{line}$", NGINX, re.MULTILINE)


def test_the_proxy_takes_the_largest_file_the_portal_takes():
    default = re.fullmatch(r"\$\{IMPORT_MAX_MB:-(\d+)\}", SERVICES["proxy"]["environment"]["IMPORT_MAX_MB"])[1]
    assert int(default) * 2**20 == settings.IMPORT_MAX_BYTES


def test_the_proxy_lets_through_what_a_page_takes_from_anybody():
    for name, largest in settings.USER_UPLOADS.items():
        if largest < settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            continue  # It fits in what the proxy lets through to every page.
        place = "/sollicitations/" if name.startswith("support:") else f"= {reverse(name)}"
        location = re.search(rf"location {re.escape(place)} \{{(.*?)\}}", NGINX, re.DOTALL)[1]
        megabytes = int(re.search(r"client_max_body_size (\d+)m;", location)[1])
        assert megabytes * 2**20 == largest + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        assert "limit_conn" in location


def test_the_proxy_writes_the_only_address_the_portal_believes():
    assert SERVICES["web"]["environment"]["PROXY_COUNT"] == "1"
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in NGINX
    assert "$proxy_add_x_forwarded_for" not in NGINX


def test_the_proxy_logs_no_address_that_opens_an_account():
    log_format = re.search(r"log_format (.*?);", NGINX, re.DOTALL)[1]
    assert not re.search(r"\$(request\b|request_uri|uri|args|query_string|http_referer)", log_format)


def test_documents_are_in_the_backup_and_in_the_restore():
    """Their rows are in the dump, so the files are copied after it, and put back before the portal starts."""
    backup, restore = section("Deployment").partition("**Backup.**")[2].split("**Restore**")
    assert 0 < backup.index("pg_dump") < backup.index("s3 sync s3://$S3_BUCKET files")
    assert restore.index("s3 sync files s3://$S3_BUCKET") < restore.index("docker compose up --detach\n")


def test_threads_of_web_share_few_heaps():
    """glibc's default of eight a core kept what downloads had freed: 60 at once came within 10 MB of the limit."""
    assert re.search(r"^ENV MALLOC_ARENA_MAX=2$", DOCKERFILE, re.MULTILINE)
