from django.conf import settings
from django.contrib import messages
from django_ratelimit.core import is_ratelimited

from plumbing.breaker import redis_breaker
from plumbing.errors import ActionError


def client_ip(request):
    """The caller's address, as the outermost of our own `PROXY_COUNT` proxies saw it.

    Addresses further left in X-Forwarded-For were written by the caller and prove nothing.
    """
    peer = request.META.get("REMOTE_ADDR") or "127.0.0.1"
    if not settings.PROXY_COUNT:
        return peer
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    return hops[-settings.PROXY_COUNT] if len(hops) >= settings.PROXY_COUNT else peer


def posted(request):
    """What a form is bound to: the posted data, were it empty, and nothing on a GET."""
    return request.POST if request.method == "POST" else None


def within(request, group, rate, key="ip"):
    """Count this request in `group` against its sender's `rate`; whether it is still within it.

    Fails open: while Redis is away everybody is.
    """
    count = {"group": group, "key": key, "rate": rate, "increment": True}
    return not redis_breaker.call(is_ratelimited, request, **count, otherwise=False)


def perform(request, action, *args, done="", **kwargs):
    """Run `action`: (True, its result), saying `done` on the next page, or (False, None), saying why not."""
    try:
        result = action(*args, **kwargs)
    except ActionError as refusal:
        messages.error(request, str(refusal))
        return False, None
    if done:
        messages.success(request, done)
    return True, result


def submit(form, action, *args, **kwargs):
    """Run `action` on what a valid `form` says: (True, its result), or (False, None) and the form says why not."""
    try:
        return True, action(*args, **kwargs)
    except ActionError as refusal:
        form.refuse(refusal)
        return False, None
