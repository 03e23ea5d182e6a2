from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import pluralize
from django.views.decorators.http import require_http_methods, require_safe

from attachments import actions
from attachments.deciders import confirmed_principal
from attachments.forms import DecisionForm, RefusalForm
from attachments.models import AttachmentRequest, Role
from plumbing.requests import perform, posted

PER_PAGE = 50


@require_safe
def pending_requests(request):
    """« Les demandes de rattachement à une structure »: what waits for this manager, oldest first."""
    words = request.GET.get("q", "")[:100].strip()
    waiting = (
        AttachmentRequest.objects.pending()
        .for_manager(request.user)
        .matching(words)
        .select_related("user", "structure")
        .annotate(service_count=Count("services"))
        .order_by("created_at", "pk")
    )
    page = Paginator(waiting, PER_PAGE).get_page(request.GET.get("page"))
    count = page.paginator.count
    count_line = f"{count} demande{pluralize(count)} en cours de validation"
    return render(
        request, "attachments/pending_requests.html", {"page": page, "words": words, "count_line": count_line}
    )


@require_http_methods(["GET", "HEAD", "POST"])
def decide_request(request, reference):
    """Consult a request; POST is « Valider »."""
    attachment_request = _within_reach(request.user, reference)
    principal = confirmed_principal(attachment_request.structure)
    form = DecisionForm(attachment_request, posted(request), roles=_roles(request.user, attachment_request, principal))
    if request.method == "POST" and form.is_valid():
        done, _ = perform(
            request,
            actions.approve_request,
            attachment_request.pk,
            actor=request.user,
            done=f"La demande de {attachment_request.user} est validée.",
            **form.decision,
        )
        return redirect("attachments:pending_requests" if done else request.path)
    return render(
        request,
        "attachments/decide_request.html",
        {"attachment_request": attachment_request, "form": form, "principal": principal},
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def refuse_request(request, reference):
    """« Refuser »: asks why, says what follows; POST refuses."""
    attachment_request = _within_reach(request.user, reference)
    if not attachment_request.is_pending and request.method != "POST":
        return redirect("attachments:decide_request", reference)
    form = RefusalForm(posted(request))
    if request.method == "POST" and form.is_valid():
        done, _ = perform(
            request,
            actions.refuse_request,
            attachment_request.pk,
            actor=request.user,
            reason=form.cleaned_data["reason"],
            done=f"La demande de {attachment_request.user} est refusée, et le motif envoyé.",
        )
        return redirect(*["attachments:pending_requests"] if done else ["attachments:decide_request", reference])
    return render(
        request,
        "attachments/refuse_request.html",
        {"attachment_request": attachment_request, "form": form},
        status=422 if form.errors else 200,
    )


def _roles(user, attachment_request, principal):
    """The roles `user` may give: only support names a principal manager, where there is none."""
    roles = [Role.SIMPLE]
    if user.has_perm("attachments.name_secondary", attachment_request):
        roles.append(Role.SECONDARY)
    if principal is None and user.has_perm("attachments.name_principal", attachment_request):
        roles.append(Role.PRINCIPAL)
    return roles


def _within_reach(user, reference):
    """The request, if `user` may know of it (404 otherwise) and decide it (403 otherwise)."""
    requests = AttachmentRequest.objects.select_related("user", "structure", "decided_by")
    if not user.is_staff:
        requests = requests.for_manager(user)
    attachment_request = get_object_or_404(requests, reference=reference)
    if not user.has_perm("attachments.decide_request", attachment_request):
        raise PermissionDenied
    return attachment_request
