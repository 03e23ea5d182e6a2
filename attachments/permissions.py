"""Who may act on attachments. Views, templates and the admin ask these names."""

import rules
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from attachments.models import Attachment, AttachmentRequest, Deputy, Right, Role
from directory.models import Nature
from plumbing.reach import add_holding, add_reach, reach
from structures.models import Structure


@rules.predicate
def decides_for(user, request):
    """`user` may decide requests on the request's structure today."""
    return holding(user, Right.DECIDE_REQUESTS).filter(structure=request.structure_id).exists()


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
    return _structures(user, "managing").exists()


# Support acts everywhere without a place anywhere.
rules.add_perm("attachments.request_attachment", ~rules.is_staff & may_ask_for)
rules.add_perm("attachments.decide_request", ~is_own & (rules.is_staff | decides_for))
rules.add_perm("attachments.manage_somewhere", manages_somewhere)
rules.add_perm("attachments.see_to_orphans", rules.is_staff)


def _all_for_staff(keys):
    return lambda user: None if user.is_staff else keys(user)


def _structures(user, method, *rights):
    """The structures, as their ids, of the places of `user` that this method of their query set keeps today.

    Composed once for each instance of a user, which is a request's: every page asks several times. Run each time.
    """
    today = timezone.localdate()
    composed, key = user.__dict__.setdefault("_composed", {}), (method, rights, today)
    if key not in composed:
        places = getattr(Attachment.objects.filter(user=user.pk), method)(*rights, today=today)
        composed[key] = places.order_by().values_list("structure", flat=True)
    return composed[key].all()


def attached_to(user):
    """The structures `user` belongs to today, as their ids."""
    return _structures(user, "effective")


def principal_of(user):
    """The structures `user` is the principal manager of today, as their ids."""
    return attached_to(user).principal()


def leading(user):
    """The structures `user` is the principal manager of today, or stands in for them, as their ids."""
    return _structures(user, "leading")


def holding(user, *rights):
    """The structures where `user` has at least one of these `Right`s today, as their ids."""
    return _structures(user, "may", *rights)


def changeable_by(user):
    """The condition of the attachments whose role, part, dates and end are `user`'s to change today.

    Nobody's own, nor a principal manager's, which is handed over. Who leads the structure changes the others; who
    attaches people there, those of simple users who stand in for nobody, nor are about to.
    """
    others = ~Q(user=user) & ~Q(role=Role.PRINCIPAL)
    if user.is_staff:
        return others
    stands_in = Deputy.objects.lasting().filter(structure=OuterRef("structure"), deputy=OuterRef("user"))
    below = Q(role=Role.SIMPLE, structure__in=holding(user, Right.ATTACH_PEOPLE)) & ~Q(Exists(stands_in.order_by()))
    return others & (Q(structure__in=leading(user)) | below)


def roles_given_by(user, structure_ids, *, on_request=False):
    """The roles `user` (None: the portal) gives in each of these structures today, by its id: the least first.

    A principal manager hands the role over; only support gives it, where there is none, and in answer to a request.
    """
    if user is None or user.is_staff:
        roles = (Role.SIMPLE, Role.SECONDARY, *([Role.PRINCIPAL] if on_request else []))
        return dict.fromkeys(structure_ids, roles)
    led = set(leading(user).filter(structure__in=structure_ids))
    return {key: (Role.SIMPLE, Role.SECONDARY) if key in led else (Role.SIMPLE,) for key in structure_ids}


def _may(*rights):
    return _all_for_staff(lambda user: holding(user, *rights))


for right in Right:
    add_holding(f"attachments.{right}", Structure, _may(right))
# Whoever decides who comes in, or what they may use, sees who is there.
SEEING_PEOPLE = (Right.DECIDE_REQUESTS, Right.DECIDE_SUBSCRIPTIONS, Right.ATTACH_PEOPLE)
add_holding("attachments.view_people", Structure, _may(*SEEING_PEOPLE))
add_reach("attachments.change_place", Attachment, changeable_by)
# Identities of a structure using the PIGP come from the ministry's directory.
add_reach(
    "attachments.create_account",
    Structure,
    lambda user: Q(uses_pigp=False) & reach(f"attachments.{Right.ATTACH_PEOPLE}", user),
)
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
