"""What nobody types and anybody can send to support's pages: an answer, never a broken page."""

import pytest
from django.contrib import admin
from django.urls import reverse

from history.models import HistoryEntry
from structures.models import Referent, Structure
from tests.factories import AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

OURS = [model for model, pages in admin.site._registry.items() if hasattr(pages, "perform_each")]
HUGE = "99999999999999999999"


def named(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture(autouse=True)
def boss(client):
    user = UserFactory(staff=True, is_superuser=True)
    client.force_login(user)
    return user


# On each page of a table; those of its list only.
ANYWHERE = [
    {"_popup": "1", "_to_field": "password"},
    {"_to_field": "attachments", "referent": "abc", "structure": "abc", "actor": HUGE, "_changelist_filters": "%"},
]
ON_LISTS = [
    {"_to_field": ""},
    {"_to_field": "x"},
    {"_to_field": "history"},
    {"_popup": "1", "_to_field": "id"},
    {"all": "x", "e": "1", "_facets": "x"},
    {"q": "\x00"},
    {"o": HUGE},
    {"o": "0.-1.x.²"},
    {"p": "-1"},
    {"p": HUGE},
    {"p": "9" * 5000},
    {"q": "\ufffd'%_" * 50},
]


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_no_query_breaks_a_page(client, boss, model):
    key = "000000000" if model._meta.pk.name == "siren" else boss.pk
    listed = named(model, "changelist")
    pages = [listed, named(model, "add"), named(model, "change", key), named(model, "history", key)]
    asked = [(path, query) for path in pages for query in ANYWHERE] + [(listed, query) for query in ON_LISTS]
    for path, query in asked:
        assert client.get(path, query).status_code in (200, 302, 400, 403, 404), (path, query)


@pytest.mark.parametrize("model", [AttachmentRequestFactory._meta.model, HistoryEntry])
@pytest.mark.parametrize("part", ["year", "month", "day"])
def test_dates_no_calendar_has(client, model, part):
    path = named(model, "changelist")
    whole = {"created_at__year": "2026", "created_at__month": "2", "created_at__day": "1"}
    for value in ("-1", "0", "10000", HUGE, "9" * 5000, "x", "", "2026-02-30", "²"):
        alone, with_year = {f"created_at__{part}": value}, {"created_at__year": value, f"created_at__{part}": value}
        for query in (alone, with_year, whole | alone):
            assert client.get(path, query).status_code in (200, 302), query


@pytest.mark.parametrize("lookup", ["created_at__year__gte", "created_at__regex", "created_at__hour__lt"])
def test_only_the_calendar_on_screen_is_asked(client, lookup):
    assert client.get(named(HistoryEntry, "changelist"), {lookup: "1"}).status_code == 400


@pytest.mark.parametrize("lookup", ["nature__regex", "nature__gt", "nature__startswith"])
def test_only_the_filters_on_screen_are_asked(client, lookup):
    assert client.get(named(Structure, "changelist"), {lookup: "["}).status_code == 400
    assert client.get(named(Structure, "changelist"), {"nature__exact": "public"}).status_code == 200


@pytest.mark.parametrize("referent", ["abc", "1.5", "²", "-1", HUGE, "9" * 5000, "a\x00b", "[]"])
def test_a_referent_that_is_none_is_said_beside_the_field(client, referent):
    structure = StructureFactory()
    path = named(Structure, "change", structure.pk)
    form = client.get(path).context["adminform"].form
    data = {name: form[name].value() or "" for name in form.fields} | {"referent": referent}
    answer = client.post(path, data | {"services-TOTAL_FORMS": 0, "services-INITIAL_FORMS": 0})
    assert answer.status_code == 200
    assert "referent" in answer.context["adminform"].form.errors


def test_the_referent_chosen_is_shown(client):
    referent = Referent.objects.create(administration="Rennes", name="Anne Un", email="anne@exemple.example")
    assert str(referent) in client.get(named(Structure, "change", StructureFactory(referent=referent).pk)).text
    assert str(referent) in client.get(named(Structure, "add"), {"referent": referent.pk}).text


@pytest.mark.parametrize("ticked", ["x", "", "1.5", "²", "9" * 5000, "a\x00b", "[]"])
def test_what_is_ticked_is_a_row(client, ticked):
    waiting = AttachmentRequestFactory()
    data = {"action": "approve_as_simple", "_selected_action": [waiting.pk, ticked]}
    assert client.post(named(type(waiting), "changelist"), data).status_code == 400
    waiting.refresh_from_db()
    assert waiting.is_pending
    assert client.post(named(type(waiting), "changelist"), data | {"_selected_action": HUGE}).status_code == 302


@pytest.mark.parametrize("index", ["-5", HUGE, "x", "\x00"])
def test_no_other_button_breaks_the_list(client, index):
    waiting = AttachmentRequestFactory()
    data = {"action": "approve_as_simple", "index": index, "select_across": "x", "_selected_action": waiting.pk}
    assert client.post(named(type(waiting), "changelist"), data).status_code in (200, 302)


def test_nothing_is_completed_as_one_types(client):
    """No field asks for it, and it would tell who guesses."""
    query = {"app_label": "structures", "model_name": "structure", "field_name": "referent", "term": "a"}
    assert client.get("/admin/autocomplete/", query).status_code == 404
