"""Who may act on attachments. Views, templates and the admin ask these names."""

from functools import lru_cache

import rules
from django.db.models import Q
from django.utils import timezone

from attachments.models import Attachment, AttachmentRequest, Deputy, Right, Role
from plumbing.reach import add_holding, add_reach
from structures.models import Nature, Structure


@rules.predicate
def decides_for(user, request):
    """`user` may decide requests on the request's structure today."""
    return holding(user, Right.DECIDE_REQUESTS).filter(structure=request.structure_id).exists()


@rules.predicate
def leads_structure_of(user, row):
    """`user` is principal manager of the structure of this request or attachment today, or stands in for them."""
    return leading(user).filter(structure=row.structure_id).exists()


@rules.predicate
def is_below_manager_in(user, attachment):
    """`user` may attach people where this attachment is, a simple user's who stands in for nobody, nor is about to."""
    return (
        attachment.role == Role.SIMPLE
        and holding(user, Right.ATTACH_PEOPLE).filter(structure=attachment.structure_id).exists()
        and not Deputy.objects.lasting().filter(structure=attachment.structure_id, deputy=attachment.user_id).exists()
    )


@rules.predicate
def is_principal_s(user, attachment):
    return attachment.role == Role.PRINCIPAL


@rules.predicate
def takes_accounts(user, structure):
    """Identities of a structure using the PIGP come from the ministry's directory."""
    return structure is not None and not structure.uses_pigp


@rules.predicate
def may_attach_in(user, structure):
    return user.has_perm("attachments.attach_people", structure)


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
    """`user` is in force as principal or secondary manager of any structure, or stands in for one."""
    return _held(user, _MANAGING).exists()


# Support acts everywhere without a place anywhere.
rules.add_perm("attachments.request_attachment", ~rules.is_staff & may_ask_for)
rules.add_perm("attachments.decide_request", ~is_own & (rules.is_staff | decides_for))
rules.add_perm("attachments.manage_somewhere", manages_somewhere)
rules.add_perm("attachments.name_secondary", rules.is_staff | leads_structure_of)
rules.add_perm("attachments.name_principal", rules.is_staff)
# Of one attachment: its role, dates and services, and its end. Nobody's own; a principal manager's is support's.
rules.add_perm(
    "attachments.change_place",
    ~is_own & (rules.is_staff | (leads_structure_of & ~is_principal_s) | is_below_manager_in),
)
rules.add_perm("attachments.create_account", takes_accounts & may_attach_in)


def _all_for_staff(keys):
    return lambda user: None if user.is_staff else keys(user)


_BELONGING, _LEADING, _MANAGING = "belonging", "leading", "managing"
_KINDS = {
    _BELONGING: lambda places, day: places.effective(day),
    _LEADING: lambda places, day: places.leading(day),
    _MANAGING: lambda places, day: places.managing(day),
}


@lru_cache(maxsize=4_000)
def _composed(user_id, day, *kind):
    """Composed once a day for each person, because every page asks. Not asked itself, which would keep the answer."""
    mine = Attachment.objects.filter(user=user_id).order_by()
    places = _KINDS[kind[0]](mine, day) if kind[0] in _KINDS else mine.may(*kind, today=day)
    return places.values_list("structure", flat=True)


def _held(user, *kind):
    return _composed(user.pk, timezone.localdate(), *kind).all()


def attached_to(user):
    """The structures `user` belongs to today, as their ids."""
    return _held(user, _BELONGING)


def principal_of(user):
    """The structures `user` is the principal manager of today, as their ids."""
    return attached_to(user).principal()


def leading(user):
    """The structures `user` is the principal manager of today, or stands in for them, as their ids."""
    return _held(user, _LEADING)


def holding(user, *rights):
    """The structures where `user` has at least one of these `Right`s today, as their ids."""
    return _held(user, *rights)


def may_among(user, right, structures):
    """Those of `structures`, by their ids, where `user` has this `Right` today: one query for any number of them.

    Asked again by actions once their structures are locked: who withdraws a right locks them too.
    """
    return set(structures) if user.is_staff else set(holding(user, right).filter(structure__in=structures))


def may_lead_among(user, structures):
    """Those of `structures`, by their ids, which `user` leads today: there they give any role but the principal's."""
    return set(structures) if user.is_staff else set(leading(user).filter(structure__in=structures))


def may_transfer_among(user, structures):
    """Those of `structures`, by their ids, that `user` may hand over to another principal manager today."""
    return set(structures) if user.is_staff else set(principal_of(user).filter(structure__in=structures))


def _may(*rights):
    return _all_for_staff(lambda user: holding(user, *rights))


for right in Right:
    add_holding(f"attachments.{right}", Structure, _may(right))
# Whoever decides who comes in, or what they may use, sees who is there.
add_holding(
    "attachments.view_people",
    Structure,
    _may(Right.DECIDE_REQUESTS, Right.DECIDE_SUBSCRIPTIONS, Right.ATTACH_PEOPLE),
)
# Everybody's place there; secondary managers change some: see `change_place`.
add_holding("attachments.change_people", Structure, _all_for_staff(leading))
# Not a deputy's: they would go on acting after their last day.
add_holding("attachments.leave_rights", Structure, _all_for_staff(principal_of))
add_holding("attachments.transfer_principal", Structure, _all_for_staff(principal_of))
add_holding("attachments.name_deputy", Structure, _all_for_staff(principal_of))

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
# Whole IBANs, where others see the last digits: not even support.
add_holding("structures.view_iban", Structure, principal_of)
