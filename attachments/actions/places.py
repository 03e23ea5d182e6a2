"""What is to be given, before it is."""

from datetime import date
from typing import NamedTuple

from accounts.models import User
from attachments.models import Role
from structures.models import Structure


class Place(NamedTuple):
    """What somebody is to hold: a principal manager has the whole structure, from today, without end."""

    user: User
    structure: Structure
    role: Role = Role.SIMPLE
    whole_structure: bool = True
    services: tuple = ()
    starts_on: date | None = None
    ends_on: date | None = None
    reference: str = ""
    cause: str = ""

    @property
    def bounded(self):
        if self.role != Role.PRINCIPAL:
            return self
        return self._replace(whole_structure=True, services=(), starts_on=None, ends_on=None)
