"""The portal's settings with the waits of a fault run: seconds instead of minutes, in the same order."""

from chorus.settings import *  # noqa: F403

EMAIL_TIMEOUT = 3
EMAIL_COMMAND_TIMEOUT = 4
EMAIL_MESSAGE_TIMEOUT = 8
OUTBOX_LEASE_SECONDS = 18
REDIS_REST = 3
