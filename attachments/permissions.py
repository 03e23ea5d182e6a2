"""Who may act on attachments. Views, templates and the admin ask these names."""

from functools import lru_cache

import rules
from django.db.models import Q
from django.utils import timezone

from attachments.models import Attachment, AttachmentRequest
from plumbing.reach import add_holding, add_reach
from structures.models import Nature, Structure


@rules.predicate
def manages_structure_of(user, request):
    """`user` is in force as principal or secondary manager of the request's structure."""
    return Attachment.objects.effective().managers().filter(user=user, structure=request.structure_id).exists()


@rules.predicate
def is_principal_of(user, request):
    """`user` is in force as principal manager of the request's structure."""
    return Attachment.objects.effective().principal().filter(user=user, structure=request.structure_id).exists()


@rules.predicate
def is_own(user, request):
    return request.user_id == user.pk


@rules.predicate
def may_ask_for(user, structure):
    """`user` may ask for a place in `structure`: it is active, they have not all of it, and ask for none yet."""
    return (
        structure is not None
        and structure.is_active
        and not Attachment.objects.lasting().filter(user=user, structure=structure, whole_structure=True).exists()
        and not AttachmentRequest.objects.pending().filter(user=user, structure=structure).exists()
    )


@rules.predicate
def manages_somewhere(user):
    """`user` is in force as principal or secondary manager of any structure."""
    return attached_to(user).managers().exists()


# Support acts everywhere without a place anywhere.
rules.add_perm("attachments.request_attachment", ~rules.is_staff & may_ask_for)
rules.add_perm("attachments.decide_request", ~is_own & (rules.is_staff | manages_structure_of))
rules.add_perm("attachments.manage_somewhere", manages_somewhere)
rules.add_perm("attachments.name_secondary", rules.is_staff | is_principal_of)
rules.add_perm("attachments.name_principal", rules.is_staff)


def _all_for_staff(keys):
    return lambda user: None if user.is_staff else keys(user)


@lru_cache(maxsize=1_000)
def _effective(user_id, day):
    """Composed once a day for each person, because every page asks. Not asked itself, which would keep the answer."""
    return Attachment.objects.effective(day).filter(user=user_id).order_by().values_list("structure", flat=True)


def attached_to(user):
    """The structures `user` belongs to today, as their ids."""
    return _effective(user.pk, timezone.localdate()).all()


def principal_of(user):
    """The structures `user` is the principal manager of today, as their ids."""
    return attached_to(user).principal()


# A public structure shows itself to everybody; a private one to its own people.
add_reach(
    "structures.view_structure",
    Structure,
    lambda user: Q() if user.is_staff else Q(nature=Nature.PUBLIC) | Q(pk__in=attached_to(user)),
)
# What only its own people see of a structure.
add_holding("structures.belong_to", Structure, _all_for_staff(attached_to))
# The structure, its services and its bank accounts are the principal manager's to change.
add_holding("structures.change_structure", Structure, _all_for_staff(principal_of))
add_holding("structures.view_bank_accounts", Structure, _all_for_staff(attached_to))
# What was done on the structure, by whom.
add_holding("attachments.view_history", Structure, _all_for_staff(principal_of))
# Whole IBANs, where others see the last digits: not even support.
add_holding("structures.view_iban", Structure, principal_of)
