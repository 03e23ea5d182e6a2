"""What managers do with the people of their structures: attach them, change their place, invite newcomers."""

from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from accounts.actions import approve_account, invite_account
from attachments import emails
from attachments.actions.attachments import (
    attach,
    change_dates,
    change_role,
    change_scope,
    check_active,
    lock_structure,
)
from attachments.actions.departures import lock_among
from attachments.actions.notices import hand_over_requests
from attachments.models import MANAGERS, AttachmentRequest, Role
from plumbing.errors import ActionError, ChangedMeanwhile
from structures.models import Structure


class Attached(NamedTuple):
    """What became of the places given to somebody: those they have now, and (structure, ActionError) of the others."""

    done: list
    skipped: list


@transaction.atomic
def attach_person(user, structures, *, actor, comment="", **terms):
    """« Rattacher un utilisateur »: give `user` a place in each of `structures`, told in one mail: an Attached.

    `structures` is a list of (structure, services), the whole structure without any; `terms` are the role and dates.
    A structure where it cannot be is left out, and why is said: the others do not suffer from it. Raises ActionError
    for an account that nobody attaches.
    """
    if user.is_staff or user.state in (user.State.DISABLED, user.State.CLOSED):
        # One word for all of these: whoever knows an address learns no more.
        raise ActionError(
            "not_attachable",
            "Le compte de cette adresse ne peut être rattaché à aucune structure. Voyez avec la personne.",
            field="email",
        )
    keys = [structure.pk for structure, _ in structures]
    # By number, as everybody who locks several.
    list(Structure.objects.filter(pk__in=keys).order_by("pk").select_for_update(of=("self",)).values_list("pk"))
    pending = AttachmentRequest.objects.pending().filter(user=user, structure__in=keys)
    answered = set(pending.values_list("structure", flat=True))
    result = Attached([], [])
    for structure, services in sorted(structures, key=lambda pair: pair[0].pk):
        try:
            with transaction.atomic():
                place = attach(user, structure, actor=actor, whole_structure=not services, services=services, **terms)
        except ActionError as refusal:
            result.skipped.append((structure, refusal))
        else:
            result.done.append(place)
    if result.done:
        approve_account(user.pk, actor=actor, reference=user.reference)
    # Whose request was open there is told of its approval.
    told = [place for place in result.done if place.structure_id not in answered]
    if told:
        emails.send_attached(user, told, by=actor, comment=comment)
    return result


@transaction.atomic
def create_attached_account(structure, *, actor, person, services=(), **terms):
    """« Créer le compte utilisateur »: an account its owner only has to activate, attached to `structure` at once.

    Raises ActionError when the structure uses the PIGP or is inactive, when the address has an account, or when the
    place makes no sense.
    """
    structure = lock_structure(structure.pk)
    check_active(structure)
    if structure.uses_pigp:
        raise ActionError("uses_pigp", "Les comptes de cette structure viennent de l'annuaire du ministère (PIGP).")
    user = invite_account(actor=actor, **person)
    place = attach(user, structure, actor=actor, whole_structure=not services, services=services, **terms)
    emails.send_attached(user, [place], by=actor)
    return place


@transaction.atomic
def change_place(attachment_id, *, actor, version, role, whole_structure, services, starts_on, ends_on, among):
    """« Modifier » somebody's role, services and dates, and tell them: whether anything changed.

    `version` is that of the place as the page showed it (optimistic lock), `among` the roles on which the actor acts.
    Raises ActionError for a principal manager's, which a hand-over changes, and for an end that is past.
    """
    attachment = lock_among(attachment_id, among)
    if attachment.version != version:
        raise ChangedMeanwhile(
            "Quelqu'un d'autre a modifié ce rattachement pendant que cette page était ouverte. "
            "Vos réponses sont gardées : relisez-les, puis enregistrez de nouveau."
        )
    if Role.PRINCIPAL in (attachment.role, role):
        raise ActionError("is_principal", "Le rôle de gestionnaire principal se transmet : il ne se modifie pas ici.")
    if ends_on and ends_on != attachment.ends_on and ends_on < timezone.localdate():
        raise ActionError("dates_over", "Cette date est passée : pour finir aujourd'hui, détachez.", field="ends_on")
    managed = attachment.role in MANAGERS
    change_dates(attachment_id, actor=actor, starts_on=starts_on, ends_on=ends_on)
    change_scope(attachment_id, actor=actor, whole_structure=whole_structure, services=services)
    changed = change_role(attachment_id, actor=actor, role=role)
    if changed.version == version:
        return False
    emails.send_place_changed(changed)
    if managed and role not in MANAGERS:
        hand_over_requests(attachment.structure)
    return True
