"""What managers do with the people of their structures: attach them, change their place, invite newcomers."""

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone

from accounts.actions import approve_accounts, invite_account, tell_invited
from accounts.models import User, normalised_email
from attachments import emails
from attachments.actions.attachments import Place, change_dates, change_role, change_scope, hindrances, start_all
from attachments.actions.departures import lock_to_change
from attachments.actions.notices import hand_over_requests
from attachments.actions.rows import check_active, lock, lock_accounts, lock_structure, lock_structures
from attachments.events import place_duplicated
from attachments.models import MANAGERS, Attachment, AttachmentRequest, Right, Role
from attachments.people import may_be_attached
from attachments.permissions import roles_given_by
from history.models import Event, HistoryEntry
from plumbing.batches import Batch
from plumbing.errors import ActionError, ChangedMeanwhile
from plumbing.moments import moment
from plumbing.reach import held_among
from plumbing.text import of


@transaction.atomic
def attach_people(places, *, actor, comment="", invited=()):
    """« Rattacher un utilisateur »: give these `Place`s, and tell each person in one mail with the `comment`: a Batch.

    In a number of queries that does not grow with them. What cannot be given is left out, and why is said: the others
    do not suffer from it. No person comes twice for the same structure. Each attachment has the reference of the
    request it `answered`, if any. Those `invited`, whose accounts were just made, are told of their place and of the
    link that activates their account in one mail.
    """
    structures = lock_structures({place.structure.pk for place in places})
    accounts = lock_accounts({place.user.pk for place in places})
    places = [
        place._replace(user=accounts[place.user.pk], structure=structures[place.structure.pk]) for place in places
    ]
    attaching = held_among("attachments.attach_people", actor, structures)
    roles = roles_given_by(actor, structures)
    given = Batch.empty()
    possible = []
    for place, hindrance in zip(places, hindrances(places), strict=True):
        refusal = _refusal(place, actor, attaching, roles) or hindrance
        if refusal:
            given.skipped.append((place, refusal))
        else:
            possible.append(place)
    # Whose request was open there is told of its approval, and let in by it.
    pending = AttachmentRequest.objects.pending().filter(user__in=accounts, structure__in=structures)
    answered = {(request.user_id, request.structure_id): request.reference for request in pending}
    given.done.extend(start_all(possible, actor=actor))
    approve_accounts({place.user_id: place.user.reference for place in given.done}, actor=actor)
    prefetch_related_objects([place for place in given.done if not place.whole_structure], "services")
    told = {}
    for place in given.done:
        place.answered = answered.get((place.user_id, place.structure_id), "")
        if not place.answered and place.user not in invited:
            told.setdefault(place.user, []).append(place)
    emails.send_attached(told, by=actor, comment=comment)
    places_of = {place.user: place for place in given.done}
    for user in invited:
        tell_invited(user, actor=actor, facts=emails.given(places_of[user]) if user in places_of else ())
    return given


def _refusal(place, actor, attaching, roles):
    """Why `actor` does not give this place, or nobody gives it to that account; None when they do."""
    if place.structure.pk not in attaching:
        return ActionError("right_withdrawn", f"Vous ne rattachez plus personne à {place.structure}.")
    if refusal := _role_refused(place.role, place.structure, roles):
        return refusal
    if place.user == actor:
        return ActionError("own_place", "Nul ne se rattache soi-même : demandez-le à un autre gestionnaire.")
    if not may_be_attached(place.user):
        # The same words for all of these: whoever knows an address learns no more.
        words = "Le compte de cette adresse ne peut être rattaché à aucune structure. Voyez avec la personne."
        return ActionError("not_attachable", words, field="email")
    return None


