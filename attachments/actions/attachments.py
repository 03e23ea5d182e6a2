"""The one writer of `Attachment`: every place in a structure is given, changed and ended here.

Approval, take-over, support and copies of a structure all call these functions. Each locks the
Structure first, then the attachment (and the account, for a new one), so that two decisions on one
structure queue up instead of crossing (no race, no deadlock); each checks, writes, journals and
announces (`attachments.events`). Mails are the caller's, who knows why it is done.
"""

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User
from attachments.events import attachment_started, attachments_ended, role_changed
from attachments.models import Attachment, AttachmentRequest, Right, Role
from history.actions import record, record_all
from history.data import change_data, row_data
from history.models import Event
from plumbing.changes import write_changes
from plumbing.errors import ActionError
from structures.models import Structure


@transaction.atomic
def attach(
    user,
    structure,
    *,
    actor,
    role=Role.SIMPLE,
    whole_structure=True,
    services=(),
    starts_on=None,
    ends_on=None,
    reference="",
    cause="",
):
    """Give `user` a place in `structure`; a principal manager's is the whole structure, from today, without end.

    What they held there and ran out is ended. Raises ActionError on an inactive structure, a closed
    account, a second attachment, a second principal manager, or an end that is past.
    """
    if ends_on and role != Role.PRINCIPAL and ends_on < timezone.localdate():
        raise ActionError("dates_over", f"Ce rattachement finirait le {ends_on:%d/%m/%Y} : cette date est passée.")
    structure = lock_structure(structure.pk)
    check_active(structure)
    user = lock_account(user.pk)
    held = structure.attachments.current().filter(user=user)
    for over in held.exclude(pk__in=structure.attachments.lasting().values("pk")):
        end(over.pk, actor=None, cause="dates_over")
    if held.exists():
        raise ActionError("already_attached", f"{user} a déjà un rattachement à cette structure.")
    if role == Role.PRINCIPAL:
        _check_no_principal(structure)
        whole_structure, services, starts_on, ends_on = True, (), None, None
    services = services_of(structure, whole_structure, services)
    attachment = Attachment.objects.create(
        user=user,
        structure=structure,
        role=role,
        whole_structure=whole_structure,
        starts_on=starts_on or timezone.localdate(),
        ends_on=ends_on,
    )
    attachment.services.set(services)
    _journal(
        Event.PRINCIPAL_DESIGNATED if role == Role.PRINCIPAL else Event.ATTACHMENT_STARTED,
        attachment,
        actor=actor,
        reference=reference,
        cause=cause,
        services=[str(service) for service in services],
        **row_data(attachment, values=("role", "whole_structure", "starts_on", "ends_on")),
    )
    attachment_started.send(sender=None, attachment=attachment, actor=actor)
    return attachment


@transaction.atomic
def widen(attachment_id, *, actor, whole_structure=True, services=(), reference=""):
    """Give an attachment to some services the whole structure, or these `services` in place of those it has.

    Those out of service today stay: nobody could choose them. Raises ActionError when it is for the
    whole structure already.
    """
    attachment = lock(attachment_id)
    if attachment.whole_structure:
        raise ActionError("already_attached", f"{attachment.user} a déjà un rattachement à toute cette structure.")
    services = services_of(attachment.structure, whole_structure, services)
    before = _service_names(attachment)
    made = write_changes(attachment, {"whole_structure": whole_structure})
    if not whole_structure:
        services += attachment.services.exclude(pk__in=attachment.structure.services.open().values("pk"))
    attachment.services.set(services)
    data = change_data(attachment, made)
    data["changes"]["services"] = [before, _service_names(attachment)]
    _journal(Event.ATTACHMENT_CHANGED, attachment, actor=actor, reference=reference, **data)
    return attachment


@transaction.atomic
def change_role(attachment_id, *, actor, role, reference="", cause=""):
    """Give an attachment another role; a principal manager's becomes the whole structure's, from now, without end.

    Whoever takes the principal's role away gives it to somebody else in the same transaction, after.
    Raises ActionError when the structure has a principal manager already, or the one to be has no open account.
    """
    attachment = lock(attachment_id)
    before = attachment.role
    if role == before:
        return attachment
    # What was left to them, or not, was as what they no longer are.
    values = {"role": role, "role_since": timezone.now(), **dict.fromkeys(Right.values)}
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
    role_changed.send(sender=None, attachment=attachment, before=before, actor=actor)
    return attachment


