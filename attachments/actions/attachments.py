"""The one writer of `Attachment`: every place in a structure is given, changed and ended here.

Approval, take-over, support and copies of a structure all call these functions. Each locks the
Structure first, then the attachment (and the account, for a new one), so that two decisions on one
structure queue up instead of crossing (no race, no deadlock); each checks, writes, journals and
announces (`attachments.events`). Mails are the caller's, who knows why it is done.
"""

from django.db import transaction
from django.db.models import F, prefetch_related_objects
from django.utils import timezone

from attachments.actions.places import (
    HAS_PRINCIPAL,
    KEPT,
    Place,
    held_by,
    hindrances,
    is_over,
    withdrawn_from,
    withdrawn_of,
)
from attachments.actions.rows import (
    lock,
    lock_account,
    lock_accounts,
    lock_structure,
    services_of,
)
from attachments.events import attachments_ended, attachments_started, principals_changed, roles_changed, scope_changed
from attachments.models import Attachment, Right, Role
from history.actions import record, record_all
from history.data import change_data, row_data
from history.models import Event
from plumbing.changes import changes, write_changes
from plumbing.errors import ActionError
from structures.models import Service


@transaction.atomic
def attach(user, structure, *, actor, **terms):
    """Give `user` a place in `structure` (`terms` are the rest of a Place): the attachment.

    What they held there and ran out is ended. Raises ActionError on an inactive structure, a closed
    account, a second attachment, a second principal manager, or an end that is past.
    """
    structure = lock_structure(structure.pk)
    place = Place(lock_accounts([user.pk])[user.pk], structure, **terms)
    (hindrance,) = hindrances([place])
    if hindrance:
        raise hindrance
    return start_all([place], actor=actor)[0]


def start_all(places, *, actor):
    """Give these places, which nothing hinders, in a number of queries that does not grow with them: the attachments.

    What these people held there and ran out is ended; what a principal manager withdrew from them by name there stays
    withdrawn. The caller holds the locks of the structures and the accounts.
    """
    places = [place.bounded for place in places]
    _end([held for held in held_by(places) if is_over(held)], actor=None, cause="dates_over")
    withdrawn = withdrawn_from(places)
    attachments = Attachment.objects.bulk_create(
        Attachment(
            user=place.user,
            structure=place.structure,
            role=place.role,
            whole_structure=place.whole_structure,
            starts_on=place.starts_on or timezone.localdate(),
            ends_on=place.ends_on,
            **withdrawn.get((place.user.pk, place.structure.pk), {}),
        )
        for place in places
    )
    given = list(zip(attachments, places, strict=True))
    named = Attachment.services.through
    named.objects.bulk_create(
        named(attachment=attachment, service=service)
        for attachment, place in given
        if not place.whole_structure
        for service in place.services
    )
    for event, is_principal in ((Event.PRINCIPAL_DESIGNATED, True), (Event.ATTACHMENT_STARTED, False)):
        entries = [_beginning(*pair) for pair in given if (pair[1].role == Role.PRINCIPAL) is is_principal]
        if entries:
            record_all(event, entries, actor=actor)
    if attachments:
        attachments_started.send(sender=None, attachments=attachments, actor=actor)
    return attachments


def _beginning(attachment, place):
    """The line of the history that says so."""
    return {
        "subject": attachment.user,
        "structure": attachment.structure,
        "reference": place.reference,
        "cause": place.cause,
        "services": [str(service) for service in place.services],
        **row_data(attachment, values=("role", "whole_structure", "starts_on", "ends_on")),
    }


@transaction.atomic
def widen(attachment_id, *, actor, whole_structure=True, services=(), reference=""):
    """Give an attachment to some services the whole structure, or these `services` in place of those it has.

    Those out of service today stay: nobody could choose them. Raises ActionError when it is for the
    whole structure already.
    """
    attachment = lock(attachment_id)
    if attachment.whole_structure:
        raise ActionError("already_attached", f"{attachment.user} a déjà un rattachement à toute cette structure.")
    return change_scope(
        attachment_id, actor=actor, whole_structure=whole_structure, services=services, reference=reference
    )


