import ipaddress
import re
from urllib.parse import unquote, urlencode

from django.conf import settings
from django.contrib import messages
from django.http import QueryDict
from django_ratelimit.core import get_usage

from plumbing.breaker import redis_breaker
from plumbing.errors import ActionError, AlreadyDone

IPV6_NETWORK_BITS = 64
# The query parameter by which a row's page knows the list it was opened from: its path, filters included.
RETURN = "retour"
# Where the session holds what was typed when the one before it ended: {"path", "data"} (accounts/kept.py).
KEPT = "kept_form"


def client_ip(request):
    """The caller's IP address, as the outermost of our own `PROXY_COUNT` proxies saw it.

    Addresses further left in X-Forwarded-For were written by the caller and prove nothing. A hop that is no
    address (« unknown ») counts for nothing either: the peer stands for it.
    """
    peer = _address(request.META.get("REMOTE_ADDR") or "") or ipaddress.ip_address("127.0.0.1")
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    if settings.PROXY_COUNT and len(hops) >= settings.PROXY_COUNT:
        return _address(hops[-settings.PROXY_COUNT]) or peer
    return peer


def client_network(request):
    """What limits and lockout count: the IPv4 address, or the /64 prefix that one IPv6 subscriber has to themselves."""
    address = client_ip(request)
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address.packed, IPV6_NETWORK_BITS), strict=False).network_address)


def _address(text):
    """The IP address in `text`, with or without port, brackets and zone; None when there is none."""
    text = re.sub(r"^\[(.*)\](:\d+)?$|^([\d.]+):\d+$", r"\1\3", text).partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def posted(request):
    """What a form is bound to: the posted data, were it empty, and nothing on a GET.

    Nothing but, once, what was typed on this page when the session ended: so whoever acts on a valid form looks
    at the method first.
    """
    if request.method == "POST":
        return request.POST
    kept = request.session.get(KEPT)
    if request.method != "GET" or kept is None or kept["path"] != request.get_full_path():
        return None
    del request.session[KEPT]
    messages.success(request, "Voici ce que vous aviez saisi : relisez, puis validez.")
    return QueryDict(kept["data"])


def came_from(request, address):
    """The list at `address` as it was filtered when this page was opened from it; empty when it was not.

    Only a query is taken from what the visitor sent, so that nobody can be led elsewhere.
    """
    path, _, query = request.GET.get(RETURN, "").partition("?")
    return f"{address}?{query}" if query and path == address and "\x00" not in unquote(query) else ""


def carried(request):
    """To put behind the address of another page of the same row: the list that it was opened from."""
    return f"?{urlencode({RETURN: request.GET[RETURN]})}" if RETURN in request.GET else ""


def within(request, group, rate, key="ip", *, count=True):
    """Count this request in `group` against its sender's `rate`; whether it is still within it.

    Without `count`, whether one more would be. Fails open: while Redis is away everybody is.
    """
    asked = {"group": group, "key": key, "rate": rate, "increment": count}
    usage = redis_breaker.call(get_usage, request, **asked)
    return usage is None or usage["count"] + (not count) <= usage["limit"]


def within_many(request, group, rate, times, key="ip"):
    """As `within`, of a request that counts for `times`: all of them, or none when they are beyond the rate."""
    asked = {"group": group, "key": key, "rate": rate}
    usage = redis_breaker.call(get_usage, request, **asked)
    if usage and usage["count"] + times > usage["limit"]:
        return False
    for _ in range(times):
        usage = redis_breaker.call(get_usage, request, **asked, increment=True)
        if usage is None:
            return True
    # Another request of theirs may have counted meanwhile.
    return usage is None or usage["count"] <= usage["limit"]


def perform(request, action, *args, done="", **kwargs):
    """Run `action`: (True, its result), saying `done` on the next page, or (False, None), saying why not."""
    try:
        result = action(*args, **kwargs)
    except ActionError as refusal:
        say = messages.info if isinstance(refusal, AlreadyDone) else messages.error
        say(request, str(refusal))
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
