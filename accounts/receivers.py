"""Django says when a session begins and ends: whose it is is written down, for them to see and end it.

And the login that was asked for to link an identity at the OpenID provider has then taken place, whole.
"""

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver

from accounts import actions, openid, vouched
from accounts.browsers import in_words
from plumbing.requests import perform


@receiver(user_logged_in)
def remember_session(sender, request, user, **kwargs):
    if request.session.session_key is None:
        # Emptied because somebody else was logged in: it has no row yet.
        request.session.cycle_key()
    browser = in_words(request.META.get("HTTP_USER_AGENT", ""))
    actions.open_session(user, session_key=request.session.session_key, browser=browser)


@receiver(user_logged_out)
def forget_session(sender, request, user, **kwargs):
    if request.session.session_key is not None:
        actions.close_session(request.session.session_key)


@receiver(user_logged_in)
def link_identity(sender, request, user, **kwargs):
    said = vouched.remembered(request)
    vouched.forget(request)
    if said is not None and openid.is_on():
        done = f"Votre compte est relié : connectez-vous désormais avec {settings.OIDC_LABEL}, sans mot de passe."
        perform(
            request,
            actions.link_identity,
            user.pk,
            issuer=settings.OIDC_ISSUER,
            sub=said["sub"],
            email=said["email"],
            done=done,
        )
