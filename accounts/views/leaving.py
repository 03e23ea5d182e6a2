"""« Désactiver mon compte »: what follows, then the end of everything that is open."""

from datetime import timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.debug import sensitive_post_parameters

from accounts import actions, events
from accounts.forms import own as forms
from accounts.views.doors import end_session
from accounts.views.own import edit_page, kept_by_pigp, proven, too_many_tries
from plumbing.facts import gather
from plumbing.requests import posted, submit


@kept_by_pigp
@sensitive_post_parameters()
def deactivate(request):
    """GET says what follows, and what stands in the way; POST, with the password, deactivates the account."""
    form = forms.DeactivationForm(posted(request), refusal=too_many_tries(request))
    me = proven(request, form)
    if me is not None:
        taken, user = submit(form, actions.deactivate_own_account, me)
        if taken:
            return _goodbye(request, user)
    facts = gather(events.account_deactivating, user=request.user)
    return edit_page(
        request,
        form,
        "accounts/deactivate.html",
        in_the_way=[fact for fact in facts if fact.blocks],
        lost=[fact for fact in facts if not fact.blocks],
        until=timezone.localdate() + timedelta(days=settings.REACTIVATION_DAYS),
        days=settings.REACTIVATION_DAYS,
        lead=f"Vous ne pourrez plus vous connecter. Vous aurez {settings.REACTIVATION_DAYS} jours pour revenir.",
    )


def _goodbye(request, user):
    until = date_format(user.reactivation_until, "j F Y")
    said = f"Votre compte est désactivé. Vous pouvez le réactiver jusqu'au {until} inclus."
    return end_session(request, said, reverse("accounts:login"))
