"""Two people at one account at the same instant, on PostgreSQL."""

import pytest

from accounts import actions
from accounts.models import LinkRequest, User
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.at_once import meanwhile
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "rachid@exemple.example"
NEWCOMER = {"first_name": "Rachid", "last_name": "Amrani", "phone": "", "contact_email": "", "survey_consent": True}


def ask_for_the_link():
    actions.answer_link_request(LinkRequest(email=EMAIL, purpose=LinkRequest.Purpose.ACTIVATION))


@pytest.mark.parametrize(
    ("before", "then", "act", "code"),
    [
        ("closed", "pending", lambda user: actions.register_account(email=EMAIL, **NEWCOMER), "address_used"),
        ("pending", "closed", lambda user: actions.approve_account(user.pk, actor=None, reference="123456782"), ""),
        ("activating", "closed", lambda user: actions.resend_activation(user.pk, actor=None), "not_activating"),
        ("activating", "closed", lambda user: ask_for_the_link(), ""),
        ("pending", "closed", lambda user: actions.close_never_active(user.pk, actor=None), "was_active"),
    ],
)
def test_whoever_acts_meanwhile_waits_and_judges_the_account_as_it_is_then(before, then, act, code):
    user = UserFactory(email=EMAIL, state=before, activated_at=None)
    answer = meanwhile(lambda: User.objects.update(state=then), lambda: act(user))
    assert isinstance(answer, ActionError) is bool(code), answer
    assert getattr(answer, "code", "") == code
    assert (User.objects.get().state, OutgoingMail.objects.count()) == (then, 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda user, support: actions.change_rights(user.pk, actor=support, rights={"is_staff": False}),
        lambda user, support: actions.change_account(user.pk, actor=support, values={"is_staff": False}),
    ],
    ids=["rights", "account"],
)
def test_the_history_of_a_change_begins_where_the_one_before_it_ended(change):
    user, support = UserFactory(), UserFactory(is_staff=True)
    made = meanwhile(lambda: User.objects.filter(pk=user.pk).update(is_staff=True), lambda: change(user, support))
    assert [(row.old, row.new) for row in made] == [(True, False)]
