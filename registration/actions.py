"""Creating an account and asking for the first attachment, in one piece."""

from dataclasses import dataclass
from enum import StrEnum

from django.db import IntegrityError, transaction

from accounts.actions import register_account
from accounts.models import User
from attachments.actions import send_request
from attachments.deciders import confirmed_principal, deciders_of, is_open_to_first_comer
from attachments.models import AttachmentRequest
from plumbing.errors import ActionError
from plumbing.references import draw_reference
from registration.emails import send_address_used
from structures.actions import create_from_directory, create_private
from structures.lookup import Found


class Outcome(StrEnum):
    """What happens next, as told to the registrant."""

    MANAGER_DECIDES = "manager_decides"
    SUPPORT_DECIDES = "support_decides"
    BECOMES_PRINCIPAL = "becomes_principal"


@dataclass(frozen=True)
class Registration:
    reference: str
    outcome: Outcome


@transaction.atomic
def register(*, person, lookup, described=None, whole_structure=True, services=()):
    """Create the account, the structure if it is new here, and the request for attachment.

    `person` is what register_account takes; `described` the structure's details when nobody
    else knows them. When the address is already used nothing is created, its owner gets a
    mail, and the caller is answered just as if all had gone well: nobody learns who exists.
    Raises ActionError when the structure no longer accepts anyone.
    """
    try:
        user = register_account(**person)
    except (ActionError, IntegrityError):
        reference = draw_reference(AttachmentRequest)
        send_address_used(User.objects.with_email(person["email"]).get(), reference=reference)
        return Registration(reference, expected_outcome(lookup))

    structure = lookup.structure
    if structure is None and lookup.found is Found.DIRECTORY:
        structure = create_from_directory(lookup.establishment.pk, actor=user, described=described)
    elif structure is None:
        structure = create_private(
            identifier_type=lookup.identifier_type, identifier=lookup.identifier, described=described, actor=user
        )
    outcome = _outcome_on(structure)
    request = send_request(user, structure, actor=user, whole_structure=whole_structure, services=services)
    return Registration(request.reference, outcome)


def expected_outcome(lookup):
    """What a registration on this structure would lead to, judged before it is made."""
    if lookup.structure is not None:
        return _outcome_on(lookup.structure)
    return Outcome.SUPPORT_DECIDES if lookup.is_public else Outcome.BECOMES_PRINCIPAL


def _outcome_on(structure):
    if is_open_to_first_comer(structure):
        return Outcome.BECOMES_PRINCIPAL
    managed = confirmed_principal(structure) or deciders_of(structure).exists()
    return Outcome.MANAGER_DECIDES if managed else Outcome.SUPPORT_DECIDES
