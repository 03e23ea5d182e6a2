"""The structure's level: which spaces are open there."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from attachments.actions.rows import lock_structure
from attachments.models import Attachment
from history.actions import record, record_all
from history.models import Event
from plumbing.errors import ActionError, AlreadyDone
from spaces import emails
from spaces.actions.rows import Line, Status, begin, decide_rows, journal, live_by_key
from spaces.models import Access, Space, StructureSpace, Subscription, by_person


@transaction.atomic
def open_space(structure_id, space_id, *, actor, accesses=(Access.CONSULTATION,)):
    """Open a space on a structure: a pending line for each person attached there, which a manager then decides.

    Whoever asked for it already, or has it by their role, waits or has it as before. Returns the new lines.
    Raises ActionError when it is open already, or is not for this structure, or `actor` may not.
    """
    structure, space = lock_structure(structure_id), Space.objects.get(pk=space_id)
    _check_opener(structure, actor)
    if not structure.is_active:
        raise ActionError("structure_inactive", f"{structure} est désactivée : rien ne s'y ouvre.")
    if not space.is_offered_to(structure):
        raise ActionError("not_offered", f"« {space} » n'existe que pour les structures publiques.")
    if space.is_open_everywhere or StructureSpace.objects.current().filter(structure=structure, space=space).exists():
        raise AlreadyDone("already_open", f"« {space} » est déjà ouvert sur {structure}.")
    open_for(structure, [space], actor=actor)
    places = Attachment.objects.lasting().filter(structure=structure).exclude(user__state=User.State.DISABLED)
    wanted = [
        Line(place.user, structure, space, access=access)
        for place in places.select_related("user").order_by("pk")
        if space.is_asked_by(place.role)
        for access in accesses
    ]
    live = live_by_key({line.user.pk for line in wanted}, [structure.pk], [space.pk])
    rows = begin((line for line in wanted if line.key not in live), status=Status.PENDING)
    journal(Event.SUBSCRIPTION_ASKED, rows, actor=actor, cause="space_opened")
    return rows


def write_openings(openings):
    """The one that writes that spaces open on structures."""
    StructureSpace.objects.bulk_create(openings, batch_size=1_000)


def open_for(structure, spaces, *, actor):
    """Open these spaces, which are not, on a structure locked by the caller; nobody is asked for."""
    write_openings(StructureSpace(structure=structure, space=space, opened_by=actor) for space in spaces)
    record_all(Event.SPACE_OPENED, [{"structure": structure, "name": str(space)} for space in spaces], actor=actor)


@transaction.atomic
def close_space(structure_id, space_id, *, actor):
    """Close a space on a structure: its lines there end, and their people are told. Returns these lines.

    Who loses what is `Subscription.objects.live()` of that structure and space. ActionError when it is not open.
    """
    structure, space = lock_structure(structure_id), Space.objects.get(pk=space_id)
    _check_opener(structure, actor)
    closed = StructureSpace.objects.current().filter(structure=structure, space=space).update(closed_at=timezone.now())
    if not closed:
        raise AlreadyDone("not_open", f"« {space} » n'est pas ouvert sur {structure}.")
    rows = list(
        Subscription.objects.live()
        .filter(structure=structure, space=space)
        .select_related("user", "structure", "space", "service")
        .order_by("pk")
    )
    decide_rows(rows, Status.ENDED, actor=actor)
    record(Event.SPACE_CLOSED, actor=actor, structure=structure, name=str(space), count=len(by_person(rows)) or None)
    journal(Event.SUBSCRIPTION_ENDED, rows, actor=actor, cause="space_closed")
    emails.send_subscriptions_ended(rows, by=actor)
    return rows


def _check_opener(structure, actor):
    if not actor.has_perm("attachments.open_spaces", structure):
        raise ActionError("not_opener", f"Vous n'ouvrez ni ne fermez les espaces de {structure}.")
