"""For who cannot log in: asking for a closed account back, and following that ticket by the link mailed."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plumbing.references import spaced
from plumbing.requests import posted, submit, within
from registration import captcha
from registration.captcha_answers import captcha_after, captcha_of, is_valid_with_captcha
from support import actions
from support.emails import LINK_DAYS, SALT
from support.forms import ReactivationForm, VisitorReplyForm
from support.models import Ticket

SENT = "reactivation_sent"
BUTTONS = {"new_captcha", "check_captcha"}
TOO_MANY = "Trop de sollicitations depuis votre connexion. Réessayez dans une heure."


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reactivation(request):
    """« Réactivation d'un compte après 60 jours »: the same page whoever has the address."""
    if request.method != "POST":
        form = ReactivationForm()
        return _page(request, form, captcha.fresh(), sent=spaced(request.session.pop(SENT, "")))
    if BUTTONS & request.POST.keys():
        return _page(request, ReactivationForm(initial=request.POST.dict()), captcha_after(request))
    refusal = "" if within(request, "ticket", settings.TICKET_RATE) else TOO_MANY
    form = ReactivationForm(request.POST, refusal=refusal)
    if is_valid_with_captcha(request, form):
        key = form.cleaned_data["captcha_key"]
        done, opened = submit(form, actions.open_reactivation, captcha_key=key, **form.values)
        if done:
            request.session[SENT] = opened.reference
            return redirect("support:reactivation")
    return _page(request, form, captcha_of(form))


def _page(request, form, shown, sent=""):
    context = {"form": form, "captcha": shown, "sent": sent, "reactivation_days": settings.REACTIVATION_DAYS}
    return render(request, "support/reactivation.html", context, status=422 if form.errors else form.status)


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def follow(request, token):
    """A visitor's own ticket, by the link mailed to the address they gave; a reply shows that they read it."""
    found = _by_token(token)
    if found is None:
        return render(request, "support/stale_link.html", status=404)
    form = VisitorReplyForm(posted(request))
    if request.method == "POST" and form.is_valid():
        if not within(request, "ticket", settings.TICKET_RATE):
            form.add_error(None, TOO_MANY)
        elif submit(form, actions.reply, found.pk, actor=None, text=form.cleaned_data["text"])[0]:
            messages.success(request, "Votre message est envoyé.")
            return redirect("support:follow", token)
    context = {"ticket": found, "thread": found.messages.thread(), "form": form}
    return render(request, "support/follow.html", context, status=422 if form.errors else 200)


def _by_token(token):
    try:
        pk = signing.loads(token, salt=SALT, max_age=LINK_DAYS * 86400)
    except signing.BadSignature:
        return None
    return Ticket.objects.filter(pk=pk, author=None).exclude(visitor_email="").first()
