"""What somebody was typing when their session ended, carried by the login page into the session that follows.

In a hidden field of that page: signed, so that nobody fills a form in for somebody else, and short-lived.
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core import signing
from django.utils.http import url_has_allowed_host_and_scheme

FIELD = "kept"
SALT = "accounts.kept"
LONGEST = 50_000
LIFETIME_SECONDS = 3600
# Where the session that follows a logout holds who left: a form may still be open in another tab.
LEFT = "left"
# Parts of names whose values are nobody else's to carry about.
SECRET = ("password", "answer", "captcha", "csrf", "token")


def page_of(request):
    """Where the person was: the page that sent this form, as the browser says, if it is one of ours."""
    referer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure()):
        return request.get_full_path()
    parts = urlsplit(referer)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def keep(request):
    """What was just posted, to be put in the login page; empty when there is nothing to keep or too much.

    Only what a page of the site posts to itself can be shown there again, and only to whoever it was: nothing is
    kept of a session that was ended from elsewhere, of which nothing is left.
    """
    owner = _owner_of(request)
    if not owner or page_of(request) != request.get_full_path() or request.resolver_match.namespace == "admin":
        return ""
    typed = request.POST.copy()
    for name in [name for name in typed if any(part in name.lower() for part in SECRET)]:
        del typed[name]
    data = typed.urlencode()
    if not data or len(data) > LONGEST:
        return ""
    kept = {"path": request.get_full_path(), "data": data, "owner": owner}
    return signing.dumps(kept, salt=SALT, compress=True)


def still_kept(request):
    """The field as the login page sent it, when it is one of ours and still fresh; else empty."""
    return request.POST.get(FIELD, "") if _read(request) else ""


def theirs(request, user):
    """What the login page carried, if it may be `user`'s: for the session that follows to hold under KEPT."""
    kept = _read(request)
    return kept if kept is not None and kept.pop("owner") == str(user.pk) else None


def _read(request):
    try:
        return signing.loads(request.POST.get(FIELD, ""), salt=SALT, max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return None


def _owner_of(request):
    """Whose the session that ended was, as long as its row is there: the cookie outlives it."""
    row = Session.objects.filter(session_key=request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")).first()
    said = row.get_decoded() if row else {}
    return said.get(SESSION_KEY) or said.get(LEFT)
