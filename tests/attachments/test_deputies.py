from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actions import deactivate_account
from accounts.models import User
from attachments.actions import (
    approve_request,
    change_role,
    detach,
    end_deputy,
    end_what_ran_out,
    name_deputy,
)
from attachments.deciders import annotate_deciders
from attachments.models import Deputy, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.at_once import at_once, meanwhile
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TODAY = timezone.localdate


@pytest.fixture
def structure():
    return StructureFactory(legal_name="Collège Jean Macé")


@pytest.fixture
def principal(structure):
    return AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user


@pytest.fixture
def place(structure):
    return AttachmentFactory(structure=structure)


def name(structure, principal, user, starts=0, ends=9):
    dates = {"starts_on": TODAY() + starts * DAY, "ends_on": TODAY() + ends * DAY}
    return name_deputy(structure.pk, user.pk, actor=principal, **dates)


def mails():
    return sorted(OutgoingMail.objects.values_list("slug", "to"))


def both(slug, *people):
    return sorted((slug, person.email) for person in people)


def test_a_deputy_decides_in_their_place_until_the_last_day(client, structure, principal, place, monkeypatch):
    name(structure, principal, place.user, ends=1)
    assert mails() == both("deputy_named", place.user, principal)
    entry = HistoryEntry.objects.get()
    assert (entry.event, entry.actor, entry.subject) == ("deputy_named", principal, place.user)
    asked = AttachmentRequestFactory(structure=structure)
    annotate_deciders([asked])
    assert asked.deciders == [principal, place.user]
    client.force_login(place.user)
    assert asked.reference in client.get("/demandes/").text.replace(" ", "")
    assert "Vous suppléez le gestionnaire principal" in client.get("/").text
    assert "Vous suppléez le gestionnaire principal" in client.get(f"/structures/{structure.pk}/").text
    client.force_login(principal)
    assert "vous supplée" in client.get("/").text
    assert f"{place.user} vous supplée jusqu'au" in client.get(f"/structures/{structure.pk}/").text
    approve_request(asked.pk, actor=place.user, role=Role.SECONDARY)
    again = AttachmentRequestFactory(structure=structure)
    monkeypatch.setattr("django.utils.timezone.localdate", lambda: TODAY() + 2 * DAY)
    with pytest.raises(ActionError) as refused:
        approve_request(again.pk, actor=place.user)
    assert refused.value.code == "not_decider"
    # Ended while they read the request: told so, and who decides now.
    client.force_login(place.user)
    answer = client.post(f"/demandes/{again.reference}/", {"role": "simple", "scope": "whole"})
    assert (answer.status_code, str(principal) in answer.text) == (403, True)
    assert "Rien n'a été décidé" in answer.text
    client.force_login(UserFactory())
    assert client.post(f"/demandes/{again.reference}/").status_code == 404
    assert not place.user.has_perm("attachments.manage_somewhere")


@pytest.mark.parametrize(
    ("who", "dates", "code"),
    [
        ({}, (-1, 9), "starts_in_past"),
        ({}, (5, 4), "dates_order"),
        ({"user__state": "disabled"}, (0, 9), "account_closed"),
        ({"user__activating": True}, (0, 9), "not_active"),
        ({"role": Role.PRINCIPAL}, (0, 9), "is_principal"),
        ({"starts_on": 3}, (0, 9), "place_upcoming"),
        ({"ends_on": 3}, (0, 9), "place_ending"),
        ({"ends_on": -1, "starts_on": -3}, (0, 9), "not_attached"),
        (None, (0, 9), "not_attached"),
    ],
)
def test_who_and_when_nobody_stands_in(structure, who, dates, code):
    support = UserFactory(staff=True)
    if who is None:
        user = UserFactory()
    else:
        said = {field: TODAY() + said * DAY if isinstance(said, int) else said for field, said in who.items()}
        user = AttachmentFactory(structure=structure, **said).user
    if who is None or who.get("role") != Role.PRINCIPAL:
        AttachmentFactory(structure=structure, role=Role.PRINCIPAL)
    with pytest.raises(ActionError) as refused:
        name(structure, support, user, *dates)
    assert refused.value.code == code
    assert not (Deputy.objects.exists() or OutgoingMail.objects.exists() or HistoryEntry.objects.exists())


def test_one_at_a_time_and_who_ran_out_makes_room(structure, principal, place):
    other = AttachmentFactory(structure=structure).user
    held = name(structure, principal, place.user)
    with pytest.raises(ActionError) as refused:
        name(structure, principal, other, 20, 30)
    assert refused.value.code == "has_deputy"
    with transaction.atomic(), pytest.raises(IntegrityError):
        Deputy.objects.create(structure=structure, deputy=other, ends_on=TODAY(), named_by=principal)
    Deputy.objects.update(starts_on=TODAY() - 9 * DAY, ends_on=TODAY() - DAY)
    assert name(structure, principal, other).deputy == other
    held.refresh_from_db()
    assert held.ended_at is not None
    assert "Date de fin dépassée" in HistoryEntry.objects.get(event="deputy_ended").comment


def test_a_structure_without_principal_manager_and_somebody_else_s(structure, place):
    codes = []
    for actor in (UserFactory(staff=True), place.user):
        with pytest.raises(ActionError) as refused:
            name(structure, actor, place.user)
        codes.append(refused.value.code)
    assert codes == ["no_principal", "right_withdrawn"]


def test_it_ends_early_once(structure, principal, place):
    held = name(structure, principal, place.user)
    OutgoingMail.objects.all().delete()
    end_deputy(held.pk, actor=principal)
    assert mails() == both("deputy_ended", place.user, principal)
    assert HistoryEntry.objects.filter(event="deputy_ended", actor=principal).count() == 1
    with pytest.raises(ActionError) as refused:
        end_deputy(held.pk, actor=principal)
    assert refused.value.code == "deputy_over"
    assert not place.user.has_perm("attachments.decide_requests", structure)


