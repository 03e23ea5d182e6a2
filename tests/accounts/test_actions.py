import re
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import actions
from accounts.events import accounts_closed
from accounts.links import Purpose, Standing, make_token, read_link
from accounts.models import LinkRequest, User
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.at_once import at_once
from tests.deferred import work_off_everything
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

NEWCOMER = {
    "email": "Rachid.Amrani@Exemple.example",
    "first_name": "Rachid",
    "last_name": "Amrani",
    "phone": "",
    "contact_email": "",
    "survey_consent": True,
}
ANSWERS = {"password": "un long mot de passe", "secret_question": "pet", "secret_answer": " Médor "}


ACTIVATION, RESET = LinkRequest.Purpose.ACTIVATION, LinkRequest.Purpose.RESET


def ask(email, purpose=RESET):
    """A visitor asks for a link, and a worker answers."""
    actions.request_link(email, purpose)
    work_off_everything()


def events():
    return list(HistoryEntry.objects.order_by("pk").values_list("event", flat=True))


def mails():
    return list(OutgoingMail.objects.order_by("pk").values_list("slug", "to"))


def test_a_newcomer_waits_for_approval():
    user = actions.register_account(**NEWCOMER)
    assert (user.email, user.state) == ("rachid.amrani@exemple.example", User.State.PENDING)
    assert not user.has_usable_password()
    assert user.survey_consent_at
    assert user.terms_accepted_at
    assert events() == ["account_registered"]


@pytest.mark.parametrize("state", ["pending", "activating", "active", "disabled"])
def test_a_used_address_cannot_register_in_any_case(state):
    UserFactory(email="rachid.amrani@exemple.example", state=state, activated_at=None)
    with pytest.raises(ActionError):
        actions.register_account(**NEWCOMER)


def test_an_account_closed_after_having_been_active_cannot_register_again():
    UserFactory(email="rachid.amrani@exemple.example", state=User.State.CLOSED)
    with pytest.raises(ActionError):
        actions.register_account(**NEWCOMER)


@pytest.mark.parametrize("invited", [False, True])
def test_a_refused_newcomer_starts_again_and_their_old_account_keeps_the_name_others_recorded(invited):
    before = actions.register_account(**NEWCOMER)
    token = make_token(actions.approve_account(before.pk, actor=None, reference="123456782"), Purpose.ACTIVATION)
    actions.close_never_active(before.pk, actor=None, reason="Inconnu")
    if invited:
        names = {"first_name": "Rachida", "last_name": "Amrani", "phone": ""}
        again = actions.invite_account(actor=UserFactory(), email=NEWCOMER["email"], **names)
    else:
        again = actions.register_account(**NEWCOMER | {"first_name": "Rachida", "survey_consent": False})
    before.refresh_from_db()
    assert (again.first_name, again.state) == ("Rachida", User.State.ACTIVATING if invited else User.State.PENDING)
    assert (again.email, again.closed_at, again.survey_consent_at) == ("rachid.amrani@exemple.example", None, None)
    assert not again.has_usable_password()
    assert (before.first_name, before.state, before.known_email) == ("Rachid", User.State.CLOSED, "")
    assert again.reference != before.reference
    assert not read_link(token, Purpose.ACTIVATION).is_valid


def test_approval_sends_the_activation_mail_once():
    user = UserFactory(pending=True)
    actions.approve_account(user.pk, actor=None, reference="123456782")
    actions.approve_account(user.pk, actor=None, reference="123456782")
    user.refresh_from_db()
    assert user.state == User.State.ACTIVATING
    assert mails() == [("activation", user.email)]
    assert events() == ["account_approved"]


def test_activation_sets_password_question_and_hashed_answer():
    user = UserFactory(activating=True)
    actions.activate_account(make_token(user, Purpose.ACTIVATION), **ANSWERS)
    user.refresh_from_db()
    assert user.state == User.State.ACTIVE
    assert user.activated_at
    assert user.check_password("un long mot de passe")
    assert "dor" not in user.secret_answer
    assert check_password("medor", user.secret_answer)


def test_an_activation_link_serves_once():
    token = make_token(UserFactory(activating=True), Purpose.ACTIVATION)
    actions.activate_account(token, **ANSWERS)
    with pytest.raises(ActionError, match="déjà servi"):
        actions.activate_account(token, **ANSWERS)


def test_a_stranger_asking_for_the_link_again_spoils_nothing_and_one_use_ends_all():
    user = UserFactory(activating=True)
    token = make_token(user, Purpose.ACTIVATION)
    actions.resend_activation(user.pk, actor=user)
    assert mails() == [("activation", user.email)]
    actions.activate_account(token, **ANSWERS)
    link = re.search(r"/activation/(\S+)/", OutgoingMail.objects.get().parts()[0])
    assert read_link(link.group(1), Purpose.ACTIVATION).standing is Standing.USED


