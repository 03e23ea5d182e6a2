from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import openid, vouched
from accounts.mistyped import likely_address
from plumbing.references import spaced
from plumbing.requests import posted, submit, within
from registration import captcha
from registration.actions import (
    MOST_CORRECTIONS,
    expected_outcome,
    recap_of,
    request_correction,
    submit_registration,
)
from registration.captcha_answers import captcha_after, captcha_of, is_valid_with_captcha
from registration.forms import NewAddressForm, RegistrationForm

RECAP = "registration_recap"
TOO_MANY_REGISTRATIONS = "Trop de comptes créés ou corrigés depuis votre connexion. Réessayez dans une heure."
BUTTONS = {"find_structure", "other_structure", "new_captcha", "check_captcha"}


def visitors_only(view):
    """Whoever is logged in has an account already."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        return redirect("home") if request.user.is_authenticated else view(request, *args, **kwargs)

    return login_not_required(never_cache(guarded))


@visitors_only
def register(request):
    """The form, and without JavaScript its inner buttons (structure, captcha)."""
    if request.method != "POST":
        return _page(request, _first_form(request), captcha.fresh())
    if BUTTONS & request.POST.keys():
        return _page(request, _typed_so_far(request), captcha_after(request))

    refusal = ""
    if not within(request, "registration", settings.REGISTRATION_RATE, count=False):
        refusal = TOO_MANY_REGISTRATIONS
    form = RegistrationForm(request.POST, lookups_allowed=_may_look_up(request), refusal=refusal)
    # Looked for before and after: the same form may be on its way a second time, or have come first.
    if (
        _was_taken(request, form)
        or (is_valid_with_captcha(request, form) and _registered(request, form))
        or ("captcha_answer" in form.errors and _was_taken(request, form))
    ):
        return redirect("registration:recap")
    return _page(request, form, captcha_of(form))


@visitors_only
@require_POST
def structure_block(request):
    """The part of the form that depends on the identifier, for our script."""
    form = _typed_so_far(request)
    return render(request, "registration/structure_answer.html", _context(form, captcha_after(request)))


@visitors_only
@require_POST
def captcha_block(request):
    """The captcha after « Valider le captcha » or « Nouvelle image », for our script."""
    return render(request, "registration/captcha_answer.html", {"captcha": captcha_after(request)})


@visitors_only
@require_safe
def captcha_image(request, key):
    if not within(request, "captcha_image", settings.CAPTCHA_IMAGE_RATE):
        return HttpResponse("Trop d'images. Attendez une minute.", status=429, content_type="text/plain")
    picture = captcha.drawn(key)
    return HttpResponse(status=410) if picture is None else HttpResponse(picture, content_type="image/png")


@visitors_only
@require_safe
def captcha_audio(request, key):
    if not within(request, "captcha_audio", settings.CAPTCHA_AUDIO_RATE):
        return HttpResponse("Trop d'écoutes. Attendez une minute.", status=429, content_type="text/plain")
    try:
        sound = captcha.spoken(key)
    except captcha.Busy:
        busy = HttpResponse("Trop de monde écoute. Réessayez.", status=503, content_type="text/plain; charset=utf-8")
        busy["Retry-After"] = 3
        return busy
    if sound is None:
        return HttpResponse(status=410)
    return HttpResponse(sound, content_type="audio/wav")


@visitors_only
@require_safe
def recap(request):
    """« Dernière étape »: what was registered and what happens next."""
    if RECAP not in request.session:
        return redirect("registration:register")
    summary = request.session[RECAP]
    context = {"recap": summary, "reference": spaced(summary["reference"]), "may_correct": _may_correct(summary)}
    return render(request, "registration/recap.html", context)


@visitors_only
@require_http_methods(["GET", "HEAD", "POST"])
def correct_address(request):
    """« Corriger l'adresse » of the registration just made: the same answer whoever has the new one."""
    summary = request.session.get(RECAP)
    if summary is None or not _may_correct(summary):
        return redirect("registration:recap")
    refusal = ""
    if request.method == "POST" and not within(request, "registration", settings.REGISTRATION_RATE, count=False):
        refusal = TOO_MANY_REGISTRATIONS
    form = NewAddressForm(posted(request), current=summary["email"], likely=summary["suggestion"], refusal=refusal)
    if request.method == "POST" and form.is_valid() and _is_counted(request, form):
        email = form.cleaned_data["email"]
        done, recap = submit(form, request_correction, summary, email=email, suggestion=likely_address(email))
        if done:
            request.session[RECAP] = recap
            messages.success(request, f"C'est noté : ce qui concerne votre demande part désormais à {email}.")
            return redirect("registration:recap")
    return render(request, "registration/correct_address.html", {"form": form, "recap": summary}, status=form.status)


def _may_correct(summary):
    return summary["corrections"] < MOST_CORRECTIONS


def _first_form(request):
    """An empty form; or what the OpenID provider, where there is one, just said of whom no account is linked to."""
    identity = vouched.remembered(request) if openid.is_on() else None
    if identity is None:
        return RegistrationForm()
    filled = {name: identity[name] for name in ("email", "first_name", "last_name")}
    filled |= {"email_again": identity["email"], "identifier": identity["siret"]}
    data = QueryDict(mutable=True)
    data.update(filled)
    return RegistrationForm.typed_so_far(data, lookups_allowed=not identity["siret"] or _may_look_up(request))


def _page(request, form, shown):
    return render(request, "registration/register.html", _context(form, shown), status=form.status)


def _context(form, shown):
    outcome = expected_outcome(form.found) if form.found else None
    progress = form.progress(captcha_is_right=shown.confirmed)
    return {"form": form, "lookup": form.found, "captcha": shown, "outcome": outcome, "progress": progress}


def _typed_so_far(request):
    typed = request.POST
    if "other_structure" in typed:
        typed = typed.copy()
        typed["identifier"] = ""
    return RegistrationForm.typed_so_far(typed, lookups_allowed=_may_look_up(request))


def _may_look_up(request):
    """Every answer that shows a structure counts as a look-up, whatever button asked for it."""
    return within(request, "prefill", settings.PREFILL_RATE)


def _registered(request, form):
    """Submit what the valid form says; False when it was not taken, told on the form."""
    if not _is_counted(request, form):
        return False
    summary, outcome = form.summary, expected_outcome(form.lookup)
    taken, recap = submit(
        form,
        submit_registration,
        captcha_key=form.cleaned_data["captcha_key"],
        person=form.person,
        lookup=form.lookup,
        described=form.described,
        whole_structure=form.whole_structure,
        services=form.cleaned_data["services"],
        comment=form.cleaned_data["comment"],
        recap=summary | {"outcome": outcome},
        fingerprint=form.fingerprint,
    )
    if taken:
        request.session[RECAP] = recap
    return taken


def _is_counted(request, form):
    """Count a valid form against its sender's limit, which errors do not use up; False, told on it, beyond."""
    counted = within(request, "registration", settings.REGISTRATION_RATE)
    if not counted:
        form.add_error(None, TOO_MANY_REGISTRATIONS)
    return counted


def _was_taken(request, form):
    """Whether this very form was taken already: its last page is then shown again, as it was since corrected."""
    key = request.POST.get("captcha_key", "")
    recap = recap_of(key, form.fingerprint) if key.isprintable() else None
    if recap is not None and request.session.get(RECAP, {}).get("reference") != recap["reference"]:
        request.session[RECAP] = recap
    return recap is not None
