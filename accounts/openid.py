"""Login by OpenID Connect: the conversation with the provider that OIDC_ISSUER names. Knows no account and no page.

Authlib keeps state, nonce and code verifier (PKCE) in the session, and checks the signed answer: signature, issuer,
audience, dates, nonce. The shape is ProConnect's; any provider with a discovery document will do.
"""

import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import requests
from authlib.integrations.django_client import OAuth
from django.conf import settings
from joserfc import jwt
from joserfc.jwk import KeySet

from plumbing.addresses import absolute_url

SCOPE = "openid given_name usual_name email siret"
# The level ProConnect gives to whoever has a professional account; other providers pass over it.
ASSURANCE = "eidas1"
# Signatures by a key that only the provider holds: neither none nor one by our own secret.
ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}
# For one request to the provider, and for all that one page needs of it.
REQUEST_SECONDS, PATIENCE_SECONDS = 2, 4
# How far its clock may be from ours.
LEEWAY_SECONDS = 60
DOCUMENT_LIFETIME_SECONDS = 3600
LONGEST_SUB, LONGEST_TEXT, LONGEST_TOKEN = 255, 254, 8000
# Where the session says that it was opened by the provider: the token that ends the provider's own.
SESSION = "oidc_session"
# Where it keeps the page each login under way goes on to, by state.
UNDER_WAY = "oidc_under_way"
MOST_UNDER_WAY = 5

logger = logging.getLogger(__name__)
_conversations = ThreadPoolExecutor(max_workers=8, thread_name_prefix="oidc")


class Away(Exception):
    """The provider does not answer, or not in time."""


class Refused(Exception):
    """The provider, or whoever sent the browser here, says something that is not to be believed."""


@dataclass(frozen=True)
class Identity:
    """Who the provider says it is. Only `sub` is never given to anybody else."""

    sub: str
    email: str
    siret: str
    first_name: str
    last_name: str
    id_token: str


def is_on():
    return bool(settings.OIDC_ISSUER)


def begin(request, back_to):
    """Send the browser to the provider; afterwards it goes on to `back_to`, an address as the request gave it."""
    # Longer than Authlib's own: ProConnect wants 32 characters.
    state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    under_way = request.session.get(UNDER_WAY, {})

    def redirect():
        client = _client()
        for forgotten in list(under_way)[: 1 - MOST_UNDER_WAY]:
            del under_way[forgotten]
            client.framework.clear_state_data(request.session, forgotten)
        there = absolute_url("accounts:oidc_callback")
        return client.authorize_redirect(request, there, state=state, nonce=nonce, acr_values=ASSURANCE)

    answer = _asked(redirect)
    request.session[UNDER_WAY] = under_way | {state: back_to}
    return answer


def back_to(request):
    """Where the login that comes back with this request goes on to. Each comes back once."""
    under_way = request.session.get(UNDER_WAY, {})
    page = under_way.pop(request.GET.get("state", ""), None)
    if page is not None:
        request.session[UNDER_WAY] = under_way
    return page or ""


def finish(request):
    """The Identity that the browser came back with."""
    return _asked(lambda: _identity(_client(), request))


def end_session_address(id_token):
    """Where the browser ends the provider's session, and comes home from; empty where that is not offered."""
    try:
        client = _asked(_client)
    except (Away, Refused):
        return ""
    if not client.server_metadata.get("end_session_endpoint"):
        return ""
    state = secrets.token_urlsafe(32)
    home = absolute_url("home")
    return client.create_logout_url(post_logout_redirect_uri=home, id_token_hint=id_token, state=state)["url"]


def _asked(question):
    """What `question()` answers. In a thread, since a socket's own time-out starts anew with each byte."""
    asked = _conversations.submit(question)
    try:
        return asked.result(timeout=PATIENCE_SECONDS)
    except (requests.RequestException, TimeoutError) as error:
        # Not later either, if its turn has not come.
        asked.cancel()
        logger.warning("The OpenID provider is away: %r", error)
        raise Away from error
    except Refused:
        raise
    # Whatever a provider sends, and whatever a library makes of it, is no fault of ours.
    except Exception as error:
        logger.warning("The OpenID provider's answer is refused: %r", error)
        # Its keys may just have changed.
        _discovered.cache_clear()
        raise Refused from error