@transaction.atomic
def change_dates(attachment_id, *, actor, **dates):
    """Give an attachment another `starts_on` or `ends_on` (included; None for no end).

    The one left out stays as it is once locked (lost update). Raises ActionError when they are not in order, or for
    the end of a principal manager's, or a beginning to come.
    """
    attachment = lock(attachment_id)
    starts_on, ends_on = (dates.get(name, getattr(attachment, name)) for name in ("starts_on", "ends_on"))
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
def end(attachment_id, *, actor, cause=""):
    """End an attachment now, whatever its role. Raises ActionError when it is over."""
    attachment = lock(attachment_id)
    _end([attachment], actor=actor, cause=cause)
    return attachment


def end_all(users, *, actor, cause=""):
    """End all that these people hold, in a number of queries that does not grow with it.

    The caller holds the locks of these structures (`lock_structures_with`).
    """
    held = Attachment.objects.current().filter(user__in=users).select_for_update(of=("self",))
    _end(list(held.select_related("user", "structure").order_by("pk")), actor=actor, cause=cause)


def _end(attachments, *, actor, cause):
    if not attachments:
        return
    now = timezone.now()
    Attachment.objects.filter(pk__in=[attachment.pk for attachment in attachments]).update(ended_at=now)
    for attachment in attachments:
        attachment.ended_at = now
    entries = [
        {"subject": ended.user, "structure": ended.structure, "cause": cause, **row_data(ended, values=("role",))}
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


def lock_structure(structure_id):
    return Structure.objects.select_for_update(of=("self",)).get(pk=structure_id)


def lock_structures_with(user_ids):
    """Lock the structures where any of these people holds or asks for something, in the order of their keys."""
    held = Attachment.objects.current().filter(user__in=user_ids)
    asked = AttachmentRequest.objects.pending().filter(user__in=user_ids)
    meant = Q(pk__in=held.values("structure")) | Q(pk__in=asked.values("structure"))
    list(Structure.objects.filter(meant).order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))


def lock_account(user_id):
    """The account, once nobody else can deactivate it: after its structure. ActionError when it is, or closed."""
    user = User.objects.select_for_update(of=("self",)).get(pk=user_id)
    if user.state in (User.State.DISABLED, User.State.CLOSED):
        raise ActionError(
            "account_closed",
            f"Le compte de {user} est désactivé ou clos : ni rattachement ni rôle ne peut y être ajouté.",
        )
    return user


def lock(attachment_id):
    """The attachment, read anew with its structure once nobody else can change either; ActionError when it is over."""
    structure = lock_structure(Attachment.objects.values_list("structure_id", flat=True).get(pk=attachment_id))
    locked = Attachment.objects.select_for_update(of=("self",)).select_related("user").get(pk=attachment_id)
    locked.structure = structure
    if locked.ended_at is not None:
        raise ActionError("attachment_over", f"Le rattachement de {locked.user} à {structure} est déjà terminé.")
    return locked


def check_active(structure):
    if not structure.is_active:
        raise ActionError("structure_inactive", "Cette structure est inactive : personne ne peut s'y rattacher.")


def services_of(structure, whole_structure, services):
    """The services meant, none for the whole structure; ActionError when they make no sense."""
    services = [] if whole_structure else list(services)
    if not whole_structure and not services:
        raise ActionError("no_service", "Choisissez au moins un service, ou la structure entière.")
    if any(service.structure_id != structure.pk for service in services):
        raise ActionError("foreign_service", "Un des services choisis n'appartient pas à cette structure.")
    return services


def _check_no_principal(structure):
    if structure.attachments.current().principal().exists():
        raise ActionError("has_principal", "Cette structure a déjà un gestionnaire principal.")


def _service_names(attachment):
    return [str(service) for service in attachment.services.all()]


def _journal(event, attachment, *, actor, **data):
    record(event, actor=actor, subject=attachment.user, structure=attachment.structure, **data)
