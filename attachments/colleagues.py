"""Whether somebody's address is like those of the people already there: a hint for whoever decides, and no more.

Nothing is decided by it: anybody can have an address nobody has confirmed written here.
"""

from typing import NamedTuple

from attachments.models import Attachment

# Where anybody can have an address: it says nothing of where they work.
PROVIDERS = {
    "aliceadsl.fr", "aol.com", "bbox.fr", "club-internet.fr", "cegetel.net", "free.fr", "gmail.com",
    "gmx.com", "gmx.fr", "googlemail.com", "hotmail.com", "hotmail.fr", "icloud.com", "laposte.net",
    "live.com", "live.fr", "mac.com", "mail.com", "me.com", "mailo.com", "msn.com", "neuf.fr",
    "numericable.fr", "orange.fr", "outlook.com", "outlook.fr", "pm.me", "proton.me", "protonmail.com",
    "sfr.fr", "tutanota.com", "voila.fr", "wanadoo.fr", "yahoo.com", "yahoo.fr", "yandex.com", "ymail.com",
    "zoho.com",
}  # fmt: skip


class SameDomain(NamedTuple):
    """How many people of a structure have an address « @domain »."""

    domain: str
    count: int


def same_domain(user, structure):
    """The SameDomain of `user`'s login address in `structure`; None for a provider's, or somebody anonymised."""
    domain = user.known_email.rpartition("@")[2].lower()
    if not domain or domain in PROVIDERS:
        return None
    # Of people who read their mails there: others' addresses prove nothing.
    there = Attachment.objects.effective().confirmed().filter(structure=structure).exclude(user=user)
    return SameDomain(domain, there.filter(user__email__iendswith=f"@{domain}").count())
