"""« Suppléance »: somebody stands in for a principal manager between two dates, which are compared when read."""

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from attachments import emails
from attachments.actions.notices import hand_over_requests
from attachments.actions.rights import check_leaves_rights
from attachments.actions.rows import lock_account, lock_structure
from attachments.models import MANAGERS, Attachment, Deputy, Role
from history.actions import record, record_all
from history.data import row_data
from history.models import Event
from plumbing.errors import ActionError, AlreadyDone
from plumbing.text import of


@transaction.atomic
def name_deputy(structure_id, user_id, *, actor, starts_on, ends_on):
    """Name who stands in for the principal manager of a structure, both days included, and tell both: the Deputy.

    Raises ActionError on dates that are past or out of order, a second deputy, or somebody who cannot log in, is
    the principal manager, or is not attached there all that time.
    """
    structure = lock_structure(structure_id)
    check_leaves_rights(actor, structure)
    _check_dates(starts_on, ends_on)
    if not structure.attachments.current().principal().exists():
        raise ActionError("no_principal", "Cette structure n'a pas de gestionnaire principal à suppléer.")
    user = lock_account(user_id)
    _check_place(structure, user, starts_on, ends_on)
    for held in Deputy.objects.current().filter(structure=structure).select_related("deputy", "structure"):
        if held.ends_on >= timezone.localdate():
            until = _day(held.ends_on)
            told = f"{held.deputy} est déjà désigné jusqu'au {until} : mettez d'abord fin à cette suppléance."
            raise ActionError("has_deputy", told)
        end_deputies([held], actor=None, cause="dates_over")
    named = Deputy.objects.create(
        structure=structure, deputy=user, starts_on=starts_on, ends_on=ends_on, named_by=actor
    )
    values = row_data(named, values=("starts_on", "ends_on"))
    record(Event.DEPUTY_NAMED, actor=actor, subject=user, structure=structure, **values)
    principal = structure.attachments.current().principal().select_related("user").get().user
    for reader in _both(named):
        emails.send_deputy_named(named, reader=reader, principal=principal)
    return named


@transaction.atomic
def end_deputy(deputy_id, *, actor):
    """End a suppléance before its last day, and tell both.

    Raises ActionError when it is over, or not `actor`'s to end.
    """
    structure = lock_structure(Deputy.objects.values_list("structure_id", flat=True).get(pk=deputy_id))
    check_leaves_rights(actor, structure)
    held = Deputy.objects.select_related("deputy", "structure").get(pk=deputy_id)
    if held.ended_at or held.ends_on < timezone.localdate():
        raise AlreadyDone("deputy_over", f"La suppléance {of(held.deputy)} est déjà terminée.")
    end_deputies([held], actor=actor)


def end_deputies(deputies, *, actor, cause="", seen_to=()):
    """End these, and tell both of each, whoever ends them: the caller holds the locks of their structures.

    `seen_to` are the structures whose requests the caller hands over itself.
    """
    if not deputies:
        return
    Deputy.objects.filter(pk__in=[held.pk for held in deputies]).update(ended_at=timezone.now())
    entries = [{"subject": held.deputy, "structure": held.structure, "cause": cause} for held in deputies]
    record_all(Event.DEPUTY_ENDED, entries, actor=actor)
    principals = Attachment.objects.current().principal().filter(structure__in=[held.structure_id for held in deputies])
    # Who is principal manager by now was not stood in for.
    told_too = [] if cause == "principal_changed" else principals.select_related("user")
    principals = {place.structure_id: place.user for place in told_too}
    told = [(held, reader) for held in deputies for reader in _of(held, principals.get(held.structure_id))]
    emails.send_deputies_ended(told, cause=cause)
    for held in deputies:
        if held.structure_id not in seen_to:
            hand_over_requests(held.structure)


def end_deputies_of(attachments, *, actor):
    """What the end of these places takes with it: who stood in by one of them, or for one of them."""
    there = Deputy.objects.current().filter(structure__in={ended.structure_id for ended in attachments})
    places = {(ended.structure_id, ended.user_id) for ended in attachments}
    headless = {ended.structure_id for ended in attachments if ended.role == Role.PRINCIPAL}
    held = list(there.select_related("deputy", "structure"))
    end_deputies([one for one in held if one.structure_id in headless], actor=actor, cause="principal_changed")
    left = [one for one in held if one.structure_id not in headless and (one.structure_id, one.deputy_id) in places]
    managed = {ended.structure_id for ended in attachments if ended.role in MANAGERS}
    end_deputies(left, actor=actor, cause="attachment_over", seen_to=managed)


def end_deputies_for(structures, *, actor):
    """Another person is principal manager of each: whom the one before had named no longer stands in.

    In a number of queries that does not grow with the structures, where the new one can log in.
    """
    held = list(Deputy.objects.current().filter(structure__in=structures).select_related("deputy", "structure"))
    led = Attachment.objects.current().principal().filter(structure__in=structures, user__state=User.State.ACTIVE)
    seen_to = set(led.values_list("structure", flat=True)) if held else set()
    end_deputies(held, actor=actor, cause="principal_changed", seen_to=seen_to)


def end_deputies_by(user, *, actor):
    """Their account is deactivated."""
    held = Deputy.objects.current().filter(deputy=user).select_related("deputy", "structure").order_by("structure")
    seen_to = [one.structure_id for one in held]
    end_deputies(list(held), actor=actor, cause="account_deactivated", seen_to=seen_to)


def copy_deputy(old, new):
    """Who stands in on `old` does on `new`, which takes its place. Both are locked by the caller."""
    for held in old.deputies.lasting():
        held.pk, held._state.adding, held.structure = None, True, new
        held.save()


def _both(held):
    """The deputy, and the principal manager whom they stand in for: those of them who can log in."""
    place = held.structure.attachments.current().principal().select_related("user").first()
    return _of(held, place.user if place else None)


def _of(held, principal):
    people = [held.deputy, *([principal] if principal else [])]
    return [person for person in dict.fromkeys(people) if person.is_active]


def _check_dates(starts_on, ends_on):
    if starts_on < timezone.localdate():
        raise ActionError(
            "starts_in_past", "La date de début est passée : choisissez aujourd'hui ou plus tard.", field="starts_on"
        )
    if ends_on < starts_on:
        raise ActionError("dates_order", "La date de fin précède la date de début.", field="ends_on")


def _check_place(structure, user, starts_on, ends_on):
    """That `user` can act there on each of these days."""
    if user.state != User.State.ACTIVE:
        raise ActionError("not_active", f"Le compte {of(user)} n'est pas actif.", field="deputy")
    place = structure.attachments.lasting().filter(user=user).first()
    if place is None:
        raise ActionError("not_attached", f"{user} n'est pas rattaché à cette structure.", field="deputy")
    if place.role == Role.PRINCIPAL:
        raise ActionError("is_principal", f"{user} en est le gestionnaire principal.", field="deputy")
    if place.starts_on > starts_on:
        begins = f"Le rattachement {of(user)} ne commence que le {_day(place.starts_on)}."
        raise ActionError("place_upcoming", begins, field="starts_on")
    if place.ends_on and place.ends_on < ends_on:
        ends = f"Le rattachement {of(user)} se termine le {_day(place.ends_on)} : prolongez-le d'abord."
        raise ActionError("place_ending", ends, field="ends_on")


def _day(day):
    return date_format(day, "j F Y")
