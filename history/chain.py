"""The digests that make a change to the history show: of an entry, and of its place in the chain.

Both are keyed: whoever can write to the database, and does not have the key, can compute neither. The key is
HISTORY_KEY, SECRET_KEY while that is not set. It is not one of several: lines are kept for years, and a key that
still counts after it leaked would prove nothing. So it outlives SECRET_KEY, which may be replaced as soon as
HISTORY_KEY holds what it was (README, « Deployment »).
"""

import hmac
import json
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.crypto import salted_hmac

# What an entry says, in the order its digest takes it, by the version it was signed in (its column `version`). Another
# column makes another version: lines keep theirs. Not `id`: it is known once the row is written, and the seal holds
# it. `uid` in its place, which is unique: a copy of a genuine line is not one.
CONTENTS = {1: ("uid", "created_at", "event", "actor_id", "subject_id", "structure_id", "reference", "data")}
VERSION = max(CONTENTS)
# All that any version takes.
COLUMNS = tuple(dict.fromkeys(name for names in CONTENTS.values() for name in names))
SALT = "history.chain"


def entry_digest(version, values):
    """Of an entry's content, {column: value}: the same when it comes back from the database.

    Nobody signs in a version that is none: its digest is that of nothing.
    """
    names = CONTENTS.get(version, ())
    facts = [_fact(values[name]) for name in names if name != "data"]
    return _mac(f"entry {_plain(facts)} {_plain(values['data'] if names else None)}")


def _fact(value):
    if isinstance(value, UUID):
        return value.hex
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def seal_digest(before, position, entry_id, digest):
    """Of the entry with this `id` and `digest` at `position`, behind the seal whose digest is `before`."""
    return _mac(f"seal {before} {position} {entry_id} {digest}")


def is_same(digest, expected):
    return hmac.compare_digest(digest.encode(), expected.encode())


def _plain(value):
    """JSON, always the same for the same facts: a database keeps no order of names."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def as_stored(data):
    """`data` as it comes back from a JSON column: dates are text, and so are all names."""
    return json.loads(json.dumps(data, cls=DjangoJSONEncoder))


def _mac(text):
    return hmac.digest(_key(settings.HISTORY_KEY or settings.SECRET_KEY), text.encode(), "sha256").hex()


@lru_cache(maxsize=8)
def _key(secret):
    """Derived, so that the secret does not serve two purposes."""
    return salted_hmac(SALT, "", secret=secret, algorithm="sha256").digest()
