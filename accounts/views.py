from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.actions import (
    activate_account,
    request_activation_link,
    request_password_reset,
    reset_password,
)
from accounts.forms import ActivationForm, AddressForm, LoginForm, ResetForm
from accounts.links import Purpose, read_link
from accounts.models import normalised_email
from chorus.plumbing.requests import perform, posted, within


@login_not_required
@never_cache
@sensitive_post_parameters("password")
def log_in(request):
    if request.user.is_authenticated:
        return redirect("home")
    form = LoginForm(request, posted(request))
    if request.method == "POST" and not within(request, "login", settings.LOGIN_RATE):
        form.add_error(None, "Trop d'essais depuis votre connexion. Attendez une minute, puis recommencez.")
    elif request.method == "POST" and form.is_valid():
        login(request, form.user)
        return redirect(_next_page(request))
    session_ended = settings.SESSION_COOKIE_NAME in request.COOKIES and request.session.is_empty()
    return render(request, "accounts/login.html", {"form": form, "session_ended": session_ended})


def _next_page(request):
    """Where the person was going, if that is on this site."""
    wanted = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else resolve_url(settings.LOGIN_REDIRECT_URL)


def locked_out(request, credentials, *args, **kwargs):
    """Too many failures: the same words whether the account exists or not."""
    return render(request, "accounts/locked_out.html", {"minutes": settings.LOCKOUT_MINUTES}, status=429)


@login_not_required
@require_POST
def log_out(request):
    logout(request)
    messages.success(request, "Vous êtes déconnecté. À bientôt.")
    return redirect("home")


@login_not_required
@never_cache
@sensitive_post_parameters()
def activate(request, token):
    """GET shows the form and changes nothing (mail scanners open links); POST activates."""
    link = read_link(token, Purpose.ACTIVATION)
    if not link.is_valid:
        return render(request, "accounts/stale_link.html", _stale(link, "accounts:resend_activation"), status=410)
    form = ActivationForm(link.user, posted(request))
    if request.method == "POST" and form.is_valid():
        answers = {name: form.cleaned_data[name] for name in ("password", "secret_question", "secret_answer")}
        said = "Votre compte est actif. Connectez-vous avec votre nouveau mot de passe."
        perform(request, activate_account, token, done=said, **answers)
        return redirect("accounts:login")
    return render(request, "accounts/activate.html", {"form": form, "link": link})


@login_not_required
@never_cache
@sensitive_post_parameters()
def reset(request, token):
    """GET shows the form and changes nothing; POST replaces the password."""
    link = read_link(token, Purpose.RESET)
    if not link.is_valid:
        return render(request, "accounts/stale_link.html", _stale(link, "accounts:forgotten_password"), status=410)
    form = ResetForm(link.user, posted(request))
    if request.method == "POST" and form.is_valid():
        said = "Votre mot de passe est remplacé. Connectez-vous avec le nouveau."
        perform(request, reset_password, token, done=said, password=form.cleaned_data["password"])
        return redirect("accounts:login")
    return render(request, "accounts/reset.html", {"form": form, "link": link})


def _stale(link, renew):
    return {"link": link, "renew": renew}


@login_not_required
@never_cache
def resend_activation(request):
    """« Renvoyer le lien »: the same answer whoever the address belongs to."""
    return _send_link(request, request_activation_link, "accounts/resend_activation.html")


@login_not_required
@never_cache
def forgotten_password(request):
    """« Mot de passe oublié ? »: the same answer whoever the address belongs to."""
    return _send_link(request, request_password_reset, "accounts/forgotten_password.html")


def _send_link(request, action, template):
    form = AddressForm(posted(request))
    sent_to = ""
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        if within(request, "mail_request", settings.MAIL_REQUEST_RATE):
            # Past this address's own limit nothing is sent, and nothing says so.
            if within(request, "mail_to", settings.MAIL_TO_ONE_RATE, key=lambda *_: normalised_email(email)):
                action(email)
            sent_to = email
        else:
            form.add_error(None, "Trop de demandes depuis votre connexion. Réessayez dans une heure.")
    return render(request, template, {"form": form, "sent_to": sent_to})
