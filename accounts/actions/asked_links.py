"""What is mailed to whoever asked for a link: what their account has a use for, whatever they asked."""

from django.conf import settings
from django.db import transaction

from accounts import emails
from accounts.actions.accounts import resend_activation
from accounts.actions.login_address import mail_address_link
from accounts.models import LinkRequest, User
from notifications.actions import within_mail_rate


@transaction.atomic
def answer_link_request(asked):
    """Mail the link somebody asked for, if the address has a use for it and not too many of them already."""
    user = User.objects.select_for_update(of=("self",)).with_email(asked.email).first()
    if user is None:
        return
    if asked.purpose == LinkRequest.Purpose.ADDRESS:
        mail_address_link(user)
        return
    slug, send = _answer(user, asked.purpose)
    if slug and within_mail_rate(slug, user.email, settings.MAIL_TO_ONE_RATE):
        send(user)


def _answer(user, purpose):
    """(kind of mail, what sends it) that helps this person in; nothing for an account that has no use for any.

    Who forgot the password of an account that was never activated gets the activation link, and so on: people ask at
    the wrong door.
    """
    if user.state == User.State.ACTIVATING:
        return "activation", _resend_activation
    if purpose == LinkRequest.Purpose.ACTIVATION or not user.was_ever_active:
        return "", None
    if user.identity_from_pigp and user.state != User.State.CLOSED:
        return "kept_by_pigp", emails.send_kept_by_pigp
    if user.state == User.State.ACTIVE:
        return "password_reset", emails.send_reset
    if user.may_reactivate:
        return "reactivation", emails.send_reactivation
    return "reactivation_over", emails.send_reactivation_over


def _resend_activation(user):
    resend_activation(user.pk, actor=user)
