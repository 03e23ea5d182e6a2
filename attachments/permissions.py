"""Who may act on attachments. Views, templates and the admin ask these names."""

import rules

from attachments.models import Attachment


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
