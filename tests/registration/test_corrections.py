"""« Corriger l'adresse », from the last page of a registration."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.links import Purpose, make_token, read_link
from accounts.models import User
from attachments.actions import approve_request, refuse_request
from attachments.models import Attachment, AttachmentRequest, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from registration.actions import carry_out_correction
from registration.captcha import challenge, fresh
from registration.models import AddressCorrection, Submission
from tests.at_once import at_once
from tests.deferred import work_off_everything
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

RECAP, CORRECT = "/inscription/recapitulatif/", "/inscription/recapitulatif/adresse/"
WRONG, RIGHT = "rachid@gmial.com", "rachid@exemple.example"


@pytest.fixture
def managed():
    structure = StructureFactory()
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL)
    return structure


def register(client, structure, email=WRONG):
    key = fresh().key
    form = {"email": email, "email_again": email, "first_name": "Rachid", "last_name": "Amrani", "terms": "on"}
    form |= {"identifier_type": "siret", "identifier": structure.identifier, "comment": "Nouveau gestionnaire"}
    return client.post("/inscription/", form | {"captcha_key": key, "captcha_answer": challenge(key)[0]})


def correct(client, email=RIGHT, **more):
    return client.post(CORRECT, {"email": email, "email_again": email} | more, follow=True)


def mails(to):
    return sorted(OutgoingMail.objects.filter(to=to).values_list("slug", flat=True))


def test_a_request_that_waits_gets_the_right_address_and_its_mail(client, managed):
    register(client, managed)
    work_off_everything()
    page = correct(client).text
    assert RIGHT in page
    assert WRONG not in page
    work_off_everything()
    user = AttachmentRequest.objects.get().user
    assert (user.email, user.state) == (RIGHT, User.State.PENDING)
    assert mails(RIGHT) == ["request_sent"]
    entry = HistoryEntry.objects.latest("pk")
    assert (entry.event, entry.actor, entry.data["personal"]) == ("account_changed", user, ["email"])
    assert AttachmentRequest.objects.get().comment == "Nouveau gestionnaire"


def test_a_first_principal_gets_a_new_link_and_the_old_one_dies(client):
    register(client, StructureFactory(private=True))
    work_off_everything()
    old = make_token(User.objects.get(), Purpose.ACTIVATION)
    correct(client)
    work_off_everything()
    assert not read_link(old, Purpose.ACTIVATION).is_valid
    assert mails(RIGHT) == ["activation", "became_principal"]
    assert Attachment.objects.get().role == Role.PRINCIPAL


def test_whoever_activates_first_gets_all_mails_anew_too(client):
    structure = StructureFactory(private=True)
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL, user__activating=True)
    register(client, structure)
    work_off_everything()
    correct(client)
    work_off_everything()
    assert mails(RIGHT) == ["activation", "first_to_activate"]


def test_before_the_worker_came_the_mistyped_address_gets_nothing(client, managed):
    register(client, managed)
    correct(client)
    work_off_everything()
    assert not mails(WRONG)
    assert mails(RIGHT) == ["request_sent"]
    assert not AddressCorrection.objects.exists()


def test_a_registration_still_waiting_is_carried_out_for_the_right_address(client, managed):
    register(client, managed)
    waiting = Submission.objects.get()
    Submission.objects.update(next_try_at="2099-01-01T00:00Z")
    correct(client)
    work_off_everything()
    waiting.refresh_from_db()
    assert waiting.payload["person"]["email"] == RIGHT
    assert not User.objects.filter(email__in=[WRONG, RIGHT]).exists()


def test_a_mistyped_address_that_was_somebody_else_s_registers_again(client, managed):
    UserFactory(email=WRONG)
    register(client, managed)
    work_off_everything()
    assert not AttachmentRequest.objects.exists()
    correct(client)
    work_off_everything()
    request = AttachmentRequest.objects.get()
    assert (request.user.email, request.spaced_reference) == (RIGHT, client.get(RECAP).context["reference"])
    assert User.objects.filter(email=WRONG).exists()


def test_somebody_else_s_address_changes_nothing_and_its_owner_is_told(client, managed):
    register(client, managed)
    UserFactory(email=RIGHT)
    work_off_everything()
    page = correct(client)
    work_off_everything()
    assert AttachmentRequest.objects.get().user.email == WRONG
    assert mails(RIGHT) == ["address_used"]
    assert "C'est noté" in page.text


@pytest.mark.parametrize("decide", ["approve", "refuse", "activate"])
def test_once_somebody_decided_nothing_changes(client, managed, decide):
    register(client, managed)
    work_off_everything()
    request, manager = AttachmentRequest.objects.get(), UserFactory(staff=True)
    if decide == "approve":
        approve_request(request.pk, actor=manager)
    elif decide == "refuse":
        refuse_request(request.pk, actor=manager, reason="Inconnu ici")
    else:
        User.objects.filter(pk=request.user_id).update(state="active", activated_at="2026-11-01T00:00Z")
    correct(client)
    work_off_everything()
    assert User.objects.get(pk=request.user_id).email == WRONG
    assert not mails(RIGHT)
    assert not AddressCorrection.objects.exists()


@pytest.mark.parametrize("taken", [True, False])
def test_the_request_does_the_same_whoever_has_the_address(client, managed, taken):
    register(client, managed)
    work_off_everything()
    if taken:
        UserFactory(email=RIGHT)
    with CaptureQueriesContext(connection) as captured:
        client.post(CORRECT, {"email": RIGHT, "email_again": RIGHT})
    naming = [query["sql"] for query in captured if RIGHT in query["sql"]]
    assert [sql.split('"')[:2] for sql in naming] == [
        ["INSERT INTO ", "registration_addresscorrection"],
        ["UPDATE ", "registration_receipt"],
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"email": WRONG, "email_again": WRONG}, "C'est déjà l'adresse"),
        ({"email": RIGHT, "email_again": "autre@exemple.example"}, "Les deux adresses diffèrent"),
        ({"email": "rachid", "email_again": "rachid"}, "Écrivez l'adresse comme nom@domaine.fr."),
        ({"email": "", "email_again": ""}, "Écrivez votre adresse e-mail."),
    ],
)
def test_wrong_addresses_are_told_beside_the_field(client, managed, typed, said):
    register(client, managed)
    page = client.post(CORRECT, typed)
    assert said in page.text
    assert page.context["form"].errors
    assert not AddressCorrection.objects.exists()


def test_three_corrections_a_session(client, managed):
    register(client, managed)
    for number in range(3):
        assert "Corriger l'adresse" in client.get(RECAP).text
        correct(client, f"r{number}@exemple.example")
    assert "Corriger l'adresse" not in client.get(RECAP).text
    assert client.get(CORRECT).url == RECAP
    correct(client)
    assert AddressCorrection.objects.count() == 3


def test_corrections_count_with_registrations_of_a_network(client, managed, settings):
    settings.REGISTRATION_RATE = "2/h"
    register(client, managed)
    correct(client)
    refused = correct(client, "b@exemple.example")
    assert refused.status_code == 429
    assert AddressCorrection.objects.count() == 1


def test_mails_to_one_address_are_counted(client, managed, settings):
    settings.MAIL_TO_ONE_RATE = "1/h"
    register(client, managed)
    work_off_everything()
    for email in (RIGHT, "b@exemple.example", RIGHT):
        correct(client, email)
        work_off_everything()
    assert mails(RIGHT) == ["request_sent"]


def test_only_who_registered_corrects(client, managed):
    assert client.get(CORRECT, follow=True).redirect_chain[-1][0] == "/inscription/"


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_correct_once(client, managed):
    register(client, managed)
    correct(client)
    assert at_once(work_off_everything, work_off_everything) == [None, None]
    work_off_everything()
    assert AttachmentRequest.objects.get().user.email == RIGHT
    assert not AddressCorrection.objects.exists()


@pytest.mark.parametrize(
    ("email", "meant"),
    [("a@gmial.com", "a@gmail.com"), ("a@gmail.com", ""), ("a@champoulant.example", ""), ("a@orage.fr", "a@orange.fr")],
)
def test_a_domain_that_looks_mistyped_is_asked_about(client, managed, email, meant):
    register(client, managed, email)
    page = client.get(RECAP).text
    assert ("Vouliez-vous écrire" in page) is bool(meant)
    assert meant in page


def test_an_address_that_served_somebody_else_before_hands_nothing_over(client, managed):
    """The mistyped address had been registered once, by somebody who never came: what was theirs stays theirs."""
    before = UserFactory(email=WRONG, state="closed", activated_at=None)
    theirs = AttachmentRequestFactory(user=before, status="withdrawn")
    register(client, managed)
    work_off_everything()
    correct(client)
    work_off_everything()
    theirs.refresh_from_db()
    assert (theirs.user, theirs.user.known_email) == (before, "")
    assert mails(RIGHT) == ["request_sent"]


def test_what_the_mistyped_address_was_given_elsewhere_goes_to_nobody_else(client, managed):
    register(client, managed)
    work_off_everything()
    AttachmentFactory(user=User.objects.get(email=WRONG))
    correct(client)
    work_off_everything()
    assert User.objects.filter(email=WRONG).exists()
    assert mails(RIGHT) == ["not_registered"]


@pytest.mark.parametrize("older_first", [True, False])
def test_of_two_corrections_the_later_one_counts(client, managed, older_first):
    register(client, managed)
    work_off_everything()
    correct(client, "premier@exemple.example")
    correct(client)
    rows = list(AddressCorrection.objects.order_by("pk" if older_first else "-pk"))
    for row in rows:
        carry_out_correction(row)
    assert AttachmentRequest.objects.get().user.email == RIGHT


def test_three_corrections_are_three_whatever_the_session(client, managed):
    register(client, managed)
    form = client.session["registration_recap"]
    for number in range(3):
        correct(client, f"essai{number}@exemple.example")
    assert "écrivez à l'assistance" in correct_anew(client, form).text
    assert AddressCorrection.objects.count() == 3


def correct_anew(client, recap):
    """As from a session that still has the first recap."""
    session = client.session
    session["registration_recap"] = recap
    session.save()
    return correct(client)
