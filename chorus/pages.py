"""Pages that gather from several apps, and the error pages. No rule lives here."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from attachments.models import Attachment, Role


@login_not_required
@require_safe
def home(request):
    """Visitors: what the portal is for. Everybody else: what is theirs and what waits for them."""
    if not request.user.is_authenticated:
        return render(request, "pages/welcome.html")
    mine = request.user.attachment_requests
    return render(
        request,
        "pages/home.html",
        {
            "greeting": f"Bonjour {request.user.first_name}",
            "attachments": request.user.attachments.effective()
            .select_related("structure")
            .prefetch_related("services"),
            "pending": mine.pending().select_related("structure"),
        },
    )


@require_safe
def organisation(request):
    """« Organisation »: what this person may do with structures and users, and who does the rest."""
    mine = list(request.user.attachments.effective().select_related("structure"))
    others = [attachment for attachment in mine if attachment.role != Role.PRINCIPAL]
    principals = Attachment.objects.effective().principal().select_related("user")
    by_structure = {
        attachment.structure_id: attachment.user
        for attachment in principals.filter(structure__in=[attachment.structure_id for attachment in others])
    }
    for attachment in others:
        attachment.principal = by_structure.get(attachment.structure_id)
    return render(
        request,
        "pages/organisation.html",
        {
            "manages": request.user.is_staff or len(others) < len(mine),
            "others": others,
        },
    )


@login_not_required
@require_safe
def terms(request):
    return render(request, "pages/terms.html")


@login_not_required
@require_safe
def privacy(request):
    return render(request, "pages/privacy.html")


@login_not_required
@require_safe
def help_page(request):
    return render(request, "pages/help.html")


@login_not_required
@require_safe
def accessibility(request):
    return render(request, "pages/accessibility.html")


@login_not_required
@require_safe
def legal_notice(request):
    return render(request, "pages/legal_notice.html")


@login_not_required
@require_safe
def health(request):
    """For load balancers and the container's health check: the web process answers."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
def staff_only(request, extra_context=None):
    """Where the Django admin sends whoever may not enter: to the login page, or away."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", request.get_full_path()))


def change_password(request, extra_context=None):
    """The admin's own page would change a password without history or mail."""
    return redirect("accounts:forgotten_password")


def bad_request(request, exception):
    return render(request, "400.html", status=400)


def forbidden(request, exception):
    return render(request, "403.html", status=403)


def not_found(request, exception):
    return render(request, "404.html", status=404)


@login_not_required
def broken(request):
    return render(request, "500.html", status=500)


def csrf_failure(request, reason=""):
    # Two login pages were open, and the other one served.
    if request.user.is_authenticated and request.path == reverse("accounts:login"):
        return redirect("home")
    return render(request, "403_csrf.html", status=403)
