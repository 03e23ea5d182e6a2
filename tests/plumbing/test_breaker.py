import logging
from functools import partial
from itertools import count

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from plumbing import breaker
from plumbing.breaker import Breaker
from tests.at_once import at_once


class Clock:
    now = 0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch, settings):
    settings.REDIS_PATIENCE, settings.REDIS_REST = 0.25, 30
    monkeypatch.setattr(breaker, "monotonic", clock := Clock())
    return clock


def fail():
    raise RedisConnectionError("no answer")


def test_what_works_is_answered_and_the_arguments_arrive(clock):
    assert Breaker("Redis").call(lambda *args, **kwargs: (args, kwargs), 1, two=2, otherwise=None) == ((1,), {"two": 2})


@pytest.mark.parametrize("seconds,calls", [(0.2, 2), (0.3, 1)])
def test_a_slow_answer_is_given_and_opens_the_breaker(clock, seconds, calls):
    made, redis = count(), Breaker("Redis")

    def dawdle():
        clock.now += seconds
        return next(made)

    assert redis.call(dawdle) == 0
    redis.call(dawdle)
    assert next(made) == calls


def test_a_failure_spares_everybody_for_thirty_seconds(clock):
    redis = Breaker("Redis")
    assert redis.call(fail, otherwise=False) is False
    clock.now = 29
    assert redis.call(pytest.fail, otherwise=False) is False
    clock.now = 31
    assert redis.call(lambda: "here") == "here"
    assert redis.call(lambda: "again") == "again"


def test_while_one_tries_the_others_are_spared(clock):
    redis = Breaker("Redis")
    redis.call(fail)
    clock.now = 31

    def trying():
        assert redis.call(pytest.fail, otherwise="spared") == "spared"
        return "here"

    assert redis.call(trying) == "here"


def test_a_try_that_fails_opens_it_again(clock):
    redis = Breaker("Redis")
    redis.call(fail)
    clock.now = 31
    redis.call(fail)
    clock.now = 60
    assert redis.call(pytest.fail, otherwise="spared") == "spared"


def test_eight_threads_wait_at_most_once_each(clock):
    redis, made = Breaker("Redis"), []

    def ask():
        for _ in range(5):
            redis.call(lambda: made.append(1) or fail())

    at_once(*[ask] * 8)
    assert 1 <= len(made) <= 8


def test_our_own_mistakes_are_not_hidden(clock):
    redis = Breaker("Redis")
    with pytest.raises(ZeroDivisionError):
        redis.call(lambda: 1 / 0)
    assert redis.call(lambda: "closed") == "closed"


def test_opening_and_closing_are_logged_and_nothing_between(clock, caplog):
    redis = Breaker("Redis")
    with caplog.at_level(logging.WARNING):
        for redis_call in (fail, fail, fail):
            redis.call(redis_call)
        clock.now = 31
        redis.call(partial(int, "1"))
    assert [record.getMessage() for record in caplog.records] == [
        "Redis is left alone for 30 s: no answer",
        "Redis answers again",
    ]
