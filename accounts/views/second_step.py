"""The second step of a login: a code or a passkey, of whoever gave the password (accounts/pending.py)."""

from functools import wraps

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.signals import user_login_failed
from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import actions, passkeys, pending
from accounts.forms import second_factor as forms
from accounts.models import Factors, Way
from accounts.views.doors import TOO_MANY_TRIES, let_in, locked_out, next_query
from plumbing.requests import perform, submit, within

FORMS = {Way.PASSKEY: forms.PasskeyForm, Way.RECOVERY: forms.RecoveryCodeForm}


def at_the_door(view):
    """Only whoever gave the password lately; others give it first."""

    @wraps(view)
    def only_then(request):
        if request.user.is_authenticated:
            return redirect("home")
        user = pending.person(request)
        if user is None:
            messages.info(request, "Dix minutes sont passées, ou votre compte a changé : redonnez votre mot de passe.")
            return HttpResponseRedirect(reverse("accounts:login") + next_query(request))
        return view(request, user)

    return only_then


@login_not_required
@never_cache
@sensitive_post_parameters()
@at_the_door
def second_step(request, user):
    factors = Factors(user)
    asked = request.POST.get("way") or request.GET.get("moyen")
    way = Way(asked) if asked in factors.ways else factors.ways[0]
    refusal = ""
    if request.method == "POST" and not within(request, "login", settings.LOGIN_RATE):
        refusal = TOO_MANY_TRIES
    form = FORMS.get(way, forms.CodeForm)(request.POST if request.method == "POST" else None, refusal=refusal)
    if request.method == "POST" and form.is_valid():
        if not AxesProxyHandler.is_allowed(request, {"username": user.email}):
            return locked_out(request, {})
        if _is_right(request, user, way, form):
            return _through(request, user, way)
    context = {
        "form": form,
        "way": way,
        "others": [(other, next_query(request, moyen=other.value)) for other in factors.ways if other != way],
        "query": next_query(request),
        "device": factors.email,
        "person": user,
    }
    if way == Way.PASSKEY:
        context["options"] = passkeys.request_options(factors.passkeys, pending.challenge(request))
    status = form.status if form.status != 200 or not form.errors else 422
    return render(request, "accounts/second_step.html", context, status=status)


def _is_right(request, user, way, form):
    """Whether what was sent proves it. What does not counts as a wrong password does (django-axes)."""
    if way == Way.PASSKEY:
        answer = {"credential": form.cleaned_data["credential"], "challenge": pending.take_challenge(request)}
        taken, _ = submit(form, actions.use_passkey, user.pk, **answer)
    else:
        taken, _ = submit(form, actions.use_code, user.pk, way=way, code=form.cleaned_data["code"])
    if any(error.code == "wrong_code" for errors in form.errors.as_data().values() for error in errors):
        user_login_failed.send(sender=__name__, credentials={"username": user.email}, request=request)
    return taken


def _through(request, user, way):
    typed, backend = pending.end(request)
    answer = let_in(request, user, typed, backend)
    if way == Way.RECOVERY:
        left = Factors(user).codes_left
        messages.info(request, f"Ce code de secours a servi. Codes restants : {left}.")
    return answer


@login_not_required
@never_cache
@require_POST
@at_the_door
def mail_code(request, user):
    """« Recevoir un code »: to the login address."""
    if within(request, "login", settings.LOGIN_RATE):
        perform(request, actions.mail_login_code, user.pk, done="Un code est parti à votre adresse de connexion.")
    else:
        messages.error(request, TOO_MANY_TRIES)
    return HttpResponseRedirect(reverse("accounts:second_step") + next_query(request, moyen=Way.EMAIL.value))
