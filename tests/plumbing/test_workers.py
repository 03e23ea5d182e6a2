"""Redis seen from a request: rate limits and wake-ups, on a real Redis."""

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from celery import current_app
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db import transaction
from django_redis import get_redis_connection

from plumbing.requests import within
from plumbing.workers import wake
from tests.servers import running_redis

ROOT = Path(__file__).resolve().parents[2]
QUEUE = "celery"


@pytest.fixture
def request_(rf):
    request = rf.post("/")
    request.user = AnonymousUser()
    return request


@pytest.fixture
def published(monkeypatch):
    asked = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **options: asked.append((name, args)))
    return asked


@pytest.mark.django_db(transaction=True)
def test_a_transaction_wakes_once_for_each_task(published):
    with transaction.atomic():
        for number in range(3):
            wake("one.task", number)
            with transaction.atomic():
                wake("other.task")
        with suppress(ZeroDivisionError), transaction.atomic():
            wake("third.task")
            _ = 1 / 0
        assert published == []
    assert published == [("one.task", [0]), ("other.task", [])]
    wake("one.task", 4)
    assert published[2:] == [("one.task", [4])]


@pytest.mark.django_db(transaction=True)
def test_what_a_rolled_back_part_asked_for_is_asked_again(published):
    with transaction.atomic():
        with suppress(ZeroDivisionError), transaction.atomic():
            wake("one.task", 1)
            _ = 1 / 0
        wake("one.task", 2)
    assert published == [("one.task", [2])]


@pytest.mark.django_db
def test_a_wake_waits_no_longer_for_a_redis_that_hangs(hanging_redis, django_capture_on_commit_callbacks):
    """Workers and beat wait for it five seconds."""
    start = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        wake("one.task")
    assert (hanging_redis(), time.monotonic() - start < 3) == (1, True)


@pytest.mark.django_db(transaction=True)
def test_redis_holds_json_and_no_pickle(request_):
    within(request_, "essai", "5/m")
    cache.set("list", ["é", 1])
    wake("one.task", "é")
    redis = get_redis_connection()
    assert json.loads(redis.get(cache.make_key("list"))) == ["é", 1]
    message = json.loads(redis.lindex(QUEUE, 0))
    assert message["content-type"] == "application/json"
    assert current_app.conf.accept_content == ["json"]
    redis.delete(QUEUE)


@pytest.mark.django_db(transaction=True)
def test_a_redis_with_a_password_counts_and_queues(request_, redis_at, caplog):
    with running_redis("s3cret-mot") as url, caplog.at_level("WARNING"):
        redis_at(url, patience=10)
        assert [within(request_, "essai", "2/m") for _ in range(3)] == [True, True, False]
        wake("one.task")
        assert get_redis_connection().llen(QUEUE) == 1
        assert not caplog.records
        redis_at(url.replace("s3cret", "autre"), patience=10)
        assert within(request_, "essai", "2/m")
    assert "left alone" in caplog.text
    assert "autre" not in caplog.text


def test_each_task_is_in_the_schedule_or_has_its_sweep_there():
    """A wake may be lost, and what only the clock calls is called by nobody else."""
    current_app.loader.import_default_modules()
    ours = {name for name in current_app.tasks if not name.startswith("celery.")}
    swept_by_others = {"notifications.tasks.deliver", "directory.tasks.import_directory"}
    scheduled = {entry["task"] for entry in current_app.conf.beat_schedule.values()}
    assert scheduled == ours - swept_by_others


def test_requests_reach_redis_by_the_breaker_alone():
    """Whatever else asked it would wait for a Redis that hangs."""
    ours = [path for path in ROOT.glob("[!.t]*/**/*.py") if path.parts[len(ROOT.parts)] not in ("tests", "benchmarks")]
    direct = [
        path.relative_to(ROOT).as_posix()
        for path in ours
        if any(
            word in path.read_text()
            for word in ("send_task(", ".delay(", "apply_async(", "is_ratelimited(", "core.cache")
        )
    ]
    assert ours
    assert sorted(direct) == ["plumbing/exports.py", "plumbing/workers.py"]
    assert all("redis_breaker.call(" in (ROOT / path).read_text() for path in direct)
