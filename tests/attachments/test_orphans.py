"""« Structures sans gestionnaire »: which, why, since when, and what to do; and what its people read."""

from datetime import timedelta

import pytest
from django.utils import timezone

from attachments.models import Role
from attachments.orphans import Cause, Orphans, tell
from notifications.models import OutgoingMail
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    OutgoingMailFactory,
    StructureFactory,
    TicketFactory,
    UserFactory,
)
from tests.test_queries import MANY, same_for_many

pytestmark = pytest.mark.django_db

PAGE = "/structures-sans-gestionnaire/"
DAY = timedelta(days=1)
LONG_AGO = timezone.now() - 200 * DAY


@pytest.fixture
def support(client):
    user = UserFactory(staff=True)
    client.force_login(user)
    return user


def led(**user):
    return AttachmentFactory(role=Role.PRINCIPAL, role_since=LONG_AGO, user=UserFactory(**user)).structure


def missing():
    structure = StructureFactory(created_at=LONG_AGO - 9 * DAY)
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL, ended_at=LONG_AGO)
    return structure


def bouncing():
    structure = led(last_login=timezone.now())
    user = structure.attachments.get().user
    for sent in (LONG_AGO, timezone.now()):
        mail = OutgoingMailFactory(user=user, to=user.email, state="failed")
        OutgoingMail.objects.filter(pk=mail.pk).update(created_at=sent)
    return structure


def silent():
    structure = led(last_login=LONG_AGO)
    AttachmentRequestFactory(structure=structure)
    return structure


MADE = {
    Cause.MISSING: missing,
    Cause.CLOSED: lambda: led(closed=True, closed_at=LONG_AGO),
    Cause.DISABLED: lambda: led(state="disabled", deactivated_at=LONG_AGO),
    Cause.UNSEEN: lambda: led(activating=True),
    Cause.BOUNCING: bouncing,
    Cause.SILENT: silent,
}
WAYS = {
    Cause.MISSING: "Désigner un gestionnaire principal",
    Cause.CLOSED: "Désigner un gestionnaire principal",
    Cause.DISABLED: "Désigner un gestionnaire principal",
    Cause.UNSEEN: "Renvoyer son lien d'activation",
    Cause.BOUNCING: "Corriger son adresse",
    Cause.SILENT: "Lui écrire",
}


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_has_a_since_and_a_way_out(cause, client, support):
    structure = MADE[cause]()
    led(last_login=timezone.now())
    (row,) = tell(support, Orphans({}).rows)
    assert (row, row.causes, row.way.label) == (structure, [(cause.label, LONG_AGO)], WAYS[cause])
    for query, found in ((f"cause={cause}", True), ("cause=absent" if cause != Cause.SILENT else "cause=clos", False)):
        assert (str(structure) in client.get(f"{PAGE}?{query}").text) is found
    page = client.get(PAGE).text
    assert f'{cause.label}</span><span class="sub">depuis le' in page
    assert WAYS[cause] in page
    if not row.way.address.startswith("mailto:"):
        assert client.get(row.way.address, follow=True).status_code == 200


def test_who_answers_is_not_listed(support):
    # Without anybody waiting, nobody needs them.
    led(last_login=LONG_AGO)
    # The first link was refused, then the address was put right, or a later mail arrived.
    elsewhere, later = led(), led()
    user = elsewhere.attachments.get().user
    OutgoingMailFactory(user=user, to="ancienne@exemple.example", state="failed")
    user = later.attachments.get().user
    for state in ("failed", "sent"):
        OutgoingMailFactory(user=user, to=user.email, state=state)
    StructureFactory(state="inactive")
    assert list(Orphans({}).rows) == []


def test_who_is_there_takes_over_else_who_asks(client, support):
    with_heir, with_request = StructureFactory(), StructureFactory()
    heir = AttachmentFactory(structure=with_heir, role=Role.SECONDARY).user
    AttachmentFactory(structure=with_heir, role=Role.SECONDARY, user__state="disabled")
    asker = AttachmentRequestFactory(structure=with_request).user
    first, second = tell(support, Orphans({}).rows)
    assert (first, first.waiting, first.way.label) == (with_request, 1, f"Décider de la demande d'{asker}")
    assert (second, second.way.label) == (with_heir, f"Nommer {heir}, gestionnaire secondaire")
    assert str(heir) in client.get(second.way.address, follow=True).text
    claim = TicketFactory(claim=True, structure=with_heir)
    TicketFactory(claim=True, structure=with_request, status="solved")
    first, second = tell(support, Orphans({}).rows)
    assert "Décider" in first.way.label
    assert second.way == ("Traiter la sollicitation", f"/admin/support/ticket/{claim.pk}/change/")
    assert client.get(second.way.address).status_code == 200
    assert [*Orphans({"demandes": "1"}).rows] == [with_request]
    assert [*Orphans({"q": with_heir.identifier[:12]}).rows] == [with_heir]
    assert [*Orphans({"q": "\x00 '", "cause": "x", "demandes": "y"}).rows] == []


def test_it_leaves_as_a_file_and_asks_as_much_for_fifty(client, support):
    def add():
        made = [make() for make in MADE.values()]
        AttachmentFactory(structure=made[0], role=Role.SECONDARY)

    same_for_many(client, PAGE, add, also=(f"{PAGE}export.csv",))
    lines = client.get(f"{PAGE}export.csv?cause=absent").getvalue().decode().splitlines()
    assert (len(lines), lines[0].split(";")[:3]) == (MANY + 1, ["\ufeffStructure", "Type d'identifiant", "Identifiant"])
    assert "Ne se connecte plus" in lines[1]


@pytest.mark.parametrize("state", ["active", "disabled"])
def test_its_people_read_that_nobody_manages_it(state, client):
    structure = led(state=state, deactivated_at=timezone.now())
    for user in (AttachmentFactory(structure=structure).user, UserFactory(staff=True)):
        client.force_login(user)
        page = client.get(f"/structures/{structure.pk}/").text
        assert ("Aucun gestionnaire principal ne peut agir aujourd'hui" in page) is (state == "disabled")
    client.force_login(UserFactory())
    assert "Aucun gestionnaire principal ne peut" not in client.get(f"/structures/{structure.pk}/").text