@pytest.mark.parametrize("state", ["pending", "active", "closed"])
def test_only_an_activating_account_gets_the_link_again(state):
    user = UserFactory(state=state)
    with pytest.raises(ActionError):
        actions.resend_activation(user.pk, actor=user)
    ask(user.email, ACTIVATION)
    assert mails() == []


@pytest.mark.parametrize(
    ("state", "sent"),
    [
        ("active", ["password_reset"]),
        ("activating", ["activation"]),
        ("pending", []),
        ("closed", ["reactivation_over"]),
    ],
)
def test_a_forgotten_password_is_answered_as_the_account_stands(state, sent):
    user = UserFactory(**{"pending": {"pending": True}}.get(state, {"state": state}))
    ask(user.email.upper())
    assert [slug for slug, _ in mails()] == sent


def test_an_unknown_address_gets_no_mail():
    ask("personne@exemple.example", RESET)
    ask("personne@exemple.example", ACTIVATION)
    assert mails() == []
    assert not LinkRequest.objects.exists()


def test_a_reset_replaces_the_password_tells_and_serves_once():
    user = UserFactory()
    token = make_token(user, Purpose.RESET)
    actions.reset_password(token, password="une autre phrase longue")
    user.refresh_from_db()
    assert user.check_password("une autre phrase longue")
    assert mails() == [("password_changed", user.email)]
    assert events() == ["password_reset"]
    with pytest.raises(ActionError):
        actions.reset_password(token, password="encore une autre")


def answer_with(user, answer):
    """The code of the refusal of a reset with this secret answer, None when it is right."""
    try:
        actions.reset_password(
            make_token(user, Purpose.RESET), password="une autre phrase longue", secret_answer=answer
        )
    except ActionError as refusal:
        return refusal.code
    finally:
        user.refresh_from_db()


@pytest.fixture
def medor():
    """Somebody whose secret answer is « Médor »."""
    return UserFactory(secret_question="pet", secret_answer=actions.hashed_answer("Médor"))


def test_a_wrong_answer_changes_nothing_but_its_count(medor):
    with pytest.raises(ActionError, match="pas la réponse") as refusal:
        actions.reset_password(make_token(medor, Purpose.RESET), password="une autre phrase", secret_answer="Rex")
    assert refusal.value.field == "secret_answer"
    medor.refresh_from_db()
    assert (medor.password, medor.answer_failures, mails(), events()) == ("!", 1, [], [])


def test_five_wrong_answers_pause_for_an_hour(medor, time_machine):
    assert [answer_with(medor, answer) for answer in ("Rex", "Rex", "", "Rex", "Rex")] == ["wrong_answer"] * 5
    assert answer_with(medor, "Médor") == "answer_locked"
    time_machine.move_to(timezone.now() + timedelta(minutes=61))
    assert answer_with(medor, "  MEDOR ") is None


def test_a_right_answer_forgets_the_wrong_ones(medor):
    for _ in range(3):
        assert [answer_with(medor, answer) for answer in ("a", "b", "medor")] == ["wrong_answer", "wrong_answer", None]


def test_only_someone_never_let_in_is_closed_by_a_refusal():
    with pytest.raises(ActionError):
        actions.close_never_active(UserFactory().pk, actor=None, reason="Inconnu")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [({"email": "anne@exemple.example"}, "déjà utilisée"), ({"email": "JEAN@exemple.example"}, "en minuscules")],
)
def test_what_must_be_true_of_a_login_address(fields, sentence):
    UserFactory(email="anne@exemple.example")
    with pytest.raises(ValidationError, match=sentence):
        UserFactory.build(**fields).full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        UserFactory(**fields)


def test_two_accounts_never_share_a_number():
    with pytest.raises(IntegrityError), transaction.atomic():
        UserFactory(reference=UserFactory().reference)


@pytest.mark.parametrize("state", ["activating", "active", "disabled", "closed"])
def test_approval_changes_nothing_of_an_account_already_further(state):
    user = UserFactory(state=state)
    assert actions.approve_account(user.pk, actor=None, reference="123456782").state == state
    assert (mails(), events()) == ([], [])


def test_each_step_names_who_did_it():
    manager, user = UserFactory(), UserFactory(pending=True)
    actions.approve_account(user.pk, actor=manager, reference="123456782")
    actions.resend_activation(user.pk, actor=manager)
    user.refresh_from_db()
    actions.activate_account(make_token(user, Purpose.ACTIVATION), **ANSWERS)
    lines = HistoryEntry.objects.order_by("pk").values_list("event", "actor", "subject", "reference")
    assert list(lines) == [
        ("account_approved", manager.pk, user.pk, "123456782"),
        ("activation_resent", manager.pk, user.pk, user.reference),
        ("account_activated", user.pk, user.pk, user.reference),
    ]


