"""Addresses that are likely mistyped."""

from difflib import get_close_matches

from accounts.models import normalised_email

# Where most people have their mail: what is nearly one of these is likely mistyped.
COMMON_DOMAINS = (
    "gmail.com", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "hotmail.com", "hotmail.fr", "outlook.com",
    "outlook.fr", "yahoo.fr", "yahoo.com", "sfr.fr", "live.fr", "icloud.com", "bbox.fr", "ac-versailles.fr",
)  # fmt: skip
NEARLY = 0.85


def likely_address(email):
    """`email` with the well-known domain it nearly ends in; empty when nothing looks mistyped."""
    name, _, domain = normalised_email(email).rpartition("@")
    nearest = get_close_matches(domain, COMMON_DOMAINS, n=1, cutoff=NEARLY)
    return f"{name}@{nearest[0]}" if nearest and domain not in COMMON_DOMAINS else ""