@transaction.atomic
def change_scope(attachment_id, *, actor, whole_structure=True, services=(), reference=""):
    """Give an attachment the whole structure, or these `services` and no other; the same as before says nothing.

    Those out of service today stay: nobody could choose them. Raises ActionError for a principal manager's.
    """
    attachment = lock(attachment_id)
    if attachment.role == Role.PRINCIPAL and not whole_structure:
        raise ActionError("principal_whole", "Un gestionnaire principal l'est de la structure entière.")
    services = services_of(attachment.structure, whole_structure, services)
    before = _service_names(attachment)
    if not whole_structure:
        services += attachment.services.exclude(pk__in=attachment.structure.services.open().values("pk"))
    made = write_changes(attachment, {"whole_structure": whole_structure})
    attachment.services.set(services)
    after = _service_names(attachment)
    if made or after != before:
        data = change_data(attachment, made)
        data["changes"]["services"] = [before, after]
        _journal(Event.ATTACHMENT_CHANGED, attachment, actor=actor, reference=reference, **data)
        scope_changed.send(sender=None, attachments=[attachment], actor=actor)
    return attachment


@transaction.atomic
def change_role(attachment_id, *, actor, role, reference="", cause=""):
    """Give an attachment another role; a principal manager's becomes the whole structure's, from now, without end.

    What was left to them by name goes; what was withdrawn by name stays so, for whoever makes them secondary manager
    again: only `leave_personal_rights`, which no deputy may, gives it back. A principal manager's rights are whole.
    Whoever takes the principal's role away gives it to somebody else in the same transaction, after.
    Raises ActionError when the structure has a principal manager already, or the one to be has no open account.
    """
    attachment = lock(attachment_id)
    before = attachment.role
    if role == before:
        return attachment
    kept = {} if role == Role.PRINCIPAL else withdrawn_of(attachment)
    values = {"role": role, "role_since": timezone.now(), **dict.fromkeys(Right.values), **kept}
    held = _service_names(attachment)
    if role == Role.PRINCIPAL:
        lock_account(attachment.user_id)
        _check_no_principal(attachment.structure)
        begins = min(attachment.starts_on, timezone.localdate())
        values |= {"whole_structure": True, "starts_on": begins, "ends_on": None}
        attachment.services.clear()
    made = [change for change in write_changes(attachment, values) if change.name != "role_since"]
    event = Event.PRINCIPAL_DESIGNATED if role == Role.PRINCIPAL else Event.ROLE_CHANGED
    data = change_data(attachment, made)
    if held and role == Role.PRINCIPAL:
        data["changes"]["services"] = [held, []]
    _journal(event, attachment, actor=actor, reference=reference, cause=cause, **data)
    roles_changed.send(sender=None, changed=[(attachment, before)], actor=actor)
    if Role.PRINCIPAL in (before, role):
        principals_changed.send(sender=None, structures=[attachment.structure], actor=actor)
    return attachment


def hand_on(handed, *, actor, left_role=Role.SIMPLE, **told):
    """The one way a role of principal manager passes on: from the first to the second of each (place or None, Place).

    In a number of queries that does not grow with them. The outgoing managers keep their place and its dates, as
    `left_role`; who has no place there gets one. The caller holds the locks of the structures, the accounts and what
    these people hold there. At no instant that anybody can see has a structure two principal managers, by constraint,
    or none: both happen here, in one transaction. `told` is the entries' reference and cause.
    """
    outgoing, places = [place for place, _ in handed if place], [place for _, place in handed]
    rest = {"role_since": timezone.now(), **dict.fromkeys(Right.values)}
    # First the one, then the other: the constraint is checked at each statement.
    _give_role(Event.PRINCIPAL_TRANSFERRED, outgoing, {"role": left_role} | rest, actor=actor, **told)
    held = {(row.user_id, row.structure_id): row for row in held_by(places) if not is_over(row)}
    risen, new = [], []
    for place in places:
        row = held.get((place.user.pk, place.structure.pk))
        risen.extend([row] if row else [])
        new.extend([] if row else [place])
    prefetch_related_objects(risen, "services")
    today = timezone.localdate()
    Attachment.objects.filter(pk__in=[row.pk for row in risen], starts_on__gt=today).update(starts_on=today)
    values = {"role": Role.PRINCIPAL, "whole_structure": True, "ends_on": None} | rest
    _give_role(Event.PRINCIPAL_DESIGNATED, risen, values, actor=actor, **told)
    Attachment.services.through.objects.filter(attachment__in=risen).delete()
    if new:
        start_all(new, actor=actor)
    principals_changed.send(sender=None, structures=[place.structure for place in places], actor=actor)
    return risen


