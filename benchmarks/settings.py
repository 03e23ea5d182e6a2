"""The portal's settings plus the two floors every page is measured against."""

from chorus.settings import *  # noqa: F403
from chorus.settings import MIDDLEWARE

MIDDLEWARE = [
    "benchmarks.floors.BareFloor",
    *MIDDLEWARE,
    "benchmarks.floors.SessionFloor",
]
