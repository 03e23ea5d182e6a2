"""« Mon compte »: an edit screen for each thing people change of their own account, and their open sessions."""

from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, update_session_auth_hash
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import actions
from accounts.forms import own as forms
from accounts.views.doors import TOO_MANY_TRIES, next_page
from plumbing.requests import perform, posted, submit, within

ACCOUNT = "account"


def kept_by_pigp(view):
    """Whose identity comes from the PIGP is told why they cannot do this here, and whom to ask."""

    @wraps(view)
    def unless_kept(request):
        if request.user.identity_from_pigp:
            messages.error(request, "Votre identité vient du PIGP : son référent peut la modifier, pas le portail.")
            return redirect(ACCOUNT)
        return view(request)

    return unless_kept


def change_general(request):
    form = forms.GeneralForm(request.user, posted(request))
    return _edit(request, form, "accounts/change_general.html", _change, "Vos informations sont enregistrées.")


def change_postal_address(request):
    form = forms.PostalAddressForm(request.user, posted(request))
    return _edit(
        request, form, "accounts/change_postal_address.html", _change, "Votre adresse postale est enregistrée."
    )


def change_contact(request):
    """Mails about one's work go to the new address once the link mailed there is used."""
    form = forms.ContactForm(request.user, posted(request), refusal=too_many_mails(request))
    done = "Votre adresse de contact est enregistrée."
    if form.data.get("contact_email"):
        done += " Ouvrez le lien qui vient d'y être envoyé : les courriels y arriveront ensuite."
    return _edit(request, form, "accounts/change_contact.html", _change, done)


def change_parameters(request):
    form = forms.ParametersForm(request.user, posted(request))

    def change(user, values):
        return actions.change_parameters(user.pk, **values)

    return _edit(request, form, "accounts/change_parameters.html", change, "Vos choix sont enregistrés.")


def _change(user, values):
    return actions.change_account(user.pk, actor=user, values=values)


def _edit(request, form, template, change, done):
    if request.method == "POST" and form.is_valid():
        taken, made = submit(form, change, request.user, form.values)
        if taken:
            messages.success(request, done if made else "Rien n'a changé.")
            return redirect(ACCOUNT)
    return edit_page(request, form, template)


def edit_page(request, form, template, **context):
    refused = request.method == "POST" and form.errors
    status = form.status if form.status != 200 else 422 if refused else 200
    return render(request, template, {"form": form} | context, status=status)


@require_POST
def resend_contact_confirmation(request):
    done = "Un nouveau lien est parti à votre adresse de contact."
    perform(request, actions.resend_contact_confirmation, request.user.pk, done=done)
    return redirect(ACCOUNT)


@kept_by_pigp
@sensitive_post_parameters()
def change_password(request):
    """Also what whoever logs in with an expired password must do first: they go on to where they were going."""
    form = forms.ChangePasswordForm(request.user, posted(request), refusal=too_many_tries(request))
    me = proven(request, form)
    if me is not None:
        key = request.session.session_key
        password = form.cleaned_data["password"]
        taken, user = submit(form, actions.change_password, me, password=password, session_key=key)
        if taken:
            update_session_auth_hash(request, user)
            actions.renew_session(key, request.session.session_key)
            messages.success(request, "Votre mot de passe est remplacé. Vos autres sessions sont fermées.")
            # Not redirect(): a path without a slash would be taken for the name of a view.
            return HttpResponseRedirect(next_page(request, ACCOUNT))
    return edit_page(request, form, "accounts/change_password.html")


@sensitive_post_parameters()
def change_secret_question(request):
    form = forms.SecretQuestionForm(request.user, posted(request), refusal=too_many_tries(request))
    me = proven(request, form)
    if me is not None and submit(form, actions.change_secret_question, me, **form.values)[0]:
        messages.success(request, "Votre question secrète et sa réponse sont enregistrées.")
        return redirect(ACCOUNT)
    return edit_page(request, form, "accounts/change_secret_question.html")


def too_many_tries(request):
    if request.method == "POST" and not within(request, "login", settings.LOGIN_RATE):
        return TOO_MANY_TRIES
    return ""


def too_many_mails(request):
    """One person writes to so many addresses that may be anybody's, wherever they sit."""
    if request.method == "POST" and not within(request, "mail_request", settings.MAIL_REQUEST_RATE, key="user"):
        return "Trop de demandes d'affilée. Réessayez dans une heure."
    return ""


def proven(request, form):
    """Who is at the screen, when a valid `form` was posted with their password; a wrong one counts as at login.

    It is tried whatever else is wrong, so that all is told at once.
    """
    if request.method != "POST":
        return None
    form.full_clean()
    typed = form.cleaned_data.get("current_password")
    if typed is None:
        return None
    me = authenticate(request, username=request.user.email, password=typed)
    if me is None or me.pk != request.user.pk:
        form.refuse_password()
        return None
    return me if form.is_valid() else None


@require_safe
def sessions(request):
    """Where one is logged in: since when, with what browser, active when."""
    return render(request, "accounts/sessions.html", {"sessions": request.user.open_sessions.living()})


@require_POST
def end_session(request, pk):
    others = request.user.open_sessions.exclude(session_key=request.session.session_key)
    row = get_object_or_404(others, pk=pk)
    _end(request, only=row.pk)
    return redirect("accounts:sessions")


@require_POST
def end_other_sessions(request):
    _end(request)
    return redirect("accounts:sessions")


def _end(request, **which):
    ended = actions.end_own_sessions(request.user, but=request.session.session_key, **which)
    said = {0: "Aucune autre session n'était ouverte.", 1: "La session est fermée."}
    messages.success(request, said.get(ended, f"{ended} sessions sont fermées."))