def _give_role(event, rows, values, *, actor, **told):
    """Write and journal these `values`, with another role, of all `rows`."""
    before = {row.pk: row.role for row in rows}
    entries = []
    for row in rows:
        data = change_data(row, [change for change in changes(row, values) if change.name != "role_since"])
        if not row.whole_structure and values.get("whole_structure"):
            data["changes"]["services"] = [_service_names(row), []]
        entries.append({"subject": row.user, "structure": row.structure, **told, **data})
        for name, value in values.items():
            setattr(row, name, value)
    Attachment.objects.filter(pk__in=before).update(**values)
    if entries:
        record_all(event, entries, actor=actor)
    if rows:
        roles_changed.send(sender=None, changed=[(row, before[row.pk]) for row in rows], actor=actor)


def give_back(kept, *, actor, **told):
    """To these places of former principal managers, what they had before: {attachment: what `kept_of` said}.

    In a number of queries that does not grow with them. The caller holds the locks; `told` is as of `hand_on`.
    """
    named = Service.objects.in_bulk({key for values in kept.values() for key in values["services"]})
    entries, through = [], Attachment.services.through
    for place, before in kept.items():
        values = {name: Attachment._meta.get_field(name).to_python(before[name]) for name in KEPT}
        data = change_data(place, changes(place, values))
        if before["services"]:
            data["changes"]["services"] = [[], [str(named[key]) for key in before["services"]]]
        if data["changes"]:
            entries.append({"subject": place.user, "structure": place.structure, **told, **data})
        for name, value in values.items():
            setattr(place, name, value)
    Attachment.objects.bulk_update(kept, KEPT)
    through.objects.bulk_create(
        through(attachment=place, service_id=key) for place, before in kept.items() for key in before["services"]
    )
    if entries:
        record_all(Event.ATTACHMENT_CHANGED, entries, actor=actor)
    scope_changed.send(sender=None, attachments=list(kept), actor=actor)


@transaction.atomic
def change_dates(attachment_id, *, actor, **dates):
    """Give an attachment another `starts_on` or `ends_on` (included; None for no end).

    The one left out stays as it is once locked (lost update). Raises ActionError when they are not in order, when the
    end given is past, or for the end of a principal manager's, or a beginning to come.
    """
    attachment = lock(attachment_id)
    starts_on, ends_on = (dates.get(name, getattr(attachment, name)) for name in ("starts_on", "ends_on"))
    if ends_on and ends_on != attachment.ends_on and ends_on < timezone.localdate():
        raise ActionError("dates_over", "Cette date est passée : pour finir aujourd'hui, détachez.", field="ends_on")
    if ends_on and ends_on < starts_on:
        raise ActionError("dates_order", "La date de fin précède la date de début.", field="ends_on")
    if starts_on > timezone.localdate() and attachment.role == Role.PRINCIPAL:
        raise ActionError("principal_begun", "Un gestionnaire principal l'est déjà aujourd'hui.", field="starts_on")
    if ends_on and attachment.role == Role.PRINCIPAL:
        raise ActionError("principal_unbounded", "Un gestionnaire principal n'a pas de date de fin.", field="ends_on")
    made = write_changes(attachment, {"starts_on": starts_on, "ends_on": ends_on})
    if made:
        _journal(Event.ATTACHMENT_CHANGED, attachment, actor=actor, **change_data(attachment, made))
    return attachment


def change_ends(attachments, *, actor, ends_on):
    """Give these, which the caller locked and checked, another last day: in a number of queries that does not grow."""
    entries = []
    for attachment in attachments:
        data = change_data(attachment, changes(attachment, {"ends_on": ends_on}))
        entries.append({"subject": attachment.user, "structure": attachment.structure, **data})
        attachment.ends_on = ends_on
    Attachment.objects.filter(pk__in=[attachment.pk for attachment in attachments]).update(ends_on=ends_on)
    record_all(Event.ATTACHMENT_CHANGED, entries, actor=actor)


