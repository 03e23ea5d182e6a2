"""Creating an account and asking for the first attachment, in one piece.

The request only writes down what was submitted: whether the address has an account is for a worker to find
out, so that neither the answer nor its time tells.
"""

import logging
from datetime import timedelta
from enum import StrEnum

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actions import correct_address, register_account
from accounts.emails import send_activation
from accounts.models import User, normalised_email
from attachments.actions import send_request
from attachments.actions.notices import tell_requester
from attachments.actions.rows import lock_structure
from attachments.deciders import is_open_to_first_comer, managers_of
from attachments.emails import send_became_principal, send_first_to_activate
from attachments.models import AttachmentRequest
from notifications.actions import within_mail_rate
from plumbing.errors import ActionError
from plumbing.references import draw_reference
from plumbing.workers import wake
from registration import captcha
from registration.emails import send_address_used, send_not_registered
from registration.models import AddressCorrection, Receipt, Submission
from structures.actions import create_from_directory, create_private
from structures.lookup import LookupOutcome, look_up
from structures.models import Service

# How often the address of one registration can be corrected.
MOST_CORRECTIONS = 3
RECEIPT_LIFETIME = timedelta(hours=1)

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
def submit_registration(
    *,
    captcha_key,
    person,
    lookup,
    described=None,
    whole_structure=True,
    services=(),
    comment="",
    recap=None,
    fingerprint="",
):
    """Write down a registration for the worker; what the last page says of it, `recap` with its reference.

    `person` is what register_account takes; `described` the structure's details when nobody else knows
    them. The rightly answered picture is used up: raises ActionError when somebody else just did. The receipt
    is there as soon as the picture is used up, so that the same form sent at the same moment finds it.
    """
    if not captcha.use_up(captcha_key):
        raise ActionError("wrong_captcha", captcha.WRONG, field="captcha_answer")
    reference = draw_reference(AttachmentRequest)
    payload = {
        "person": person | {"phone": person["phone"].as_e164 if person["phone"] else ""},
        "identifier_type": lookup.identifier_type,
        "identifier": lookup.identifier,
        "described": described,
        "whole_structure": whole_structure,
        "services": [service.pk for service in services],
        "comment": comment,
    }
    Submission.objects.create(reference=reference, payload=payload)
    recap = (recap or {}) | {"reference": reference, "payload": payload, "corrections": 0}
    Receipt.objects.create(captcha_key=captcha_key, fingerprint=fingerprint, recap=recap)
    wake("registration.tasks.carry_out_submissions")
    return recap


def recap_of(captcha_key, fingerprint):
    """What the last page said of this very form, when it was taken already; None otherwise."""
    receipt = Receipt.objects.filter(captcha_key=captcha_key, fingerprint=fingerprint).first()
    return receipt and receipt.recap


def forget_receipts():
    Receipt.objects.filter(created_at__lt=timezone.now() - RECEIPT_LIFETIME).delete()


def forget_registrations(addresses, *, before):
    """What could not be carried out of the registrations under these addresses, and is older than `before`.

    A later one is somebody's who comes anew.
    """
    theirs = Q(payload__person__email__in=addresses)
    Submission.objects.filter(theirs, created_at__lt=before).delete()
    AddressCorrection.objects.filter(theirs | Q(email__in=addresses), created_at__lt=before).delete()


@transaction.atomic
def carry_out_submission(submission):
    """Carry out a Submission. When the structure no longer accepts anyone, the registrant gets a mail instead."""
    _carry_out(submission.reference, submission.payload)


def _carry_out(reference, asked):
    lookup = look_up(asked["identifier_type"], asked["identifier"])
    try:
        register(
            reference=reference,
            person=asked["person"],
            lookup=lookup,
            described=asked["described"],
            whole_structure=asked["whole_structure"],
            services=Service.objects.filter(pk__in=asked["services"]),
            comment=asked.get("comment", ""),
        )
    except ActionError as refusal:
        logger.info("Registration %s came to nothing: %s", reference, refusal.code)
        email = normalised_email(asked["person"]["email"])
        if within_mail_rate("not_registered", email, settings.MAIL_TO_ONE_RATE):
            send_not_registered(email, identifier=lookup.full_identifier, reference=reference)