def _role_refused(role, structure, roles):
    """Why whoever gives `roles` (as `roles_given_by` says) does not give this one there; None when they do."""
    if role in roles[structure.pk]:
        return None
    if role == Role.PRINCIPAL:
        return ActionError("is_principal", "Le rôle de gestionnaire principal se transmet : il ne se donne pas ici.")
    return ActionError("above_actor", f"Vous ne donnez pas ce rôle dans {structure}.", field="role")


def _check_gives(actor, role, structure):
    if refusal := _role_refused(role, structure, roles_given_by(actor, [structure.pk])):
        raise refusal


@transaction.atomic
def duplicate_place(attachment_id, user_ids, *, actor):
    """« Dupliquer les droits »: give these people what this attachment gives in its structure: a Batch.

    Those without a place there get one, in a number of queries that does not grow with them; those who have one keep
    it, and get what they lack, one by one. Raises ActionError when `actor` no longer has a say in the source.
    """
    source = lock_to_change(attachment_id, actor)
    services = [] if source.whole_structure else list(source.services.all())
    people = list(User.objects.filter(pk__in=user_ids).exclude(pk=source.user_id).order_by("pk"))
    held = {row.user_id: row for row in source.structure.attachments.lasting().filter(user__in=people)}
    ends_on = source.ends_on
    terms = {"role": Role(source.role), "whole_structure": source.whole_structure, "services": tuple(services)}
    starts_on = max(source.starts_on, timezone.localdate())
    places = [Place(person, source.structure, starts_on=starts_on, ends_on=ends_on, **terms) for person in people]
    given = attach_people([place for place in places if place.user.pk not in held], actor=actor)
    for place in places:
        if place.user.pk in held:
            try:
                with transaction.atomic():
                    given.done.append(_add_to(held[place.user.pk], place, actor))
            except ActionError as refusal:
                given.skipped.append((place, refusal))
    place_duplicated.send(sender=None, source=source, attachments=given.done, actor=actor)
    return given


def _add_to(attachment, place, actor):
    """What `place` gives and `attachment`, its person's, does not yet: nobody loses anything."""
    if place.user == actor:
        raise ActionError("own_place", "Nul ne change son propre rattachement.")
    attachment = lock_to_change(attachment.pk, actor)
    _check_gives(actor, place.role, attachment.structure)
    before, terms = attachment.version, emails.terms(attachment)
    if not attachment.whole_structure:
        services = dict.fromkeys([*attachment.services.all(), *place.services])
        change_scope(attachment.pk, actor=actor, whole_structure=place.whole_structure, services=services)
    if place.role == Role.SECONDARY:
        change_role(attachment.pk, actor=actor, role=place.role)
    attachment = lock(attachment.pk)
    if attachment.version == before:
        raise ActionError("unchanged", f"{attachment.user} a déjà tout cela.")
    _tell_changed(attachment, terms, actor)
    return attachment


def _tell_changed(attachment, before, actor):
    """Mail somebody what their place was and is, with what it lets a manager do."""
    rights = ()
    if attachment.role == Role.SECONDARY:
        able = Attachment.objects.with_rights().get(pk=attachment.pk)
        rights = [right.label for right in Right if able.may(right)]
    emails.send_place_changed(attachment, before=before, by=actor, rights=rights)


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
    given = attach_people(
        [Place(user, structure, whole_structure=not services, services=tuple(services), **terms)],
        actor=actor,
        invited=[user],
    )
    for _place, refusal in given.skipped:
        raise refusal
    return given.done[0]


def attach_from_file(structure, wanted, *, actor):
    """The « fichier d'utilisateurs »: attach these people to `structure`, their accounts created where they have none.

    `wanted` is a list of (who, as invite_account takes it; what they get, as a Place takes it). Some at a time, each
    lot by itself: what a dying process leaves undone, the same file does. A Batch; who could not is told by address.
    """
    whole = Batch.empty()
    for start in range(0, len(wanted), LOT):
        with transaction.atomic():
            given = _attach_lot(structure, wanted[start : start + LOT], actor=actor)
        whole.done.extend(given.done)
        whole.skipped.extend(given.skipped)
    return whole