def change_rights(attachment, *, actor, rights):
    """What an attachment of a secondary manager's gives, {Right: bool, or None}: the Changes made.

    The caller locked it (`lock`).
    """
    made = write_changes(attachment, {str(right): value for right, value in rights.items()})
    if made:
        _journal(Event.PERSONAL_RIGHTS_CHANGED, attachment, actor=actor, **change_data(attachment, made))
    return made


def note_warned(attachments):
    """That of the last day of each of these people were told. Their structure is locked by the caller."""
    keys = [attachment.pk for attachment in attachments]
    Attachment.objects.filter(pk__in=keys).update(warned_of=F("ends_on"))


@transaction.atomic
def end(attachment_id, *, actor, cause="", reason=""):
    """End an attachment now, whatever its role. Raises ActionError when it is over."""
    attachment = lock(attachment_id)
    _end([attachment], actor=actor, cause=cause, reason=reason)
    return attachment


def end_places(places, *, actor, cause=""):
    """End these, which the caller locked with their structures."""
    _end(places, actor=actor, cause=cause)


def end_all(users, *, actor, cause=""):
    """End all that these people hold, in a number of queries that does not grow with it.

    The caller holds the locks of these structures (`lock_structures_with`).
    """
    held = Attachment.objects.current().filter(user__in=users).select_for_update(of=("self",))
    _end(list(held.select_related("user", "structure").order_by("pk")), actor=actor, cause=cause)


def _end(attachments, *, actor, cause, reason=""):
    if not attachments:
        return
    now = timezone.now()
    Attachment.objects.filter(pk__in=[attachment.pk for attachment in attachments]).update(ended_at=now)
    for attachment in attachments:
        attachment.ended_at = now
    entries = [
        {
            "subject": ended.user,
            "structure": ended.structure,
            "cause": cause,
            "reason": reason,
            **row_data(ended, values=("role",)),
        }
        for ended in attachments
    ]
    record_all(Event.ATTACHMENT_ENDED, entries, actor=actor)
    attachments_ended.send(sender=None, attachments=attachments, actor=actor)


def end_run_out(structure):
    """End what ran out in `structure`, locked by the caller: those attachments, for the first time."""
    over = structure.attachments.current().filter(ends_on__lt=timezone.localdate()).select_for_update(of=("self",))
    ended = list(over.select_related("user", "structure").order_by("pk"))
    _end(ended, actor=None, cause="dates_over")
    return ended


def attach_or_widen(user, structure, *, actor, role, whole_structure=True, services=(), reference="", **terms):
    """`attach`, or what a decision adds to the place `user` holds in `structure`: nobody loses what they are."""
    held = structure.attachments.lasting().filter(user=user).first()
    if held is None:
        return attach(
            user,
            structure,
            actor=actor,
            role=role,
            whole_structure=whole_structure,
            services=services,
            reference=reference,
            **terms,
        )
    if role == Role.PRINCIPAL:
        return change_role(held.pk, actor=actor, role=role, reference=reference, cause=terms.get("cause", ""))
    widened = widen(held.pk, actor=actor, whole_structure=whole_structure, services=services, reference=reference)
    return widened if role == Role.SIMPLE else change_role(held.pk, actor=actor, role=role, reference=reference)


def copy_attachments(old, new, *, services):
    """Everybody's place in `old` that is not over, in `new`; `old` keeps its own. Both are locked by the caller.

    `services` maps the old services' ids to the new ones'. Journaled and told as the change of
    identifier it is part of.
    """
    for attachment in old.attachments.lasting().prefetch_related("services"):
        held = [services[service.pk] for service in attachment.services.all()]
        attachment.pk, attachment._state.adding, attachment.structure = None, True, new
        attachment.save()
        attachment.services.set(held)


def _check_no_principal(structure):
    if structure.attachments.current().principal().exists():
        raise ActionError("has_principal", HAS_PRINCIPAL)


def _service_names(attachment):
    return [str(service) for service in attachment.services.all()]


def _journal(event, attachment, *, actor, **data):
    record(event, actor=actor, subject=attachment.user, structure=attachment.structure, **data)
