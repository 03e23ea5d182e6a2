import pytest

from accounts.models import User
from attachments.actions import refuse_request
from attachments.models import Attachment, AttachmentRequest, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from registration.actions import Outcome, expected_outcome, register
from structures.lookup import look_up
from structures.models import Structure
from tests.factories import (
    AttachmentFactory,
    DirectoryEntryFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

SIRET = "99990011100017"
PERSON = {
    "email": "rachid@exemple.example",
    "first_name": "Rachid",
    "last_name": "Amrani",
    "phone": "",
    "contact_email": "",
    "survey_consent": False,
}
DESCRIBED = {
    "legal_name": "Menuiserie Kerjean",
    "label": "",
    "address": "3 rue du Port",
    "complement_1": "",
    "complement_2": "",
    "postcode": "35400",
    "city": "Saint-Malo",
    "country": "France",
}


def managed(**fields):
    structure = StructureFactory(identifier=SIRET, **fields)
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL, user__email="gestion@exemple.example")


KINDS = {
    "public, managed": (lambda: managed(), Outcome.MANAGER_DECIDES),
    "private, managed": (lambda: managed(private=True), Outcome.MANAGER_DECIDES),
    "undisclosed, managed": (lambda: managed(private=True, undisclosed=True), Outcome.MANAGER_DECIDES),
    "public, without manager": (lambda: StructureFactory(identifier=SIRET), Outcome.SUPPORT_DECIDES),
    "private, without manager": (
        lambda: StructureFactory(identifier=SIRET, private=True),
        Outcome.BECOMES_PRINCIPAL,
    ),
    "public, in the directory": (lambda: DirectoryEntryFactory(identifier=SIRET), Outcome.SUPPORT_DECIDES),
    "private, in the directory": (
        lambda: DirectoryEntryFactory(identifier=SIRET, nature="private"),
        Outcome.BECOMES_PRINCIPAL,
    ),
    "undisclosed, in the directory": (
        lambda: DirectoryEntryFactory(identifier=SIRET, nature="private", undisclosed=True),
        Outcome.BECOMES_PRINCIPAL,
    ),
    "unknown": (lambda: None, Outcome.BECOMES_PRINCIPAL),
}


def register_on(kind, **more):
    """Register on a structure of this kind; whoever was there before owns no mail of ours."""
    KINDS[kind][0]()
    lookup = look_up("siret", SIRET)
    return register(person=PERSON, lookup=lookup, described=DESCRIBED if lookup.must_describe else None, **more)


def slugs(to="rachid@exemple.example"):
    return sorted(OutgoingMail.objects.filter(to=to).values_list("slug", flat=True))


@pytest.mark.parametrize("kind", KINDS)
def test_what_happens_next_depends_on_the_structure(kind):
    registration = register_on(kind)
    assert registration.outcome == KINDS[kind][1]
    assert AttachmentRequest.objects.get().reference == registration.reference


@pytest.mark.parametrize("kind", KINDS)
def test_a_used_address_is_answered_as_a_free_one_would_be(kind):
    UserFactory(email=PERSON["email"])
    before = Structure.objects.count(), User.objects.count()
    assert register_on(kind).outcome == KINDS[kind][1]
    assert slugs() == ["address_used"]
    assert not AttachmentRequest.objects.exists()
    assert not HistoryEntry.objects.exists()
    assert before == (0, 1)
    assert Structure.objects.count() == (0 if "directory" in kind or kind == "unknown" else 1)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_expected_is_what_happens(kind):
    KINDS[kind][0]()
    lookup = look_up("siret", SIRET)
    expected = expected_outcome(lookup)
    described = DESCRIBED if lookup.must_describe else None
    assert register(person=PERSON, lookup=lookup, described=described).outcome == expected