def _client():
    period = int(time.monotonic() // DOCUMENT_LIFETIME_SECONDS)
    return _discovered(settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET, period)


@lru_cache(maxsize=2)
def _discovered(issuer, client_id, client_secret, period):
    """Authlib's client, as the discovery document of `issuer` describes it during one `period`."""
    answer = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=REQUEST_SECONDS)
    answer.raise_for_status()
    document = answer.json()
    _believe(document["issuer"].rstrip("/") == issuer, "the discovery document is another issuer's")
    addresses = {name: document[name] for name in ("jwks_uri", "userinfo_endpoint")}
    addresses["end_session_endpoint"] = document.get("end_session_endpoint", "")
    announced = document.get("id_token_signing_alg_values_supported", ["RS256"])
    algorithms = [name for name in announced if name in ALGORITHMS]
    # Of none, Authlib would make the usual ones.
    _believe(algorithms, "no signature that only the provider can make")
    return OAuth().register(
        "oidc",
        client_id=client_id,
        client_secret=client_secret,
        authorize_url=document["authorization_endpoint"],
        access_token_url=document["token_endpoint"],
        client_kwargs={
            "scope": SCOPE,
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "client_secret_post",
            "default_timeout": REQUEST_SECONDS,
            # ProConnect's access token lives a minute; Authlib's own leeway would take it for expired at once.
            "leeway": 0,
        },
        issuer=document["issuer"],
        id_token_signing_alg_values_supported=algorithms,
        **addresses,
    )


def _identity(client, request):
    issuer = client.server_metadata["issuer"]
    # Authlib looks at the audience only when told to.
    expected = {
        "iss": {"essential": True, "value": issuer},
        "aud": {"essential": True, "value": client.client_id},
    }
    token = client.authorize_access_token(request, claims_options=expected, leeway=LEEWAY_SECONDS)
    _believe("userinfo" in token, "no id_token")
    sub = token["userinfo"]["sub"]
    _believe(sub and len(sub) <= LONGEST_SUB and sub.isascii() and sub.isprintable(), "no readable sub")
    said = _userinfo(client, token)
    _believe(said.get("sub") == sub, "the userinfo is about somebody else")
    # ProConnect does not say; a provider that does must have verified it.
    _believe(said.get("email_verified", True) is True, "the address is not verified")
    siret = _text(said, "siret")
    id_token = token["id_token"]
    return Identity(
        sub=sub,
        email=_text(said, "email"),
        siret=siret if len(siret) == 14 and siret.isdecimal() else "",
        first_name=_text(said, "given_name"),
        last_name=_text(said, "usual_name") or _text(said, "family_name"),
        id_token=id_token if len(id_token) <= LONGEST_TOKEN else "",
    )


def _userinfo(client, token):
    """What the provider says of the person: as plain JSON, or signed as ProConnect does."""
    metadata = client.server_metadata
    answer = client.get(metadata["userinfo_endpoint"], token=token)
    answer.raise_for_status()
    if not answer.headers.get("Content-Type", "").startswith("application/jwt"):
        return answer.json()
    keys = KeySet.import_key_set(client.fetch_jwk_set())
    algorithms = metadata["id_token_signing_alg_values_supported"]
    claims = jwt.decode(answer.text, keys, algorithms=algorithms).claims
    jwt.JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": metadata["issuer"]},
        aud={"essential": True, "value": client.client_id},
    ).validate(claims)
    return claims


def _text(claims, name):
    value = claims.get(name)
    return value.strip() if isinstance(value, str) and len(value) <= LONGEST_TEXT and value.isprintable() else ""


def _believe(condition, otherwise):
    if not condition:
        logger.warning("The OpenID provider's answer is refused: %s", otherwise)
        raise Refused(otherwise)
