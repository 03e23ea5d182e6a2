import time
from urllib.parse import urlencode

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import patch_cache_control

from accounts import openid
from accounts.views import session_ended

KEY = "seen"
PRECISION_SECONDS = 60


class KeepingLoginRequiredMiddleware(LoginRequiredMiddleware):
    """Login everywhere but where a page opts out. A form sent after the session ended is not lost."""

    def handle_no_permission(self, request, view_func):
        if request.method == "POST":
            return session_ended(request)
        return super().handle_no_permission(request, view_func)


class InactivityMiddleware:
    """Ends a session `SESSION_COOKIE_AGE` seconds after its last request (setting SESSION_MINUTES).

    Session row and cookie are pushed back at most once a minute, so reading pages does not
    write to the database at every click.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.user.is_authenticated:
            now, seen = int(time.time()), request.session.get(KEY, 0)
            if now - seen >= PRECISION_SECONDS:
                request.session[KEY] = now
        response = self.get_response(request)
        if request.user.is_authenticated:
            # A shared computer's « page précédente » must not bring somebody's page back. Answers to a form
            # are the exception (plumbing.middleware.BackButtonMiddleware): logging out clears them away.
            patch_cache_control(response, private=True, no_store=True)
        return response


class PasswordExpiryMiddleware:
    """Whoever is logged in with an expired password replaces it before anything else, or logs out.

    Not whom an OpenID provider let in: no password was typed, and the next one that is will be held to it.
    """

    ALLOWED = {"accounts:change_password", "accounts:logout"}

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if request.resolver_match.view_name in self.ALLOWED or openid.SESSION in request.session:
            return None
        if not (request.user.is_authenticated and request.user.password_is_expired):
            return None
        query = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
        return redirect(reverse("accounts:change_password") + query)