@pytest.mark.parametrize(
    ("kind", "state", "mails"),
    [
        ("public, managed", User.State.PENDING, ["request_sent"]),
        ("public, without manager", User.State.PENDING, ["request_sent"]),
        ("private, without manager", User.State.ACTIVATING, ["activation", "became_principal"]),
        ("unknown", User.State.ACTIVATING, ["activation", "became_principal"]),
    ],
)
def test_only_whoever_needs_no_decision_is_let_in_at_once(kind, state, mails):
    register_on(kind)
    assert User.objects.get(email=PERSON["email"]).state == state
    assert slugs() == mails


def test_managers_are_told_and_support_is_left_the_rest():
    register_on("public, managed")
    assert slugs("gestion@exemple.example") == ["request_to_decide"]
    assert not AttachmentRequest.objects.without_principal().exists()


def test_every_step_is_journaled_under_the_registrant():
    register_on("unknown")
    user = User.objects.get()
    lines = HistoryEntry.objects.order_by("pk").values_list("event", "actor", "subject")
    assert list(lines) == [
        ("account_registered", user.pk, user.pk),
        ("structure_created", user.pk, user.pk),
        ("request_sent", user.pk, user.pk),
        ("principal_designated", None, user.pk),
        ("account_approved", None, user.pk),
    ]


def test_services_asked_are_kept():
    managed()
    service = ServiceFactory(structure=Structure.objects.get())
    register(person=PERSON, lookup=look_up("siret", SIRET), whole_structure=False, services=[service])
    assert list(AttachmentRequest.objects.get().services.all()) == [service]


def test_a_structure_deactivated_meanwhile_leaves_nothing_behind():
    managed()
    lookup = look_up("siret", SIRET)
    Structure.objects.update(state=Structure.State.INACTIVE)
    with pytest.raises(ActionError, match="désactivée"):
        register(person=PERSON, lookup=lookup)
    assert not User.objects.filter(email=PERSON["email"]).exists()
    assert not OutgoingMail.objects.exists()
    assert not HistoryEntry.objects.exists()


def test_whoever_is_faster_on_an_unknown_structure_manages_it():
    lookup = look_up("siret", SIRET)
    first = register(person=PERSON, lookup=lookup, described=DESCRIBED)
    other = DESCRIBED | {"legal_name": "Autre"}
    second = register(person=PERSON | {"email": "b@b.example"}, lookup=lookup, described=other)
    assert (first.outcome, second.outcome) == (Outcome.BECOMES_PRINCIPAL, Outcome.BECOMES_PRINCIPAL)
    assert Structure.objects.get().legal_name == "Menuiserie Kerjean"
    assert Attachment.objects.count() == 1


def test_a_refused_newcomer_registers_again_with_the_same_address():
    register_on("public, managed")
    refuse_request(AttachmentRequest.objects.get().pk, actor=UserFactory(), reason="Autre établissement")
    assert User.objects.get(email=PERSON["email"]).state == User.State.CLOSED
    again = register(person=PERSON, lookup=look_up("siret", SIRET))
    assert User.objects.get(email=PERSON["email"]).state == User.State.PENDING
    assert AttachmentRequest.objects.pending().get().reference == again.reference
    assert "address_used" not in slugs()


def test_an_invented_number_looks_like_a_real_one():
    UserFactory(email=PERSON["email"])
    reference = register_on("public, managed").reference
    assert len(reference) == 9
    assert OutgoingMail.objects.get().reference == reference


@pytest.mark.parametrize(
    ("state", "said", "silent"),
    [
        ("pending", "attend encore une décision", "/connexion/"),
        ("activating", "/activation/", "/mot-de-passe/"),
        ("active", "/mot-de-passe/", "/activation/"),
        ("disabled", "désactivé ou clos", "/mot-de-passe/"),
        ("closed", "désactivé ou clos", "/mot-de-passe/"),
    ],
)
def test_the_owner_of_a_used_address_is_told_what_to_do(state, said, silent):
    UserFactory(email=PERSON["email"], state=state)
    register_on("public, managed")
    for body in OutgoingMail.objects.get().parts():
        assert said in body
        assert silent not in body
        assert "Rachid" not in body
