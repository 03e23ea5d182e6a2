import email
from datetime import date, timedelta
from urllib.parse import quote

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from attachments.actions import (
    attach,
    change_dates,
    change_role,
    detach,
    end_what_ran_out,
    extend,
    extend_places,
    leave_personal_rights,
    warn_of_endings,
)
from attachments.forms.rights import a_year_after
from attachments.models import Attachment, Right, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.at_once import meanwhile
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TODAY = timezone.localdate


@pytest.fixture
def structure():
    return StructureFactory()


@pytest.fixture
def principal(structure):
    return AttachmentFactory(structure=structure, role=Role.PRINCIPAL, user__first_name="Claire").user


def ending(structure, days=9, **values):
    return AttachmentFactory(structure=structure, starts_on=TODAY() - 99 * DAY, ends_on=TODAY() + days * DAY, **values)


def text(mail):
    return email.message_from_bytes(bytes(mail.message)).get_payload(0).get_payload(decode=True).decode()


def mails():
    return sorted(OutgoingMail.objects.values_list("slug", "to"))


def test_an_end_that_is_near_is_told_once_and_again_when_it_moves(structure, principal):
    near, last = ending(structure, 30), ending(structure, 0)
    ending(structure, 31)
    ending(structure, -1)
    # A secondary manager who attaches nobody is not asked to see to it; a manager's own end is told to others.
    AttachmentFactory(structure=structure, role=Role.SECONDARY, attach_people=False)
    own = ending(structure, 20, role=Role.SECONDARY, user__first_name="Odile")
    other = AttachmentFactory(structure=structure, role=Role.SECONDARY, user__first_name="Anselme").user
    for told in (3, 0):
        assert warn_of_endings() == told
    to_people = [("attachment_ending", place.user.email) for place in (near, last, own)]
    to_managers = [("attachments_ending", user.email) for user in (principal, own.user, other)]
    assert mails() == sorted(to_people + to_managers)
    listed = {
        mail.to: [place for place in (near, last, own) if f"/rattachements/{place.pk}/prolonger/" in text(mail)]
        for mail in OutgoingMail.objects.filter(slug="attachments_ending")
    }
    assert listed == {principal.email: [near, last, own], own.user.email: [near, last], other.email: [near, last]}
    # Each is told of those alone who can prolong their place.
    asked = {mail.to: text(mail) for mail in OutgoingMail.objects.filter(slug="attachment_ending")}
    able = {
        place: [user for user in (principal, own.user, other) if str(user) in asked[place.user.email]]
        for place in (near, own)
    }
    assert able == {near: [principal, own.user, other], own: [principal]}
    OutgoingMail.objects.all().delete()
    extend(near.pk, actor=principal, ends_on=near.ends_on + 60 * DAY)
    assert warn_of_endings() == 0
    Attachment.objects.filter(pk=near.pk).update(ends_on=TODAY() + 3 * DAY)
    assert warn_of_endings() == 1


def test_how_near_is_a_setting(structure, principal, settings):
    settings.ATTACHMENT_ENDING_DAYS = 5
    assert ending(structure, 6).standing == "in_force"
    assert ending(structure, 5).standing == "ending"
    assert warn_of_endings() == 1


def test_what_ran_out_is_journaled_and_told_the_night_after_once(structure):
    alone = ending(structure, -1, role=Role.SECONDARY)
    simple = ending(structure, -3)
    stays = ending(structure, 0)
    asked = AttachmentRequestFactory(structure=structure)
    for ended in (2, 0):
        assert end_what_ran_out() == ended
    assert mails() == sorted(
        [("attachment_ended", place.user.email) for place in (alone, simple)]
        + [("request_to_support", OutgoingMail.objects.get(slug="request_to_support").to)]
        + [("request_with_support", asked.user.email)]
    )
    assert set(Attachment.objects.current()) == {stays}
    entries = HistoryEntry.objects.filter(event="attachment_ended")
    assert {entry.comment.splitlines()[0] for entry in entries} == {"Date de fin dépassée"}