@transaction.atomic
def request_correction(recap, *, email, **shown):
    """The registrant of `recap` says that the address was mistyped: written down, whoever has the new one.

    The recap as it stands from now on, with what is `shown` anew. Raises ActionError after MOST_CORRECTIONS of one
    registration, from whatever sessions they came.
    """
    receipt = Receipt.objects.select_for_update().filter(recap__reference=recap["reference"]).first()
    recap = receipt.recap if receipt else recap
    if recap["corrections"] >= MOST_CORRECTIONS:
        raise ActionError(
            "too_many_corrections", "L'adresse a déjà été corrigée plusieurs fois : écrivez à l'assistance."
        )
    AddressCorrection.objects.create(
        reference=recap["reference"], email=normalised_email(email), payload=recap["payload"]
    )
    recap |= {"email": email, "corrections": recap["corrections"] + 1} | shown
    if receipt:
        receipt.recap = recap
        receipt.save(update_fields=["recap"])
    wake("registration.tasks.carry_out_submissions")
    return recap


@transaction.atomic
def carry_out_correction(correction):
    """Carry out an AddressCorrection: the account gets the new address, and its registrant all mails anew.

    Nothing changes once a person decided or the account was active, nor when the new address is somebody's:
    its owner gets a mail. Of two corrections the later one counts, whichever worker comes first (race).
    """
    reference, email = correction.reference, correction.email
    others = AddressCorrection.objects.filter(reference=reference)
    if others.filter(pk__gt=correction.pk).exists():
        return
    others.filter(pk__lt=correction.pk).delete()
    waiting = Submission.objects.select_for_update().filter(reference=reference).first()
    if waiting is not None:
        waiting.payload["person"]["email"] = email
        waiting.save(update_fields=["payload"])
        return
    filed = AttachmentRequest.objects.filter(reference=reference).first()
    if filed is None:
        # The mistyped address was somebody else's, or the structure closed: the registration begins again.
        _carry_out(reference, correction.payload | {"person": correction.payload["person"] | {"email": email}})
        return
    lock_structure(filed.structure_id)
    if filed.user.attachment_requests.exclude(decided_by=None).exists():
        return
    if _has_a_past(filed):
        # Whoever reads the mistyped address was given something elsewhere meanwhile: that goes to nobody else.
        if within_mail_rate("not_registered", email, settings.MAIL_TO_ONE_RATE):
            send_not_registered(email, identifier=filed.structure.full_identifier, reference=reference)
        return
    try:
        correct_address(filed.user_id, email=email)
    except (ActionError, IntegrityError) as refusal:
        if getattr(refusal, "code", "address_used") == "address_used":
            _tell_owner(email, reference)
        return
    _tell_again(AttachmentRequest.objects.select_related("user", "structure").get(pk=filed.pk))


def _has_a_past(request):
    """Whether the account of `request` holds or asked for anything else."""
    user = request.user
    asked_elsewhere = user.attachment_requests.exclude(pk=request.pk).exists()
    return asked_elsewhere or user.attachments.exclude(structure=request.structure_id).exists()


def _tell_again(request):
    """To a corrected address, all that the mistyped one was told."""
    user = request.user
    if user.state == User.State.PENDING:
        tell_requester(request)
        return
    if request.is_pending:
        send_first_to_activate(request)
    else:
        send_became_principal(request)
    if within_mail_rate("activation", user.email, settings.MAIL_TO_ONE_RATE):
        send_activation(user, reference=request.reference)


@transaction.atomic
def register(*, reference, person, lookup, described=None, whole_structure=True, services=(), comment=""):
    """Create the account, the structure if it is new here, and the request for attachment under `reference`.

    When the address is already used nothing is created, and its owner gets a mail. Raises ActionError
    when the structure no longer accepts anyone.
    """
    try:
        user = register_account(**person)
    except (ActionError, IntegrityError):
        _tell_owner(person["email"], reference)
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
    send_request(
        user,
        structure,
        actor=user,
        reference=reference,
        whole_structure=whole_structure,
        services=services,
        comment=comment,
    )


def _tell_owner(email, reference):
    """Somebody registered with an address that has an account: its owner is told, nobody else."""
    user = User.objects.select_for_update(of=("self",)).with_email(email).get()
    if within_mail_rate("address_used", user.email, settings.MAIL_TO_ONE_RATE):
        send_address_used(user, reference=reference)


def expected_outcome(lookup):
    """What a registration on this structure would lead to, judged before it is made."""
    if lookup.structure is not None:
        return _outcome_on(lookup.structure)
    return Outcome.SUPPORT_DECIDES if lookup.is_public else Outcome.BECOMES_PRINCIPAL


def _outcome_on(structure):
    managers = managers_of(structure)
    if is_open_to_first_comer(structure, managers):
        return Outcome.BECOMES_PRINCIPAL
    return Outcome.MANAGER_DECIDES if managers.deciders else Outcome.SUPPORT_DECIDES
