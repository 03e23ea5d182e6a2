"""What the life of a structure, an account or a place means for people's places in structures."""

from django.db.models import Count
from django.dispatch import receiver
from django.utils.formats import date_format
from django.utils.timezone import localtime

from accounts import events as account_events
from attachments import actions
from attachments import events as own_events
from attachments.deciders import managers_of
from attachments.departures import left_to_support, only_theirs
from attachments.models import Attachment, AttachmentRequest, Deputy, Right, Role
from plumbing.facts import Fact
from structures import events as structure_events
from structures.models import Referent
from structures.views.workspace import add_tab

# More structures than this are counted in a sentence, not named.
MOST_NAMED = 5

add_tab(
    "attachments:people",
    "Personnes",
    "attachments.view_people",
    count=lambda structure: Attachment.objects.counted([structure.pk]).get(structure.pk, 0),
)
add_tab("attachments:structure_history", "Historique", "attachments.view_history")


@receiver(own_events.attachments_started)
def answer_what_waits(sender, attachments, actor, **kwargs):
    actions.answer_by(attachments, actor=actor)


@receiver(own_events.attachments_ended)
def end_their_deputies(sender, attachments, actor, **kwargs):
    actions.end_deputies_of(attachments, actor=actor)


@receiver(own_events.principals_changed)
def end_its_deputy(sender, structures, actor, **kwargs):
    actions.end_deputies_for(structures, actor=actor)


@receiver(structure_events.structure_founded)
def welcome_founder(sender, structure, founder, **kwargs):
    """Nobody manages it yet: its founder's request makes them principal manager at once."""
    actions.send_request(founder, structure, actor=founder)


@receiver(structure_events.identifier_changing)
def carry_over(sender, old, new, services, **kwargs):
    """Everybody's place and the requests still open follow the structure; what is over stays behind."""
    actions.copy_attachments(old, new, services=services)
    actions.move_requests(old, new, services=services)
    actions.copy_rights(old, new)
    actions.copy_deputy(old, new)
    actions.move_handovers(old, new, services=services)


@receiver(structure_events.place_asked)
def of_place(sender, structure, user, **kwargs):
    """Their role today, and what became of what they asked for: it waits, or was refused and not answered since."""
    attachment = user.attachments.effective().filter(structure=structure).first()
    held = [Fact("place_held", 1, (attachment.get_role_display().lower(),)), *_deputy(attachment)] if attachment else []
    asked = list(user.attachment_requests.to_follow().filter(structure=structure))
    waiting = sum(request.is_pending for request in asked)
    return [*held, Fact("place_requested", waiting), Fact("place_refused", len(asked) - waiting)]


def _deputy(attachment):
    """Of the principal manager, who stands in for them; of that person, until when."""
    held = Deputy.objects.in_force().filter(structure=attachment.structure_id).select_related("deputy").first()
    until = date_format(held.ends_on, "j F Y") if held else ""
    if held and held.deputy_id == attachment.user_id:
        return [Fact("deputy_of", 1, (until,))]
    return [Fact("deputy_named", 1, (held.deputy, until))] if held and attachment.role == Role.PRINCIPAL else []


@receiver(structure_events.manager_asked)
def of_manager(sender, structure, **kwargs):
    """Its principal manager in force who can log in."""
    principal = managers_of(structure).acting_principal
    return [Fact("managed_by", 1, (principal,))] if principal else []


@receiver(structure_events.handover_asked)
def of_handover(sender, structure, user, **kwargs):
    mine = structure.handovers.concerning(user).select_related("successor", "outgoing")
    planned = [
        Fact("handover_planned", 1, (row.reference, row.successor, date_format(row.takes_effect_on, "j F Y")))
        for row in mine.pending()
    ]
    done = [
        Fact("handover_done", 1, (row.reference, row.successor, _on(row.undoable_until))) for row in mine.undoable()
    ]
    return planned + done


@receiver(structure_events.waiting_asked)
def of_waiting(sender, structures, **kwargs):
    pending = AttachmentRequest.objects.pending().filter(structure__in=structures).order_by()
    counted = pending.values_list("structure").annotate(Count("pk"))
    return [Fact("requests_waiting", count, (structure,)) for structure, count in counted]


@receiver(structure_events.structure_deactivating)
def of_deactivating_structure(sender, structure, **kwargs):
    return [
        Fact("attached_people_stay", structure.attachments.lasting().count()),
        Fact("requests_suspended", structure.attachment_requests.pending().count()),
    ]