def test_warning_costs_as_many_queries_for_two_as_for_twenty(structure, principal):
    counts = []
    for size in (2, 20):
        while structure.attachments.filter(ends_on__isnull=False).count() < size:
            ending(structure)
        Attachment.objects.update(warned_of=None)
        with CaptureQueriesContext(connection) as captured:
            warn_of_endings()
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_extended_in_two_clicks(client, structure, principal):
    place = ending(structure)
    client.force_login(principal)
    page = f"/rattachements/{place.pk}/prolonger/"
    assert page in client.get("/").text
    later = a_year_after(place.ends_on)
    assert later.isoformat() in client.get(page).text
    for wrong in ("hier", place.ends_on, TODAY() - DAY):
        assert client.post(page, {"ends_on": wrong}).status_code == 422
    assert "choisissez un jour après" in client.post(page, {"ends_on": place.ends_on}).text
    assert "dure désormais jusqu'au" in client.post(page, {"ends_on": later}, follow=True).text
    place.refresh_from_db()
    assert place.ends_on == later
    assert mails() == [("attachment_extended", place.user.email)]
    entry = HistoryEntry.objects.get()
    assert (entry.event, entry.actor) == ("attachment_changed", principal)
    assert "sans date de fin" in client.post(page, {"ends_on": ""}, follow=True).text


@pytest.mark.parametrize("origin", ["home", "list", "filtered", "elsewhere", "person"])
def test_extending_leads_back_to_where_it_was_opened_from(client, structure, principal, origin):
    place = ending(structure)
    client.force_login(principal)
    people = f"/structures/{structure.pk}/personnes/"
    opened = {"home": "/", "list": people, "filtered": f"{people}?q=a&tri=fin", "elsewhere": "//ailleurs.example/?a=1"}
    back = opened.get(origin, "")
    if origin in ("home", "list"):
        assert f"/prolonger/?retour={quote(back, safe='')}" in client.get(back).text
    page = f"/rattachements/{place.pk}/prolonger/?retour={quote(back, safe='')}"
    own = f"{people}{place.pk}/"
    wanted = own if origin in ("elsewhere", "person") else back
    assert f'href="{escape(wanted)}">Annuler' in client.get(page).text
    assert client.post(page, {"ends_on": ""}).url == wanted
    assert "n'a pas de date de fin" in client.get(page, follow=True).text
    over = ending(structure, -1)
    assert client.get(f"/rattachements/{over.pk}/prolonger/").status_code == 404


def test_what_nobody_extends(structure, principal):
    over, without, own = ending(structure, -1), AttachmentFactory(structure=structure), ending(structure)
    manager = ending(structure, role=Role.SECONDARY)
    codes = []
    for place, actor in ((over, principal), (without, principal), (own, own.user), (manager, manager.user)):
        with pytest.raises(ActionError) as refused:
            extend(place.pk, actor=actor, ends_on=None)
        codes.append(refused.value.code)
    assert codes == ["attachment_over", "no_end", "right_withdrawn", "right_withdrawn"]


@pytest.mark.parametrize(
    ("day", "later"),
    [
        (date(2026, 8, 31), date(2027, 8, 31)),
        (date(2028, 2, 29), date(2029, 2, 28)),
        (date(9999, 12, 31), date(2100, 12, 31)),
    ],
)
def test_a_year_after(day, later):
    assert a_year_after(day) == later


@pytest.mark.also_sqlite
def test_a_principal_manager_is_one_from_the_first_day_on():
    user = UserFactory()
    named = attach(user, StructureFactory(), actor=None, role=Role.PRINCIPAL, starts_on=TODAY() + 9 * DAY)
    upcoming = AttachmentFactory(starts_on=TODAY() + 9 * DAY, ends_on=TODAY() + 99 * DAY)
    risen = change_role(upcoming.pk, actor=None, role=Role.PRINCIPAL)
    assert named.starts_on == risen.starts_on == TODAY()
    with pytest.raises(ActionError) as refused:
        change_dates(named.pk, actor=None, starts_on=TODAY() + DAY)
    assert refused.value.code == "principal_begun"
    with transaction.atomic(), pytest.raises(IntegrityError, match="attachment_principal_begun"):
        AttachmentFactory(role=Role.PRINCIPAL, starts_on=TODAY() + 9 * DAY)


@pytest.mark.django_db(transaction=True)
def test_whoever_was_detached_meanwhile_is_not_extended():
    structure = StructureFactory()
    principal = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    place = ending(structure)
    told = meanwhile(lambda: detach(place.pk, actor=principal), lambda: extend(place.pk, actor=principal, ends_on=None))
    assert told.code == "attachment_over"


def extend_together(client, structure, places, **data):
    page = f"/structures/{structure.pk}/personnes/prolonger/"
    query = "&".join(f"rattachement={place.pk}" for place in places)
    return client.post(f"{page}?{query}", {"rattachement": [place.pk for place in places], **data}, follow=True)


