"""Who may act on attachments. Views, templates and the admin ask these names."""

import rules
from django.db.models import Q

from attachments.models import Attachment
from chorus.plumbing.reach import add_reach
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


rules.add_perm("attachments.decide_request", ~is_own & (rules.is_staff | manages_structure_of))
rules.add_perm("attachments.name_secondary", rules.is_staff | is_principal_of)


def _held_by(attachments, user):
    return Q(pk__in=attachments.filter(user=user).values("structure"))


def _everything_for_staff(condition):
    return lambda user: Q() if user.is_staff else condition(user)


def attached_to(user):
    return _held_by(Attachment.objects.effective(), user)


def principal_of(user):
    return _held_by(Attachment.objects.effective().principal(), user)


# A public structure shows itself to everybody; a private one to its own people.
add_reach(
    "structures.view_structure",
    Structure,
    _everything_for_staff(lambda user: Q(nature=Nature.PUBLIC) | attached_to(user)),
)
# What only its own people see of a structure.
add_reach("structures.belong_to", Structure, _everything_for_staff(attached_to))
# The structure, its services and its bank accounts are the principal manager's to change.
add_reach("structures.change_structure", Structure, _everything_for_staff(principal_of))
add_reach("structures.view_bank_accounts", Structure, _everything_for_staff(attached_to))
# Whole IBANs, where others see the last digits: not even support.
add_reach("structures.view_iban", Structure, principal_of)
