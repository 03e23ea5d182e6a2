"""Each event is shown under one kind with one word, or belongs to accounts and is not shown at all."""

from history.models import Event
from history.outcomes import ACCOUNTS_ONLY, OUTCOMES, Kind, events_of
from plumbing.templatetags.components import TONES


def test_every_event_was_decided_on():
    assert {*OUTCOMES} | ACCOUNTS_ONLY == {*Event}
    assert not {*OUTCOMES} & ACCOUNTS_ONLY


def test_every_kind_has_its_events():
    assert sorted(event for kind in Kind.values for event in events_of(kind)) == sorted(OUTCOMES)
    assert not set(events_of("")) & ACCOUNTS_ONLY


def test_the_words_of_the_domain():
    words = {outcome.word for outcome in OUTCOMES.values()}
    assert {"Validée", "Refusée", "Désactivée", "Supprimé"} <= words
    assert {outcome.tone for outcome in OUTCOMES.values()} - TONES.keys() == {"inactive"}