def hand_over(structure, principal, place):
    held = structure.attachments.get(user=principal)
    change_role(held.pk, actor=principal, role=Role.SIMPLE)


def leave(structure, principal, place):
    detach(place.pk, actor=principal)


def deactivate(structure, principal, place):
    deactivate_account(place.user_id, actor=place.user)


def become_principal(structure, principal, place):
    hand_over(structure, principal, place)
    change_role(place.pk, actor=principal, role=Role.PRINCIPAL)


@pytest.mark.parametrize("what", [hand_over, leave, deactivate, become_principal])
def test_what_ends_it(structure, principal, place, what):
    name(structure, principal, place.user)
    asked = AttachmentRequestFactory(structure=structure)
    OutgoingMail.objects.all().delete()
    what(structure, principal, place)
    assert Deputy.objects.get().ended_at is not None
    assert HistoryEntry.objects.filter(event="deputy_ended").count() == 1
    told = [slug for slug, _ in mails()]
    assert "deputy_ended" in told
    # Nobody is left to decide but support, told once.
    assert told.count("request_to_support") == (what in (hand_over, become_principal))
    assert asked.is_pending


def test_the_last_one_to_decide_leaves_and_stood_in(structure, principal, place):
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY)
    name(structure, principal, secondary.user)
    AttachmentRequestFactory(structure=structure)
    User.objects.filter(pk=principal.pk).update(state=User.State.DISABLED)
    detach(secondary.pk, actor=UserFactory(staff=True))
    # Once, of the two ways in which they decided.
    assert [slug for slug, _ in mails()].count("request_to_support") == 1


def test_the_night_after_the_last_day_is_told_once(structure, principal, place):
    name(structure, principal, place.user)
    Deputy.objects.update(starts_on=TODAY() - 9 * DAY, ends_on=TODAY() - DAY)
    OutgoingMail.objects.all().delete()
    for _ in range(2):
        end_what_ran_out()
    assert mails() == both("deputy_ended", place.user, principal)


def test_the_page_names_shows_and_ends(client, structure, principal, place):
    page = f"/structures/{structure.pk}/suppleance/"
    client.force_login(principal)
    assert str(place.user) in client.get(page).text
    answer = client.post(page, {"deputy": "", "starts_on": "x"})
    assert answer.status_code == 422
    for said in ("Choisissez qui vous supplée.", "Écrivez une date qui existe", "Choisissez le dernier jour."):
        assert said in answer.text
    stranger = AttachmentFactory()
    dates = {"starts_on": TODAY(), "ends_on": TODAY() + DAY}
    assert client.post(page, {"deputy": stranger.pk, **dates}).status_code == 422
    assert client.post(page, {"deputy": "9" * 30, **dates}).status_code == 422
    assert client.post(page, {"deputy": place.pk, **dates, "ends_on": TODAY() - DAY}).status_code == 422
    assert "Un courriel l'en informe" in client.post(page, {"deputy": place.pk, **dates}, follow=True).text
    shown = client.get(page).text
    assert "Mettre fin à la suppléance" in shown
    assert "Désigner" not in shown
    assert client.post(page, {"deputy": place.pk, **dates}).status_code == 422
    assert "ne décide plus à la place" in client.get(f"{page}fin/").text
    assert Deputy.objects.lasting().exists()
    assert "La suppléance est terminée" in client.post(f"{page}fin/", follow=True).text
    assert "déjà terminée" in client.post(f"{page}fin/", follow=True).text


def test_among_many_people_the_deputy_is_searched_by_name_first(client, structure, principal, place, monkeypatch):
    monkeypatch.setattr("attachments.views.rights.MOST_LISTED", 3)
    AttachmentFactory.create_batch(3, structure=structure, user__last_name="Le Fur")
    wanted = AttachmentFactory(structure=structure, user__last_name="Guéguen")
    page = f"/structures/{structure.pk}/suppleance/"
    client.force_login(principal)
    shown = client.get(page).text
    assert "<option" not in shown
    assert 'type="search"' in shown
    assert "Personne ne correspond" in client.get(page, {"q": "inconnu"}).text
    found = client.get(page, {"q": "gueguen"}).text
    assert f'<option value="{wanted.pk}"' in found
    assert found.count("<option") == 2
    dates = {"starts_on": TODAY(), "ends_on": TODAY()}
    AttachmentFactory(structure=structure, user__last_name="Le Fur")
    assert "Précisez" in client.get(page, {"q": "le fur"}).text
    assert client.post(f"{page}?q=gueguen", {"deputy": wanted.pk} | dates).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_of_two_deputies_named_at_once_one_is():
    structure = StructureFactory()
    principal = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    people = [AttachmentFactory(structure=structure).user for _ in range(2)]
    answers = at_once(*[lambda user=user: name(structure, principal, user) for user in people])
    assert [answer.code for answer in answers if isinstance(answer, ActionError)] == ["has_deputy"], answers
    assert Deputy.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_whoever_leaves_meanwhile_is_not_named():
    structure = StructureFactory()
    principal = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    place = AttachmentFactory(structure=structure)
    told = meanwhile(lambda: detach(place.pk, actor=principal), lambda: name(structure, principal, place.user))
    assert told.code == "not_attached"
    place = AttachmentFactory(structure=structure)
    told = meanwhile(
        lambda: deactivate_account(place.user_id, actor=None), lambda: name(structure, principal, place.user)
    )
    assert told.code == "account_closed"
