"""Creating an account and asking for the first attachment, in one piece.

The request only writes down what was submitted: whether the address has an account is for a worker to find
out, so that neither the answer nor its time tells.
"""

import logging
from enum import StrEnum

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.actions import register_account
from accounts.models import User, normalised_email
from attachments.actions import send_request
from attachments.deciders import deciders_of, is_open_to_first_comer
from attachments.models import AttachmentRequest
from notifications.actions import within_mail_rate
from plumbing.errors import ActionError
from plumbing.references import draw_reference
from plumbing.workers import wake
from registration import captcha
from registration.emails import send_address_used, send_not_registered
from registration.models import Submission
from structures.actions import create_from_directory, create_private
from structures.lookup import LookupOutcome, look_up
from structures.models import Service

logger = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What happens next, as told to the registrant."""

    MANAGER_DECIDES = "manager_decides"
    SUPPORT_DECIDES = "support_decides"
    BECOMES_PRINCIPAL = "becomes_principal"


def answer_captcha(key, answer):
    """Judge the answer to a picture. Raises ActionError on a wrong one, which uses the picture up."""
    if not captcha.is_right(key, answer):
        raise ActionError("wrong_captcha", captcha.WRONG, field="captcha_answer")


@transaction.atomic
def submit_registration(*, captcha_key, person, lookup, described=None, whole_structure=True, services=()):
    """Write down a registration for the worker; its reference (« Dossier n° »).

    `person` is what register_account takes; `described` the structure's details when nobody else knows
    them. The rightly answered picture is used up: raises ActionError when somebody else just did.
    """
    if not captcha.use_up(captcha_key):
        raise ActionError("wrong_captcha", captcha.WRONG, field="captcha_answer")
    submission = Submission.objects.create(
        reference=draw_reference(AttachmentRequest),
        payload={
            "person": person | {"phone": person["phone"].as_e164 if person["phone"] else ""},
            "identifier_type": lookup.identifier_type,
            "identifier": lookup.identifier,
            "described": described,
            "whole_structure": whole_structure,
            "services": [service.pk for service in services],
        },
    )
    wake("registration.tasks.carry_out_submissions")
    return submission.reference


@transaction.atomic
def carry_out_submission(submission):
    """Carry out a Submission. When the structure no longer accepts anyone, the registrant gets a mail instead."""
    asked = submission.payload
    lookup = look_up(asked["identifier_type"], asked["identifier"])
    try:
        register(
            reference=submission.reference,
            person=asked["person"],
            lookup=lookup,
            described=asked["described"],
            whole_structure=asked["whole_structure"],
            services=Service.objects.filter(pk__in=asked["services"]),
        )
    except ActionError as refusal:
        logger.info("Registration %s came to nothing: %s", submission.reference, refusal.code)
        email = normalised_email(asked["person"]["email"])
        if within_mail_rate("not_registered", email, settings.MAIL_TO_ONE_RATE):
            send_not_registered(email, identifier=lookup.full_identifier, reference=submission.reference)


@transaction.atomic
def register(*, reference, person, lookup, described=None, whole_structure=True, services=()):
    """Create the account, the structure if it is new here, and the request for attachment under `reference`.

    When the address is already used nothing is created, and its owner gets a mail. Raises ActionError
    when the structure no longer accepts anyone.
    """
    try:
        user = register_account(**person)
    except (ActionError, IntegrityError):
        user = User.objects.select_for_update(of=("self",)).with_email(person["email"]).get()
        if within_mail_rate("address_used", user.email, settings.MAIL_TO_ONE_RATE):
            send_address_used(user, reference=reference)
        return

    structure = lookup.structure
    if lookup.outcome is LookupOutcome.CLOSED or (lookup.must_describe and described is None):
        raise ActionError("not_open", "Cette structure n'accepte pas d'inscription.")
    if lookup.outcome is LookupOutcome.DIRECTORY:
        details = described if lookup.must_describe else None
        structure = create_from_directory(lookup.establishment.pk, actor=user, described=details)
    elif structure is None:
        structure = create_private(
            identifier_type=lookup.identifier_type, identifier=lookup.identifier, described=described, actor=user
        )
    send_request(user, structure, actor=user, reference=reference, whole_structure=whole_structure, services=services)


def expected_outcome(lookup):
    """What a registration on this structure would lead to, judged before it is made."""
    if lookup.structure is not None:
        return _outcome_on(lookup.structure)
    return Outcome.SUPPORT_DECIDES if lookup.is_public else Outcome.BECOMES_PRINCIPAL


def _outcome_on(structure):
    if is_open_to_first_comer(structure):
        return Outcome.BECOMES_PRINCIPAL
    return Outcome.MANAGER_DECIDES if deciders_of(structure).exists() else Outcome.SUPPORT_DECIDES