def test_closing_says_when_by_whom_and_why():
    manager, user, told = UserFactory(), UserFactory(pending=True), []

    def hear(sender, users, actor, **about):
        told.append((*users, actor))

    accounts_closed.connect(hear)
    actions.close_never_active(user.pk, actor=manager, reason="Inconnu")
    actions.close_never_active(UserFactory(activating=True).pk, actor=None, cause="never_activated")
    accounts_closed.disconnect(hear)
    assert told[0] == (user, manager)
    assert HistoryEntry.objects.get(actor=None).comment == "Compte jamais activé"
    user.refresh_from_db()
    line = HistoryEntry.objects.get(actor=manager)
    assert (user.state, user.closed_at is not None) == (User.State.CLOSED, True)
    assert (line.event, line.actor, line.subject, line.data) == ("account_closed", manager, user, {"reason": "Inconnu"})


@pytest.mark.parametrize("state", ["activating", "active", "disabled", "closed"])
def test_only_a_pending_account_is_closed_without_ever_being_active(state):
    user = UserFactory(state=state)
    with pytest.raises(ActionError):
        actions.close_never_active(user.pk, actor=None, reason="Inconnu")
    user.refresh_from_db()
    assert user.state == state


@pytest.mark.parametrize(
    ("purpose", "use"),
    [
        (Purpose.ACTIVATION, lambda token: actions.activate_account(token, **ANSWERS)),
        (Purpose.RESET, lambda token: actions.reset_password(token, password="une autre phrase longue")),
    ],
)
def test_a_stale_link_says_why_and_changes_nothing(purpose, use, time_machine):
    user = UserFactory(state=purpose.state)
    token = make_token(user, purpose)
    time_machine.move_to(timezone.now() + timedelta(days=4))
    for stale, sentence in ((token, "a expiré"), (token[:-5], "pas lisible"), ("", "pas lisible")):
        with pytest.raises(ActionError, match=sentence):
            use(stale)
    user.refresh_from_db()
    assert (user.state, user.password, events(), mails()) == (purpose.state, "!", [], [])


def test_all_reset_links_die_when_one_is_used():
    user = UserFactory()
    ask(user.email)
    ask(user.email)
    links = [re.search(r"/mot-de-passe/(\S+)/", mail.parts()[0]).group(1) for mail in OutgoingMail.objects.all()]
    actions.reset_password(links[0], password="une autre phrase longue")
    assert [read_link(link, Purpose.RESET).standing for link in links] == [Standing.USED] * 2


def test_asking_for_a_link_journals_nothing_a_visitor_could_fake():
    user = UserFactory()
    ask(user.email)
    assert events() == []


@pytest.mark.django_db(transaction=True)
def test_wrong_answers_given_at_once_are_all_counted(medor):
    at_once(*[lambda: answer_with(User.objects.get(), "Rex") for _ in range(4)])
    medor.refresh_from_db()
    assert medor.answer_failures == 4


def test_a_pause_is_not_lengthened_by_trying_during_it(medor, time_machine):
    for _ in range(5):
        answer_with(medor, "Rex")
    time_machine.move_to(timezone.now() + timedelta(minutes=59))
    assert answer_with(medor, "Médor") == "answer_locked"
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    assert answer_with(medor, "Médor") is None


@pytest.mark.parametrize(
    ("state", "purpose", "slug"), [("active", RESET, "password_reset"), ("activating", ACTIVATION, "activation")]
)
def test_one_address_is_not_flooded_wherever_links_are_asked_from(settings, caplog, state, purpose, slug):
    settings.MAIL_TO_ONE_RATE = "2/h"
    user = UserFactory(state=state)
    caplog.set_level("WARNING", "notifications")
    for _ in range(4):
        ask(user.email, purpose)
    assert mails() == [(slug, user.email)] * 2
    assert f"« {slug} » is not written" in caplog.text
    assert user.email not in caplog.text


def test_mails_of_another_kind_or_asked_for_in_vain_silence_nobody(settings, time_machine):
    settings.MAIL_TO_ONE_RATE = "1/h"
    user = UserFactory()
    for _ in range(5):
        ask(user.email, ACTIVATION)
    actions.reset_password(make_token(user, Purpose.RESET), password="une autre phrase longue")
    ask(user.email, RESET)
    assert [slug for slug, _ in mails()] == ["password_changed", "password_reset"]
    time_machine.move_to(timezone.now() + timedelta(minutes=61))
    ask(user.email, RESET)
    assert mails()[-1][0] == "password_reset"
    assert len(mails()) == 3


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_keep_within_the_limit(settings):
    settings.MAIL_TO_ONE_RATE = "2/h"
    user = UserFactory()
    for _ in range(8):
        actions.request_link(user.email, RESET)
    assert at_once(*[work_off_everything] * 3) == [None] * 3
    assert mails() == [("password_reset", user.email)] * 2
    assert not LinkRequest.objects.exists()
