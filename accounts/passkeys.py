"""Passkeys (WebAuthn): what is asked of the browser, and whether its answer is right. The library is py_webauthn."""

import json
import logging
from urllib.parse import urlsplit

import webauthn
from django.conf import settings
from webauthn.helpers import bytes_to_base64url, generate_challenge, generate_user_handle
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

logger = logging.getLogger(__name__)

# The password is asked besides: the key need not ask for a finger or a number of its own, nor hold the account's name.
NOT_ALONE = AuthenticatorSelectionCriteria(
    resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.DISCOURAGED
)


def draw_challenge():
    """What a key is asked to sign, as text."""
    return bytes_to_base64url(generate_challenge())


def creation_options(user, passkeys, challenge):
    """What navigator.credentials.create() is given, as JSON."""
    options = webauthn.generate_registration_options(
        rp_id=_host(),
        rp_name=settings.PORTAL_NAME,
        # No name or number of the account: the key keeps it.
        user_id=generate_user_handle(),
        user_name=user.email,
        user_display_name=str(user),
        challenge=webauthn.base64url_to_bytes(challenge),
        authenticator_selection=NOT_ALONE,
        exclude_credentials=_described(passkeys),
    )
    return webauthn.options_to_json(options)


def request_options(passkeys, challenge):
    """What navigator.credentials.get() is given, as JSON."""
    options = webauthn.generate_authentication_options(
        rp_id=_host(),
        challenge=webauthn.base64url_to_bytes(challenge),
        allow_credentials=_described(passkeys),
        user_verification=UserVerificationRequirement.DISCOURAGED,
    )
    return webauthn.options_to_json(options)


def read_new(answer, challenge):
    """The columns of the Passkey that the browser's `answer` (JSON) makes known; None when it proves nothing."""
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=webauthn.base64url_to_bytes(challenge),
            expected_rp_id=_host(),
            expected_origin=settings.SITE_URL,
        )
        named = json.loads(answer)["response"].get("transports", [])
        transports = [transport.value for transport in AuthenticatorTransport if transport.value in named]
    # The answer is anybody's bytes: the library and those below it fail on them in a dozen ways.
    except Exception as error:
        return _refused(error)
    return {
        "credential_id": bytes_to_base64url(made.credential_id),
        "public_key": made.credential_public_key,
        "sign_count": made.sign_count,
        "transports": transports,
    }


def credential_id_of(answer):
    """Which key the browser's `answer` (JSON) says it comes from; empty when that cannot be read."""
    try:
        return bytes_to_base64url(webauthn.base64url_to_bytes(json.loads(answer)["rawId"]))
    except Exception as error:
        return _refused(error) or ""


def new_count(passkey, answer, challenge):
    """How often `passkey` has signed, now that it signed `challenge`; None when the `answer` does not prove it."""
    try:
        return webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=webauthn.base64url_to_bytes(challenge),
            expected_rp_id=_host(),
            expected_origin=settings.SITE_URL,
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
        ).new_sign_count
    except Exception as error:
        return _refused(error)


def _refused(error):
    logger.info("A passkey's answer is refused: %s", type(error).__name__)


def _host():
    return urlsplit(settings.SITE_URL).hostname


def _described(passkeys):
    return [
        PublicKeyCredentialDescriptor(
            id=webauthn.base64url_to_bytes(passkey.credential_id),
            transports=[AuthenticatorTransport(name) for name in passkey.transports] or None,
        )
        for passkey in passkeys
    ]
