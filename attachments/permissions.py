"""Who may act on attachments. Views, templates and the admin ask these names."""

import rules

from attachments.models import Attachment


@rules.predicate
def manages_structure_of(user, request):
    """`user` is in force as principal or secondary manager of the request's structure."""
    return Attachment.objects.effective().managers().filter(user=user, structure=request.structure_id).exists()


@rules.predicate
def is_own(user, request):
    return request.user_id == user.pk


rules.add_perm("attachments.decide_request", rules.is_staff | (manages_structure_of & ~is_own))