def test_several_are_extended_to_one_day_and_who_is_left_out_is_said(client, structure, principal):
    soon, later, long = ending(structure), ending(structure, 60), ending(structure, 900)
    without, own = AttachmentFactory(structure=structure), structure.attachments.get(user=principal)
    elsewhere = ending(StructureFactory())
    client.force_login(principal)
    ticked = [soon, later, long, without, own, elsewhere]
    listed = client.get(f"/structures/{structure.pk}/personnes/").text
    assert [place for place in ticked if f'value="{place.pk}"' in listed] == [soon, later, long]
    day = TODAY() + 300 * DAY
    assert "Choisissez le nouveau dernier jour" in extend_together(client, structure, ticked, ends_on="").text
    refused = extend_together(client, structure, ticked, ends_on=TODAY() + DAY)
    assert (refused.status_code, "choisissez un jour après" in refused.text) == (422, True)
    assert not HistoryEntry.objects.exists()
    shown = extend_together(client, structure, ticked, ends_on="hier").text
    assert [str(place.user) in shown for place in ticked] == [True] * 5 + [False]
    assert sorted(refusal.code for _, refusal in refused.context["skipped"]) == ["no_end", "right_withdrawn"]
    answer = extend_together(client, structure, ticked, ends_on=day)
    assert "2 personnes restent rattachées jusqu" in answer.text
    assert "dure déjà jusqu" in answer.text
    assert [row.ends_on == day for row in Attachment.objects.order_by("pk").filter(pk__in=[soon.pk, later.pk])] == [
        True
    ] * 2
    assert mails() == sorted(("attachment_extended", place.user.email) for place in (soon, later))
    entries = HistoryEntry.objects.filter(event="attachment_changed", actor=principal)
    assert {entry.subject_id: entry.data["changes"]["ends_on"][1] for entry in entries} == {
        place.user_id: day.isoformat() for place in (soon, later)
    }


@pytest.mark.parametrize(
    ("query", "extended"), [("tous=1", 3), ("tous=1&role=secondary", 1), ("", 0), ("rattachement=x", 404)]
)
def test_all_of_the_list_is_meant_or_nobody(client, structure, principal, query, extended):
    ending(structure)
    ending(structure, 60)
    ending(structure, role=Role.SECONDARY)
    AttachmentFactory(structure=structure)
    client.force_login(principal)
    answer = client.get(f"/structures/{structure.pk}/personnes/prolonger/?{query}")
    assert answer.status_code == {0: 302, 404: 404}.get(extended, 200)
    assert answer.status_code != 200 or len(answer.context["places"]) == extended


def test_extending_costs_as_many_queries_for_two_as_for_twenty(structure, principal):
    counts = []
    for size in (2, 20):
        keys = [ending(structure).pk for _ in range(size)]
        with CaptureQueriesContext(connection) as captured:
            assert len(extend_places(keys, actor=principal, ends_on=TODAY() + 99 * DAY).done) == size
        counts.append(len(captured))
    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_a_right_withdrawn_meanwhile_extends_nobody():
    structure = StructureFactory()
    principal = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    manager = AttachmentFactory(structure=structure, role=Role.SECONDARY)
    keys = [ending(structure).pk, ending(structure).pk]
    told = meanwhile(
        lambda: leave_personal_rights(manager.pk, actor=principal, rights={Right.ATTACH_PEOPLE: False}),
        lambda: extend_places(keys, actor=manager.user, ends_on=None),
    )
    assert (told.done, {refusal.code for _, refusal in told.skipped}) == ([], {"right_withdrawn"})


def test_support_moves_dates_by_the_site_s_own_action_and_the_person_is_told(client, structure, principal):
    place = ending(structure, role=Role.SECONDARY)
    client.force_login(UserFactory(staff=True))
    page = f"/admin/attachments/attachment/{place.pk}/change/"
    later = TODAY() + 200 * DAY
    assert client.post(page, {"starts_on": place.starts_on, "ends_on": later}).status_code == 302
    assert Attachment.objects.get(pk=place.pk).ends_on == later
    assert mails() == [("place_changed", place.user.email)]
    past = client.post(page, {"starts_on": place.starts_on, "ends_on": TODAY() - DAY}, follow=True)
    assert "Cette date est passée" in past.text
    own = structure.attachments.get(user=principal)
    client.post(f"/admin/attachments/attachment/{own.pk}/change/", {"starts_on": TODAY() - 400 * DAY})
    assert Attachment.objects.get(pk=own.pk).starts_on == own.starts_on
