"""The doors of an account: login, logout, activation, a forgotten password."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, authenticate, login, logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import kept, openid, pending, vouched
from accounts.actions import activate_account, reactivate_own_account, request_link, reset_password
from accounts.forms.doors import ActivationForm, AddressForm, LoginForm, ResetForm
from accounts.links import Purpose, read_link
from accounts.models import LinkRequest
from plumbing.requests import KEPT, posted, submit, within

TOO_MANY_TRIES = "Trop d'essais depuis votre connexion. Attendez une minute, puis recommencez."
RENEW = {
    Purpose.ACTIVATION: "accounts:resend_activation",
    Purpose.RESET: "accounts:forgotten_password",
    Purpose.REACTIVATION: "accounts:ask_reactivation",
}
PAGES = {
    Purpose.ACTIVATION: "accounts/activate.html",
    Purpose.RESET: "accounts/reset.html",
    Purpose.REACTIVATION: "accounts/reactivate.html",
}


@login_not_required
@never_cache
@sensitive_post_parameters("password")
def log_in(request):
    if request.user.is_authenticated:
        return redirect("home")
    refusal = ""
    if request.method == "POST" and not within(request, "login", settings.LOGIN_RATE):
        refusal = TOO_MANY_TRIES
    said = vouched.remembered(request)
    initial = {"username": said["email"]} if said else {}
    form = LoginForm(request.POST if request.method == "POST" else None, initial=initial, refusal=refusal)
    user = authenticate(request, **form.cleaned_data) if form.is_valid() else None
    if user is not None:
        # Left by a login at the provider that did not come to its end: this one rests on the password.
        request.session.pop(openid.SESSION, None)
        return enter(request, user)
    if form.is_valid():
        form.add_error(None, "Adresse de connexion ou mot de passe inexact, ou compte pas encore activé, ou désactivé.")
    had_one = settings.SESSION_COOKIE_NAME in request.COOKIES and request.session.is_empty()
    return _login_page(request, form, kept.still_kept(request), session_ended=had_one, status=form.status)


def enter(request, user):
    """Whoever proved who they are, but for the second factor of those who have one or must."""
    typed = kept.theirs(request, user)
    if not pending.is_asked(user):
        return let_in(request, user, typed)
    pending.begin(request, user, typed)
    return HttpResponseRedirect(reverse("accounts:second_step") + next_query(request))


def let_in(request, user, typed, backend=None):
    """Open the session of whoever proved all they must: on to where they were going, with what they had typed."""
    login(request, user, backend=backend)
    request.session.pop(kept.LEFT, None)
    if typed is not None:
        request.session[KEPT] = typed
    # Not redirect(): a path without a slash would be taken for the name of a view.
    return HttpResponseRedirect(next_page(request))


def next_query(request, **more):
    """The query that takes along where the person was going."""
    query = {name: value for name, value in {"next": request.GET.get("next", ""), **more}.items() if value}
    return f"?{urlencode(query)}" if query else ""


def session_ended(request):
    """In answer to a form sent without a session: the login page, which keeps what was typed for after."""
    typed = kept.keep(request)
    return _login_page(request, LoginForm(), typed, back_to=kept.page_of(request), is_lost=not typed)


def _login_page(request, form, typed, *, back_to="", session_ended=True, is_lost=False, status=200):
    back_to = back_to or request.GET.get("next", "")
    query = f"?{urlencode({'next': back_to})}" if back_to else ""
    provider = openid.is_on() and {"label": settings.OIDC_LABEL, "vouched": vouched.remembered(request)}
    context = {
        "form": form,
        "kept": typed,
        "session_ended": session_ended,
        "is_lost": is_lost,
        "query": query,
        "provider": provider,
    }
    return render(request, "accounts/login.html", context, status=status)


def next_page(request, otherwise=settings.LOGIN_REDIRECT_URL):
    """Where the person was going, if that is on this site."""
    wanted = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else resolve_url(otherwise)


def locked_out(request, credentials, *args, **kwargs):
    """Too many failures: the same words whether the account exists or not."""
    return render(request, "accounts/locked_out.html", {"minutes": settings.LOCKOUT_MINUTES}, status=429)


@login_not_required
@require_POST
def log_out(request):
    return end_session(request, "Vous êtes déconnecté. À bientôt.", resolve_url("home"))


def end_session(request, said, page):
    """Log out, say so, and go on to `page`; by way of the provider where that opened the session.

    Its own session would let the next person at this computer in.
    """
    id_token, who = request.session.get(openid.SESSION), request.session.get(SESSION_KEY)
    logout(request)
    if who:
        request.session[kept.LEFT] = who
    messages.success(request, said)
    provider = openid.end_session_address(id_token) if id_token and openid.is_on() else ""
    answer = HttpResponseRedirect(provider or page)
    # Answers to forms may be shown again (plumbing.middleware.BackButtonMiddleware): not to the next person.
    answer["Clear-Site-Data"] = '"cache"'
    return answer


@login_not_required
@never_cache
@sensitive_post_parameters()
def activate(request, token):
    """First password, secret question and answer."""
    done = "Votre compte est actif. Connectez-vous avec votre nouveau mot de passe."
    return _use_link(request, token, Purpose.ACTIVATION, ActivationForm, activate_account, done)


@login_not_required
@never_cache
@sensitive_post_parameters()
def reset(request, token):
    """A new password, after the secret question if there is one; and another question, if that one was thrown away."""
    done = "Votre mot de passe est remplacé. Connectez-vous avec le nouveau."
    return _use_link(request, token, Purpose.RESET, _reset_form, reset_password, done)


def _reset_form(user, data):
    return ActivationForm(user, data) if user.must_choose_question else ResetForm(user, data)


@login_not_required
@never_cache
@sensitive_post_parameters()
def reactivate(request, token):
    """A new password, secret question and answer: the account is as it was."""
    done = "Votre compte est réactivé. Connectez-vous avec votre nouveau mot de passe."
    return _use_link(request, token, Purpose.REACTIVATION, ActivationForm, reactivate_own_account, done)


def _use_link(request, token, purpose, form_class, action, done):
    """GET shows the form and changes nothing (mail scanners open links); POST uses the link."""
    link = read_link(token, purpose)
    if not link.is_valid:
        return render(request, "accounts/stale_link.html", {"link": link, "renew": RENEW[purpose]}, status=410)
    form = form_class(link.user, posted(request))
    if request.method == "POST" and form.is_valid() and submit(form, action, token, **form.answers)[0]:
        messages.success(request, done)
        return redirect("accounts:login")
    return render(request, PAGES[purpose], {"form": form, "link": link}, status=form.status)


@login_not_required
@never_cache
def resend_activation(request):
    """« Renvoyer le lien »: the same answer whoever the address belongs to."""
    return _send_link(request, LinkRequest.Purpose.ACTIVATION, "accounts/resend_activation.html")


@login_not_required
@never_cache
def forgotten_password(request):
    """« Mot de passe oublié ? »: the same answer whoever the address belongs to."""
    return _send_link(request, LinkRequest.Purpose.RESET, "accounts/forgotten_password.html")


@login_not_required
@never_cache
def ask_reactivation(request):
    """« Réactiver mon compte »: the same answer whoever the address belongs to."""
    return _send_link(request, LinkRequest.Purpose.REACTIVATION, "accounts/ask_reactivation.html")


def _send_link(request, purpose, template):
    refusal = ""
    if request.method == "POST" and not within(request, "mail_request", settings.MAIL_REQUEST_RATE):
        refusal = "Trop de demandes depuis votre connexion. Réessayez dans une heure."
    form = AddressForm(posted(request), refusal=refusal)
    sent_to = ""
    if request.method == "POST" and form.is_valid():
        sent_to = form.cleaned_data["email"]
        request_link(sent_to, purpose)
    context = {
        "form": form,
        "sent_to": sent_to,
        "reactivation_days": settings.REACTIVATION_DAYS,
        "reactivation_hours": settings.ACTIVATION_HOURS,
        "reset_minutes": settings.RESET_MINUTES,
    }
    return render(request, template, context, status=form.status)
