"""« Transmission »: what its page says and offers, where somebody was faster, where nothing can be given back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from attachments.actions import cancel_handovers, carry_out_due, plan_handovers, transfer_principal, undo_transfers
from attachments.models import Handover
from notifications.models import OutgoingMail
from tests.attachments.test_transfer_screens import begin, choose, confirm, confirmed, managed
from tests.factories import StructureFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def me(client):
    user = UserFactory(last_name="Sortant")
    client.force_login(user)
    return user


@pytest.fixture
def successor():
    return UserFactory(last_name="Entrant", email="entrant@exemple.example")


def handed(user, successor, count, *, planned=False):
    chosen = {structure.pk: successor.pk for structure in managed(user, count)}
    if planned:
        return plan_handovers(chosen, actor=user, takes_effect_on=timezone.localdate() + timedelta(days=1))
    return transfer_principal(chosen, actor=user)


@pytest.mark.parametrize("of_nobody", [True, False])
def test_support_reads_what_can_be_given_back_and_how_else_to_mend(client, successor, of_nobody):
    client.force_login(UserFactory(staff=True))
    structure = StructureFactory() if of_nobody else managed(UserFactory(), 1)[0]
    at = choose(client, successor, begin(client, structures=structure.pk))
    page = client.get(confirmed(at)).text
    assert ("Une erreur se défait" in page) is not of_nobody
    assert ("personne à qui rendre" in page) is of_nobody
    answer = confirm(client, at, follow=True)
    assert 'href="/structures-sans-gestionnaire/"' in answer.text
    assert "ne peut plus changer" not in answer.text
    assert ("Défaire la transmission" in answer.text) is not of_nobody
    assert (f"/succession/?structures={structure.pk}" in answer.text) is of_nobody


@pytest.mark.parametrize("planned", [True, False])
def test_where_a_colleague_was_faster_it_is_said_and_the_rest_is_asked_again(client, me, successor, planned):
    rows = handed(me, successor, 3, planned=planned)
    act, words = (cancel_handovers, "plus prévue") if planned else (undo_transfers, "déjà défaite")
    page = f"/transmissions/{rows[0].reference}/{'annulation' if planned else 'contestation'}/"
    act([rows[0].pk], actor=me)
    ticked = {"transmission": [row.pk for row in rows]}
    for posted in (ticked, ticked | {"relire": "1"}):
        answer = client.post(page, posted)
        assert {row.pk for row in answer.context["rows"]} == {rows[1].pk, rows[2].pk}
        assert words in answer.text
    assert Handover.objects.exclude(ended_at=None).count() == 1
    client.post(page, {"transmission": [rows[1].pk, rows[2].pk]})
    assert Handover.objects.exclude(ended_at=None).count() == 3
    # A page as old as the first: all of it is said, nothing is asked.
    for send in (client.get, client.post):
        answer = send(page, ticked, follow=True)
        assert answer.redirect_chain
        assert answer.text.count(words) == 3


def test_one_that_is_left_is_named_beside_one_handed_on_since(client, me, successor):
    kept, passed = handed(me, successor, 2)
    transfer_principal({passed.structure_id: UserFactory().pk}, actor=successor)
    text = " ".join(client.get(f"/transmissions/{kept.reference}/").text.split())
    assert f"Défaire la transmission de {kept.structure}" in text
    assert "a changé depuis" in text


def test_a_stopped_one_is_said_until_somebody_else_is_named(client, me, successor):
    row, other = handed(me, successor, 2, planned=True)
    Handover.objects.update(takes_effect_on=timezone.localdate())
    successor.state = "disabled"
    successor.save()
    OutgoingMail.objects.all().delete()
    assert carry_out_due() == 0
    link = f"/transmissions/{row.reference}/"
    mails = {mail.to: mail.parts()[0] for mail in OutgoingMail.objects.all()}
    assert "quelqu’un d’autre" in mails[me.email]
    assert "quelqu’un d’autre" not in mails[successor.email]
    home = " ".join(client.get("/").text.split())
    assert "pas pu se faire" in home
    assert link in home
    assert "Choisir un autre" in client.get(link).text
    new = UserFactory()
    transfer_principal({row.structure_id: new.pk, other.structure_id: new.pk}, actor=me)
    assert "pas pu se faire" not in client.get("/").text
    assert "Choisir un autre" not in client.get(link).text


def test_going_back_after_it_says_that_it_is_done_and_no_more(client, me, successor):
    structure = managed(me, 1)[0]
    at = choose(client, successor, begin(client, structures=structure.pk))
    confirm(client, at)
    page = client.get(at).text.replace("’", "'")
    assert "C'est déjà fait" in page
    assert "Ce n'est pas" not in page
