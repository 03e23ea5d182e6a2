import time

import pytest
from django.utils import timezone
from phonenumber_field.phonenumber import to_python

from accounts.models import User
from attachments.actions import refuse_request
from attachments.models import Attachment, AttachmentRequest, Role
from directory.models import DirectoryEntry
from history.models import HistoryEntry
from notifications.actions import within_mail_rate
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from registration.actions import Outcome, answer_captcha, expected_outcome, submit_registration
from registration.captcha import challenge, fresh
from registration.models import Submission
from structures.lookup import look_up
from structures.models import Structure
from tests.at_once import at_once
from tests.deferred import work_off_everything
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


def managed_by_a_secondary_only():
    managed()
    Attachment.objects.update(role=Role.SECONDARY)


KINDS = {
    "public, with a secondary manager only": (managed_by_a_secondary_only, Outcome.MANAGER_DECIDES),
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


def submit(*, described=DESCRIBED, **more):
    lookup = look_up("siret", SIRET)
    given = {"person": PERSON, "lookup": lookup, "described": described if lookup.must_describe else None}
    return submit_registration(captcha_key=answered(), **given | more)["reference"]


def answered():
    """The key of a picture that was rightly answered."""
    key = fresh().key
    answer_captcha(key, challenge(key)[1])
    return key


def register(**more):
    """Submit a registration and have it carried out; its reference."""
    reference = submit(**more)
    work_off_everything()
    return reference


def register_on(kind, **more):
    """Register on a structure of this kind; whoever was there before owns no mail of ours."""
    KINDS[kind][0]()
    return register(**more)


def outcome():
    """What became of the one request."""
    request = AttachmentRequest.objects.get()
    if not request.is_pending:
        return Outcome.BECOMES_PRINCIPAL
    managed = request.structure.attachments.managers().exists()
    return Outcome.MANAGER_DECIDES if managed else Outcome.SUPPORT_DECIDES


def slugs(to="rachid@exemple.example"):
    return sorted(OutgoingMail.objects.filter(to=to).values_list("slug", flat=True))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_announced_is_what_happens(kind):
    KINDS[kind][0]()
    announced = expected_outcome(look_up("siret", SIRET))
    reference = register()
    assert announced == outcome() == KINDS[kind][1]
    assert AttachmentRequest.objects.get().reference == reference
    assert not Submission.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_used_address_creates_nothing_and_its_owner_gets_a_mail(kind):
    UserFactory(email=PERSON["email"])
    register_on(kind)
    assert slugs() == ["address_used"]
    assert not AttachmentRequest.objects.exists()
    assert not HistoryEntry.objects.exists()
    assert Structure.objects.count() == (0 if "directory" in kind or kind == "unknown" else 1)
    assert not Submission.objects.exists()


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
    assert not AttachmentRequest.objects.without_decider().exists()


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
    register(whole_structure=False, services=[service])
    assert list(AttachmentRequest.objects.get().services.all()) == [service]


@pytest.mark.parametrize(
    "change",
    [
        lambda: Structure.objects.update(state=Structure.State.INACTIVE),
        lambda: Structure.objects.all().delete() and DirectoryEntryFactory(identifier=SIRET, closed_on="2026-01-01"),
    ],
    ids=["deactivated", "closed"],
)
def test_a_structure_that_closed_meanwhile_leaves_a_mail_that_says_so_and_nothing_else(change):
    StructureFactory(identifier=SIRET, private=True)
    reference = submit()
    change()
    work_off_everything()
    assert not User.objects.exists()
    assert not HistoryEntry.objects.exists()
    mail = OutgoingMail.objects.get()
    assert (mail.slug, mail.to, mail.reference) == ("not_registered", PERSON["email"], reference)
    for body in mail.parts():
        assert "SIRET 999 900 111 00017" in body
        assert "/inscription/" in body
        assert not [word for word in ("Rachid", "Amrani", "Menuiserie") if word in body]


def test_such_mails_are_counted_like_all_that_a_visitor_causes(settings):
    settings.MAIL_TO_ONE_RATE = "2/h"
    StructureFactory(identifier=SIRET, private=True)
    for _ in range(4):
        submit()
    Structure.objects.update(state=Structure.State.INACTIVE)
    work_off_everything()
    assert slugs() == ["not_registered"] * 2


def test_a_structure_the_directory_learnt_of_meanwhile_is_named_by_it():
    submit()
    DirectoryEntryFactory(identifier=SIRET, nature="private", legal_name="Menuiserie du Port")
    work_off_everything()
    assert Structure.objects.get().legal_name == "Menuiserie du Port"


def test_an_entry_masked_meanwhile_is_not_brought_in_under_its_mask():
    DirectoryEntryFactory(identifier=SIRET, nature="private")
    submit()
    DirectoryEntry.objects.update(undisclosed=True, legal_name="[ND]")
    work_off_everything()
    assert not Structure.objects.exists()
    assert slugs() == ["not_registered"]


def test_whoever_is_faster_on_an_unknown_structure_manages_it():
    submit()
    submit(person=PERSON | {"email": "b@b.example"}, described=DESCRIBED | {"legal_name": "Autre"})
    work_off_everything()
    assert [request.is_pending for request in AttachmentRequest.objects.order_by("pk")] == [False, True]
    assert Structure.objects.get().legal_name == "Menuiserie Kerjean"
    assert Attachment.objects.count() == 1


def test_of_two_submissions_for_one_new_address_the_first_wins():
    managed()
    first = submit()
    submit(person=PERSON | {"email": "RACHID@exemple.example"})
    work_off_everything()
    assert AttachmentRequest.objects.get().reference == first
    assert slugs() == ["address_used", "request_sent"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_register_everybody_once():
    managed()
    for number in range(6):
        submit(person=PERSON | {"email": f"p{number % 4}@exemple.example"})
    assert at_once(work_off_everything, work_off_everything) == [None, None]
    assert AttachmentRequest.objects.count() == 4
    assert OutgoingMail.objects.filter(slug="address_used").count() == 2
    assert not Submission.objects.exists()


def test_a_used_up_captcha_registers_nobody():
    managed()
    given = {"captcha_key": answered(), "person": PERSON, "lookup": look_up("siret", SIRET)}
    submit_registration(**given)
    with pytest.raises(ActionError, match="En voici une autre"):
        submit_registration(**given)
    assert Submission.objects.count() == 1


def test_a_refused_newcomer_registers_again_with_the_same_address():
    register_on("public, managed")
    refuse_request(AttachmentRequest.objects.get().pk, actor=UserFactory(staff=True), reason="Autre établissement")
    assert User.objects.get(email=PERSON["email"]).state == User.State.CLOSED
    again = register()
    assert User.objects.get(email=PERSON["email"]).state == User.State.PENDING
    assert AttachmentRequest.objects.pending().get().reference == again
    assert "address_used" not in slugs()


def test_an_invented_number_looks_like_a_real_one():
    UserFactory(email=PERSON["email"])
    reference = register_on("public, managed")
    assert len(reference) == 9
    assert OutgoingMail.objects.get().reference == reference


def test_the_owner_of_a_used_address_is_not_flooded(settings):
    settings.MAIL_TO_ONE_RATE = "2/h"
    UserFactory(email=PERSON["email"])
    managed()
    for _ in range(4):
        register()
    assert slugs() == ["address_used"] * 2


@pytest.mark.django_db(transaction=True)
def test_nor_by_two_workers_at_once(settings, monkeypatch):
    settings.MAIL_TO_ONE_RATE = "1/h"
    UserFactory(email=PERSON["email"])
    managed()

    def slowly(*asked):
        within = within_mail_rate(*asked)
        time.sleep(0.3)
        return within

    monkeypatch.setattr("registration.actions.within_mail_rate", slowly)
    submit()
    submit()
    assert at_once(*[work_off_everything] * 2) == [None, None]
    assert slugs() == ["address_used"]


def test_nothing_a_stranger_typed_is_mailed_to_an_address_nobody_confirmed():
    """Whoever registers with somebody else's address, or names it as contact address, has nothing to say there."""
    victim, words = "victime@exemple.example", "Gagnez un lot"
    register(
        person=PERSON | {"contact_email": victim, "first_name": words, "last_name": words},
        described=DESCRIBED | {"legal_name": words, "label": words},
    )
    assert slugs() == ["activation", "became_principal"]
    assert slugs(victim) == []
    for mail in OutgoingMail.objects.all():
        for body in mail.parts():
            assert words not in body
    became = OutgoingMail.objects.get(slug="became_principal")
    assert all("SIRET 999 900 111 00017" in body for body in became.parts())


@pytest.mark.parametrize(
    ("state", "said", "silent"),
    [
        ("leaving", "/reactivation/", "/mot-de-passe/"),
        ("pending", "attend encore une décision", "/connexion/"),
        ("activating", "/activation/", "/mot-de-passe/"),
        ("active", "/mot-de-passe/", "/activation/"),
        ("disabled", "désactivé ou clos", "/mot-de-passe/"),
        ("closed", "désactivé ou clos", "/mot-de-passe/"),
    ],
)
def test_the_owner_of_a_used_address_is_told_what_to_do(state, said, silent):
    values = {"state": "disabled", "deactivated_at": timezone.now()} if state == "leaving" else {"state": state}
    UserFactory(email=PERSON["email"], **values)
    register_on("public, managed")
    for body in OutgoingMail.objects.get().parts():
        assert said in body
        assert silent not in body
        assert "Rachid" not in body


def test_a_foreign_telephone_number_stays_what_it_is():
    managed()
    submit(person=PERSON | {"phone": to_python("+32 2 555 12 12")})
    work_off_everything()
    assert User.objects.get(email=PERSON["email"]).phone.as_e164 == "+3225551212"
