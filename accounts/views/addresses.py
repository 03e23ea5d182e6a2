"""The links mailed to addresses people give, and another login address. GET changes nothing: scanners open links."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import actions
from accounts.forms import own as forms
from accounts.links import Purpose, read_link
from accounts.views.own import ACCOUNT, edit_page, kept_by_pigp, proven, too_many_mails, too_many_tries
from plumbing.requests import perform, posted, submit


@kept_by_pigp
@sensitive_post_parameters()
def change_login_address(request):
    """Another login address: the same answer whoever has it."""
    refusal = too_many_tries(request) or too_many_mails(request)
    form = forms.LoginAddressForm(request.user, posted(request), refusal=refusal)
    me = proven(request, form)
    if me is not None and submit(form, actions.request_address, me, **form.values)[0]:
        done = "Ouvrez le lien qui part à votre nouvelle adresse de connexion : rien ne change avant."
        messages.success(request, done)
        return redirect(ACCOUNT)
    return edit_page(request, form, "accounts/change_login_address.html")


@require_POST
def cancel_address_request(request):
    done = "Votre adresse de connexion reste la même : le lien envoyé ne sert plus."
    perform(request, actions.cancel_address_request, request.user.pk, done=done)
    return redirect(ACCOUNT)


@login_not_required
@never_cache
def confirm_address(request, token):
    done = "C'est fait : connectez-vous désormais avec cette adresse."
    return _use(request, token, Purpose.ADDRESS, actions.change_address, done, "accounts/confirm_address.html")


@login_not_required
@never_cache
def restore_address(request, token):
    done = (
        "Votre adresse est rétablie. Un lien vient d'y partir : choisissez un nouveau mot de passe. Votre adresse de "
        "contact est effacée : si elle est à vous, écrivez-la de nouveau dans « Mon compte »."
    )
    return _use(request, token, Purpose.UNDO_ADDRESS, actions.restore_address, done, "accounts/restore_address.html")


@login_not_required
@never_cache
def confirm_contact(request, token):
    """The link mailed to a contact address."""
    done = "Votre adresse de contact est confirmée."
    return _use(request, token, Purpose.CONTACT, actions.confirm_contact, done, "accounts/confirm_contact.html", "home")


def _use(request, token, purpose, action, done, template, then=ACCOUNT):
    link = read_link(token, purpose)
    if link.is_valid and request.method == "POST" and perform(request, action, token, done=done)[0]:
        return redirect(then)
    return render(request, template, {"link": link}, status=200 if link.is_valid else 410)
