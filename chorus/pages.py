"""Pages that gather from several apps, and the error pages. No rule lives here."""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import openid
from accounts.models import ExternalIdentity
from attachments.deciders import Desk
from attachments.people import offered, referents_of, tell_deputyships
from attachments.successions import handovers_of
from chorus.errands import errands
from chorus.overview import (
    deeds_of,
    deputies_of,
    places_of,
    requests_of,
    to_come,
    with_counts,
)
from chorus.own_data import own_data_response
from chorus.waiting import oldest_for
from documents.models import SupportingDocument
from spaces.desk import SpacesDesk
from spaces.models import Space
from spaces.standing import OwnSpaces
from support.models import Ticket

# Rows of each list on home; the rest is a click away.
OLDEST_SHOWN, STRUCTURES_SHOWN, DEEDS_SHOWN = 4, 6, 4
STRUCTURES_PER_PAGE = 50
PLACES_SHOWN = 5


@login_not_required
@require_safe
def home(request):
    """Visitors: what the portal is for. Everybody else: what waits for them, then what is theirs."""
    user = request.user
    if not user.is_authenticated:
        return render(request, "pages/welcome.html")
    desk = request.desk = Desk(user)
    places = places_of(desk)
    decides = user.is_staff or any(place.may_decide_requests or place.may_decide_subscriptions for place in places)
    beginning, ending, ending_more = to_come(user, places)
    return render(
        request,
        "pages/home.html",
        {
            "against": Ticket.objects.against(user).select_related("structure"),
            "handovers": handovers_of(user),
            "oldest": oldest_for(desk, OLDEST_SHOWN) if decides else [],
            "asked": requests_of(user, places),
            "places": with_counts(places[:STRUCTURES_SHOWN]),
            "place_count": len(places),
            "own_spaces": OwnSpaces(user, places),
            "manages": any(place.manages for place in places),
            **offered(user, places),
            "beginning": beginning,
            "ending": ending,
            "ending_more": ending_more,
            "ending_days": settings.ATTACHMENT_ENDING_DAYS,
            "deputies": deputies_of(user, places),
            "deeds": deeds_of(user, DEEDS_SHOWN),
            "errands": errands() if user.is_staff else [],
        },
    )


@require_safe
def organisation(request):
    """« Organisation »: one's structures with what is in each, what one may do, and who does the rest."""
    desk = request.desk = Desk(request.user)
    places = places_of(desk)
    page = Paginator(places, STRUCTURES_PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "pages/organisation.html",
        {
            "page": page,
            "places": with_counts(list(page)),
            "place_count": len(places),
            "desk": desk,
            "spaces_desk": SpacesDesk(request.user, desk=desk),
            "manages": any(place.manages for place in places),
            **offered(request.user, places),
            "is_principal": request.user.is_staff or any(place.is_principal for place in places),
            "others": any(not place.is_principal for place in places),
        },
    )


@require_safe
def account(request):
    """« Mon compte »: who one is, where one works, what one subscribed to, one's documents; what is safe, and how."""
    user = request.user
    desk = request.desk = Desk(user)
    places = places_of(desk)
    asked = requests_of(user, places)
    shown = places[:PLACES_SHOWN]
    prefetch_related_objects(shown, "services")
    tell_deputyships(user, shown)
    return render(
        request,
        "pages/account.html",
        {
            "asked": asked[:PLACES_SHOWN],
            "places": shown,
            "place_count": len(places) + len(asked),
            "hidden_count": len(places) - len(shown) + len(asked[PLACES_SHOWN:]),
            "spaces": Space.objects.filter(pk__in=user.subscriptions.effective().order_by().values("space")),
            "spaces_asked": user.subscriptions.pending().order_by().values("reference").distinct().count(),
            "document_count": SupportingDocument.objects.of(user).count(),
            "tickets_to_answer": Ticket.objects.to_answer(user).count(),
            "sessions": user.open_sessions.living(),
            "provider_label": settings.OIDC_LABEL if openid.is_on() else "",
            "identity": ExternalIdentity.objects.current().filter(user=user).first() if openid.is_on() else None,
            "reactivation_days": settings.REACTIVATION_DAYS,
            "referents": referents_of([place.structure for place in places]) if user.identity_from_pigp else [],
        },
    )


@require_safe
def own_data(request):
    """« Télécharger mes données »: what is in it, and what is not."""
    return render(request, "pages/own_data.html")


@require_safe
def download_own_data(request):
    return own_data_response(request)


@login_not_required
@require_safe
def terms(request):
    return render(request, "pages/terms.html")


@login_not_required
@require_safe
def privacy(request):
    return render(request, "pages/privacy.html", {"reactivation_days": settings.REACTIVATION_DAYS})


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
    return render(
        request,
        "pages/legal_notice.html",
        {
            "publisher": _lines(settings.LEGAL_PUBLISHER),
            "host": _lines(settings.LEGAL_HOST),
            "domain": urlsplit(settings.SITE_URL).hostname,
        },
    )


def _lines(setting):
    return [line.strip() for line in setting.split(";") if line.strip()]


@login_not_required
@require_safe
def favicon(request):
    """For browsers that ask for it whatever the page says."""
    return redirect(static("img/favicon.svg"))


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