@receiver(structure_events.identifier_change_asked)
def of_changing_identifier(sender, structure, **kwargs):
    return [
        Fact("attachments_carried", structure.attachments.lasting().count()),
        Fact("requests_carried", structure.attachment_requests.pending().count()),
    ]


@receiver(structure_events.service_deactivating)
def of_deactivating_service(sender, service, **kwargs):
    lasting, pending = Attachment.objects.lasting(), AttachmentRequest.objects.pending()
    return [
        Fact("people_with_this_service_only", _naming_only(service, lasting).count()),
        Fact("requests_for_this_service", pending.filter(services=service).count()),
        Fact("requests_for_this_service_only", _naming_only(service, pending).count()),
    ]


def _naming_only(service, scopes):
    """Of `scopes`, attachments or requests: those for this service and no other."""
    named = scopes.model.services.through.objects
    column = f"{scopes.model._meta.model_name}_id"
    return scopes.filter(services=service).exclude(pk__in=named.exclude(service=service).values(column))


@receiver(account_events.account_locking)
def lock_structures_first(sender, user_id, **kwargs):
    actions.lock_structures_of(user_id)


@receiver(account_events.accounts_closing)
def keep_principals(sender, user_ids, **kwargs):
    """A structure never loses its principal manager by itself: support names another one first."""
    actions.lock_structures_with(user_ids)
    managed = Attachment.objects.current().principal().filter(user__in=user_ids)
    return list(managed.values_list("user", flat=True))


@receiver(account_events.accounts_closed)
def end_places(sender, users, actor, cause, **kwargs):
    """Nobody can come back to them by themselves: what they asked for is taken back, their places end."""
    actions.withdraw_requests(users, actor=actor, cause=cause)
    actions.end_all(users, actor=actor, cause=cause)


@receiver(account_events.accounts_anonymised)
def forget_words(sender, users, **kwargs):
    """What they wrote beside their requests. Why a manager refused one stays: it is the manager's decision."""
    actions.forget_comments(users)


@receiver(account_events.account_activated)
def settle(sender, user, **kwargs):
    actions.settle_on_activation(user)


@receiver(account_events.account_deactivating)
def of_deactivating_account(sender, user, **kwargs):
    managed = user.attachments.current().principal().select_related("structure")
    asked = user.attachment_requests.pending().select_related("structure")
    given = user.handovers_given.pending().select_related("successor")
    planned = {row.structure_id: row for row in given}
    for attachment in managed:
        attachment.structure.planned = planned.get(attachment.structure_id)
    return [
        _fact("principal_of", [attachment.structure for attachment in managed], blocks=True),
        _fact("requests_lost", [_known_as(request.structure) for request in asked]),
        Fact("requests_left_to_support", left_to_support(user).count()),
        _fact("services_left_without_anyone", only_theirs(user, user.attachments.lasting())),
        *_undoable_by(user),
    ]


def _undoable_by(user):
    """What they handed over and may still take back, which nobody does without an account."""
    given = user.handovers_given.undoable().filter(named_by__is_staff=False).select_related("structure")
    rows = list(given.order_by("structure__legal_name_key", "pk"))
    names = [str(row.structure) for row in rows[:MOST_NAMED]]
    until = [_on(row.undoable_until) for row in rows[-1:]]
    return [Fact("handovers_undoable", len(rows), (*until, *names))] if rows else []


def _on(moment):
    return date_format(localtime(moment), r"j F Y à G \h i")


@receiver(account_events.identity_keepers_asked)
def of_identity(sender, user, **kwargs):
    """The referents of the structures using the PIGP where they work."""
    held = user.attachments.effective().filter(structure__uses_pigp=True)
    referents = Referent.objects.filter(pk__in=held.values("structure__referent"))
    return [Fact("identity_kept_by", 1, (row.name, row.administration, row.email)) for row in referents]


def _known_as(structure):
    """What whoever asked for a place in it may read: a private one's name is not for strangers."""
    return structure.full_identifier if structure.keeps_private else structure


def _fact(kind, rows, **options):
    return Fact(kind, len(rows), tuple(rows), **options)


@receiver(account_events.account_deactivated)
def withdraw(sender, user, actor, **kwargs):
    """Pending requests are lost (domain: account, deactivation); those they alone could decide are support's."""
    actions.withdraw_requests([user], actor=actor, cause="account_deactivated")
    for held in user.attachments.may(Right.DECIDE_REQUESTS).select_related("structure"):
        actions.hand_over_requests(held.structure)
    actions.end_deputies_by(user, actor=actor)
    actions.stop_handovers_to(user, actor=actor)
