"""Login by OpenID Connect, where OIDC_ISSUER is set: to the provider, back from it, and the link taken off again."""

from functools import wraps
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET

from accounts import actions, openid, vouched
from accounts.forms.own import UnlinkForm
from accounts.models import ExternalIdentity
from accounts.views.doors import enter
from accounts.views.own import ACCOUNT, edit_page, proven, too_many_tries
from plumbing.requests import posted, submit, within

BACKEND = "accounts.backends.EmailBackend"
STATUSES = {"away": 503, "refused": 400, "too_many": 429}
NOT_ACTIVE = (
    "Ce compte n'est pas actif. S'il est désactivé depuis 60 jours au plus, son titulaire peut le réactiver ; "
    "sinon, l'assistance peut vous aider."
)


def where_on(view):
    """404 where no provider is set."""

    @wraps(view)
    def guarded(request):
        if not openid.is_on():
            raise Http404
        return view(request)

    return guarded


def on_the_way(view):
    """A page of the way to the provider and back: for whoever is not in yet, whatever the provider does."""

    @wraps(view)
    def guarded(request):
        if request.user.is_authenticated:
            return redirect("home")
        try:
            return view(request)
        except openid.Away:
            return _failed(request, "away")
        except openid.Refused:
            return _failed(request, "refused")

    return login_not_required(never_cache(where_on(require_GET(guarded))))


@on_the_way
def start(request):
    """A GET, since browsers hold what a form is answered with to the page's form-action."""
    if not within(request, "oidc", settings.LOGIN_RATE):
        return _failed(request, "too_many")
    vouched.forget(request)
    return openid.begin(request, request.GET.get("next", ""))


@on_the_way
def callback(request):
    """Back from the provider. Opens a session for the account that is linked, and makes nobody one."""
    back_to = openid.back_to(request)
    # What leads on reads it from the address.
    query = urlencode({"next": back_to}) if back_to else ""
    if "error" in request.GET:
        messages.info(request, f"Vous n'êtes pas connecté : la connexion avec {settings.OIDC_LABEL} n'a pas abouti.")
        return _to_login(query)
    identity = openid.finish(request)
    linked = ExternalIdentity.objects.current().filter(sub=identity.sub).select_related("user").first()
    if linked is None:
        if not vouched.is_address(identity.email):
            raise openid.Refused
        vouched.remember(request, identity)
        return _to_login(query)
    user = linked.user
    if not user.is_active:
        messages.error(request, NOT_ACTIVE)
        return _to_login(query)
    request.session[openid.SESSION] = identity.id_token
    request.GET = QueryDict(query)
    user.backend = BACKEND
    return enter(request, user)


def _to_login(query):
    return HttpResponseRedirect(reverse("accounts:login") + (f"?{query}" if query else ""))


def _failed(request, why):
    context = {"why": why, "label": settings.OIDC_LABEL}
    return render(request, "accounts/openid_failed.html", context, status=STATUSES[why])


@where_on
@sensitive_post_parameters()
def unlink(request):
    """« Délier », for whoever gives the password: it is what they log in with from then on."""
    if not ExternalIdentity.objects.current().filter(user=request.user).exists():
        messages.info(request, "Votre compte n'est pas relié.")
        return redirect(ACCOUNT)
    form = UnlinkForm(posted(request), label=settings.OIDC_LABEL, refusal=too_many_tries(request))
    me = proven(request, form)
    if me is not None and submit(form, actions.unlink_identity, me, issuer=settings.OIDC_ISSUER)[0]:
        messages.success(request, f"C'est fait : votre compte n'est plus relié à {settings.OIDC_LABEL}.")
        return redirect(ACCOUNT)
    return edit_page(request, form, "accounts/unlink_identity.html", label=settings.OIDC_LABEL)
