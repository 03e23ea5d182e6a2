"""« Double authentification »: what somebody has beside the password, each change behind the password."""

import json
import secrets
from base64 import b32encode
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts import actions, passkeys, pending
from accounts.forms import second_factor as forms
from accounts.models import Factors, Way
from accounts.views.own import edit_page, proven, too_many_tries
from plumbing.requests import posted, submit
from plumbing.sealed import seal, unseal

PAGE = "accounts:second_factor"
# What the session holds: the key of an application that showed no code yet, what a passkey is asked to sign, codes
# that are being shown. Sealed where it is a secret.
TOTP_KEY, CHALLENGE, NEW_CODES = "totp_key", "passkey_challenge", "recovery_codes"
REMOVED = {
    Way.TOTP: ("Retirer l'application d'authentification", "Retirer l'application", "L'application est retirée."),
    Way.EMAIL: (
        "Ne plus recevoir de code par courriel",
        "Désactiver les codes par courriel",
        "Les codes par courriel sont désactivés.",
    ),
}


@require_safe
def second_factor(request):
    """What is on, since when, and what may be added."""
    context = {"factors": Factors(request.user), "is_demanded": pending.must_have(request.user)}
    return render(request, "accounts/second_factor.html", context)


@sensitive_post_parameters()
def add_totp(request):
    """The key as a picture and as text; it counts once the application showed a right code."""
    if Factors(request.user).totp:
        messages.info(request, "Une application est déjà enregistrée : retirez-la pour en changer.")
        return redirect(PAGE)
    key = unseal(request.session.get(TOTP_KEY, "")) or secrets.token_hex(20)
    sealed = request.session[TOTP_KEY] = seal(key)
    form = forms.AddTotpForm(posted(request), refusal=too_many_tries(request))

    def add(me, code):
        return actions.add_totp(me, sealed_key=sealed, code=code)

    done = _changed(request, form, add, "L'application est enregistrée.", forget=TOTP_KEY)
    return done or edit_page(request, form, "accounts/add_totp.html", **_shown(request.user, key))


def _shown(user, key):
    """A key as people read it, and as their telephone does."""
    text = b32encode(bytes.fromhex(key)).decode()
    label = quote(f"{settings.PORTAL_NAME}:{user.email}")
    query = urlencode({"secret": text, "issuer": settings.PORTAL_NAME}, quote_via=quote)
    address = f"otpauth://totp/{label}?{query}"
    picture = segno.make(address, error="m").svg_inline(
        omitsize=True, border=2, light="#fff", svgclass="qr", lineclass=None
    )
    groups = [text[start : start + 4] for start in range(0, len(text), 4)]
    return {"picture": mark_safe(picture), "address": address, "key": " ".join(groups)}


@sensitive_post_parameters()
def turn_on_email_code(request):
    form = forms.ConfirmForm(posted(request), heading="Recevoir un code par courriel", refusal=too_many_tries(request))
    done = _changed(request, form, actions.turn_on_email_code, "Les codes par courriel sont activés.")
    return done or edit_page(request, form, "accounts/email_code.html")


@sensitive_post_parameters()
def add_passkey(request):
    """A key made by the browser, which answers to what the page asks it to sign."""
    challenge = request.session.setdefault(CHALLENGE, passkeys.draw_challenge())
    form = forms.AddPasskeyForm(posted(request), refusal=too_many_tries(request))

    def add(me, **values):
        return actions.add_passkey(me, challenge=challenge, **values)

    if done := _changed(request, form, add, "La clé d'accès est enregistrée.", forget=CHALLENGE):
        return done
    options = passkeys.creation_options(request.user, request.user.passkeys.all(), challenge)
    return edit_page(request, form, "accounts/add_passkey.html", options=options)


@sensitive_post_parameters()
def remove_factor(request, way):
    """The application, or codes by e-mail."""
    if way not in REMOVED:
        raise Http404
    factors = Factors(request.user)
    if not {Way.TOTP: factors.totp, Way.EMAIL: factors.has_email}[way]:
        return redirect(PAGE)
    heading, submit_label, done = REMOVED[way]
    return _remove(request, factors, heading, submit_label, lambda me: actions.remove_factor(me, way=Way(way)), done)


@sensitive_post_parameters()
def remove_passkey(request, pk):
    passkey = get_object_or_404(request.user.passkeys, pk=pk)

    def remove(me):
        return actions.remove_factor(me, way=Way.PASSKEY, passkey_id=pk)

    heading = f"Retirer la clé d'accès « {passkey.name} »"
    return _remove(
        request, Factors(request.user), heading, "Retirer la clé d'accès", remove, "La clé d'accès est retirée."
    )


@sensitive_post_parameters()
def turn_off_second_factor(request):
    factors = Factors(request.user)
    if not factors.any:
        return redirect(PAGE)
    heading, done = "Désactiver la double authentification", "La double authentification est désactivée."
    return _remove(request, factors, heading, heading, actions.turn_off_second_factor, done, all_of_them=True)


def _remove(request, factors, heading, submit_label, act, said, *, all_of_them=False):
    form = forms.ConfirmForm(posted(request), heading=heading, refusal=too_many_tries(request))
    count = bool(factors.totp) + factors.has_email + len(factors.passkeys)
    context = {
        "submit": submit_label,
        "is_last": all_of_them or count == 1,
        "is_demanded": pending.must_have(request.user),
    }
    done = _changed(request, form, act, said)
    return done or edit_page(request, form, "accounts/remove_factor.html", **context)


@sensitive_post_parameters()
def renew_recovery_codes(request):
    factors = Factors(request.user)
    if not factors.any:
        return redirect(PAGE)
    form = forms.ConfirmForm(posted(request), heading="Nouveaux codes de secours", refusal=too_many_tries(request))
    done = _changed(request, form, actions.renew_recovery_codes, "")
    return done or edit_page(request, form, "accounts/renew_codes.html", factors=factors)


def new_recovery_codes(request):
    """The codes just drawn, until the person says they noted them."""
    sealed = request.session.get(NEW_CODES)
    codes = unseal(sealed) if sealed else None
    if request.method == "POST" or codes is None:
        request.session.pop(NEW_CODES, None)
        return _onward(request)
    return render(request, "accounts/new_codes.html", {"codes": json.loads(codes)})


def _changed(request, form, act, done, forget=""):
    """Run `act` for whoever gave the password with a valid form: where to go then, None when there is none yet."""
    me = proven(request, form)
    taken, codes = submit(form, act, me, **form.values) if me is not None else (False, None)
    if not taken:
        return None
    request.session.pop(forget, None)
    if done:
        messages.success(request, done)
    if not codes:
        return _onward(request)
    request.session[NEW_CODES] = seal(json.dumps(codes))
    return redirect("accounts:new_recovery_codes")


def _onward(request):
    """Back to the page; or where the person was going when a second factor was demanded first."""
    address = request.session.pop(pending.AFTERWARDS, "") if request.user.second_factor_since else ""
    # Written there by the middleware, from an address of ours.
    return HttpResponseRedirect(address) if address else redirect(PAGE)