LOT = 50


def _attach_lot(structure, wanted, *, actor):
    structure = lock_structure(structure.pk)
    # Existing accounts by number, then new ones by address: in other orders, two files could wait for each other.
    wanted = sorted(wanted, key=lambda line: _address(line[0]))
    known = User.objects.filter(email__in=[_address(who) for who, _ in wanted])
    accounts = {user.email: user for user in lock_accounts(list(known.values_list("pk", flat=True))).values()}
    # Only a person who creates accounts there does so; hindrances say the rest.
    creates = structure.is_active and actor.has_perm("attachments.create_account", structure)
    roles = roles_given_by(actor, [structure.pk])
    places, skipped, invited = [], [], []
    for who, terms in wanted:
        user = accounts.get(_address(who))
        try:
            if user is None or (user.state == User.State.CLOSED and not user.was_ever_active):
                if not creates:
                    raise ActionError("no_account", "Cette adresse n'a pas de compte, et aucun ne se crée ici.")
                # Before the account: what is skipped leaves nothing behind.
                if refused := _role_refused(terms["role"], structure, roles):
                    raise refused
                user = invite_account(actor=actor, **who)
                invited.append(user)
        except ActionError as refusal:
            skipped.append((who["email"], refusal))
        else:
            places.append(Place(user, structure, **terms))
    given = attach_people(places, actor=actor, invited=invited)
    return Batch(given.done, skipped + [(place.user.email, refusal) for place, refusal in given.skipped])


def _address(who):
    return normalised_email(who["email"])


def _who_changed(attachment):
    told = HistoryEntry.objects.filter(structure=attachment.structure, subject=attachment.user)
    last = told.last_by_somebody(Event.ATTACHMENT_CHANGED, Event.ROLE_CHANGED)
    if last is None:
        return "Quelqu'un d'autre a modifié ce rattachement"
    return f"{last.actor} a modifié ce rattachement le {moment(last.created_at)}"


@transaction.atomic
def change_place(attachment_id, *, actor, version, role, whole_structure, services, starts_on, ends_on):
    """« Modifier » somebody's role, services and dates, and tell them: whether anything changed.

    `version` is that of the place as the page showed it (optimistic lock). Raises ActionError for a principal
    manager's, which a hand-over changes, for an end that is past, for a place that is over (another one is given),
    and when `actor` no longer has a say in it, or gives no such role.
    """
    attachment = lock_to_change(attachment_id, actor)
    if attachment.standing == attachment.Standing.OVER:
        raise ActionError("attachment_over", f"Le rattachement {of(attachment.user)} est déjà terminé.")
    if attachment.version != version:
        raise ChangedMeanwhile(
            f"{_who_changed(attachment)}, pendant que cette page était ouverte. "
            "Vos réponses sont gardées : relisez-les à côté des siennes, puis enregistrez de nouveau."
        )
    _check_gives(actor, role, attachment.structure)
    managed, before = attachment.role in MANAGERS, emails.terms(attachment)
    change_dates(attachment_id, actor=actor, starts_on=starts_on, ends_on=ends_on)
    change_scope(attachment_id, actor=actor, whole_structure=whole_structure, services=services)
    changed = change_role(attachment_id, actor=actor, role=role)
    if changed.version == version:
        return False
    _tell_changed(lock(attachment_id), before, actor)
    # Another role, or other dates.
    if managed:
        hand_over_requests(attachment.structure)
    return True


def move_dates(attachment_id, *, actor, **dates):
    """Support's: `change_place` of the dates alone, whatever they were when support looked."""
    place = Attachment.objects.get(pk=attachment_id)
    kept = {name: getattr(place, name) for name in ("version", "role", "whole_structure", "starts_on", "ends_on")}
    return change_place(attachment_id, actor=actor, services=place.services.all(), **kept | dates)
