from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect

from chorus.plumbing.errors import ActionError


def client_ip(request):
    """The caller's address, as the outermost of our own `PROXY_COUNT` proxies saw it.

    Addresses further left in X-Forwarded-For were written by the caller and prove nothing.
    """
    peer = request.META.get("REMOTE_ADDR") or "127.0.0.1"
    if not settings.PROXY_COUNT:
        return peer
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    return hops[-settings.PROXY_COUNT] if len(hops) >= settings.PROXY_COUNT else peer


def asks_fragment(request):
    """Whether our own script asked for a part of the page, and not a person for all of it."""
    return request.headers.get("X-Requested-With") == "fetch"


def redirect_after(request, where, *args, done=None, **kwargs):
    """Redirect to `where`, saying `done` on the next page."""
    if done:
        messages.success(request, done)
    return redirect(where, *args, **kwargs)


def perform(request, action, *args, **kwargs):
    """Run `action`; True and its result, or False and its refusal said on the next page."""
    try:
        return True, action(*args, **kwargs)
    except ActionError as refusal:
        messages.error(request, str(refusal))
        return False, None
