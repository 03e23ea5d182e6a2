"""What must always hold of people's places in structures, each as the rows that break it: none.

Some of it the database holds by itself (a constraint), the rest is the actions' to hold. `manage.py check_invariants`
reads all of it, by hand and every night; so does the test that tries any sequence of acts. What ends by its dates is
meant as it is once the night's tasks are done. Apps above add theirs (`holds`).
"""

from collections.abc import Callable
from typing import NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from attachments.models import Attachment, AttachmentRequest, Deputy, Handover
from structures.models import Structure

INVARIANTS = []


class Invariant(NamedTuple):
    """`name` is what breaks it, `sentence` what holds; `rows` gives the query set of those that break it."""

    name: str
    sentence: str
    rows: Callable[[], QuerySet]


def holds(sentence):
    def of(rows):
        INVARIANTS.append(Invariant(rows.__name__, sentence, rows))
        return rows

    return of


def broken():
    """(Invariant, keys of the rows that break it) of each that does not hold."""
    found = [(one, list(one.rows().order_by("pk").values_list("pk", flat=True))) for one in INVARIANTS]
    return [(one, keys) for one, keys in found if keys]


def _shared(rows, *names):
    """Those of `rows` that are not alone to have these values."""
    others = rows.filter(**{name: OuterRef(name) for name in names}).exclude(pk=OuterRef("pk"))
    return rows.filter(Exists(others.order_by()))


def _of_foreign_services(model):
    named = model.services.through.objects
    own = model._meta.model_name
    return model.objects.filter(pk__in=named.exclude(service__structure=F(f"{own}__structure")).values(own))


# Principal managers.


@holds("Une structure active qui a eu un gestionnaire principal en a un.")
def structures_left_without_principal():
    """Somebody whose account was active by then, or to whom it was handed over: others lose the role by themselves."""
    here = {"structure": OuterRef("pk")}
    held = Attachment.objects.principal().filter(ended_at__gt=F("user__activated_at"), **here)
    statuses = Handover.Status
    passed = Handover.objects.filter(status__in=[statuses.DONE, statuses.UNDONE], **here)
    today = Attachment.objects.current().principal().filter(**here)
    active = Structure.objects.filter(state=Structure.State.ACTIVE)
    return active.filter(Exists(held.order_by()) | Exists(passed.order_by()), ~Exists(today.order_by()))


@holds("Une structure n'a qu'un gestionnaire principal.")
def principals_side_by_side():
    return _shared(Attachment.objects.current().principal(), "structure")


@holds("Un gestionnaire principal l'est de la structure entière, dès maintenant et sans date de fin.")
def principals_bounded():
    bounds = Q(whole_structure=False) | Q(ends_on__isnull=False) | Q(starts_on__gt=timezone.localdate())
    return Attachment.objects.current().principal().filter(bounds)


@holds("Un gestionnaire principal n'a pas désactivé son compte : il a d'abord désigné un successeur.")
def principals_of_disabled_accounts():
    return Attachment.objects.current().principal().filter(user__state=User.State.DISABLED)


# Attachments.


@holds("Une personne n'a qu'un rattachement à une structure.")
def attachments_side_by_side():
    return _shared(Attachment.objects.current(), "user", "structure")


@holds("Les services d'un rattachement sont de sa structure.")
def attachments_to_foreign_services():
    return _of_foreign_services(Attachment)


@holds("Un rattachement est à la structure entière, ou à des services.")
def attachments_to_nothing():
    nothing = Q(whole_structure=False, services=None)
    return Attachment.objects.current().filter(nothing | Q(whole_structure=True, services__isnull=False)).distinct()


@holds("La fin d'un rattachement ne précède pas son début.")
def attachments_ending_before_they_begin():
    return Attachment.objects.filter(ends_on__lt=F("starts_on"))


@holds("Un rattachement dont la date de fin est passée est terminé.")
def attachments_run_out():
    return Attachment.objects.current().filter(ends_on__lt=timezone.localdate())


@holds("Un compte clos n'a plus de rattachement.")
def attachments_of_closed_accounts():
    return Attachment.objects.current().filter(user__state=User.State.CLOSED)


# Requests.


@holds("Une personne n'a qu'une demande en cours pour une structure.")
def requests_side_by_side():
    return _shared(AttachmentRequest.objects.pending(), "user", "structure")


@holds("Les services d'une demande sont de sa structure.")
def requests_for_foreign_services():
    return _of_foreign_services(AttachmentRequest)


@holds("La fin demandée ne précède pas le début demandé.")
def requests_ending_before_they_begin():
    return AttachmentRequest.objects.filter(ends_on__lt=F("starts_on"))


@holds("Une demande refusée dit pourquoi.")
def refusals_without_reason():
    return AttachmentRequest.objects.filter(status=AttachmentRequest.Status.REFUSED, reason="")


@holds("Une demande qui n'est plus en cours dit depuis quand.")
def decisions_without_date():
    return AttachmentRequest.objects.exclude(status=AttachmentRequest.Status.PENDING).filter(decided_at=None)


@holds("Un compte désactivé ou clos ne demande plus rien.")
def requests_of_disabled_accounts():
    return AttachmentRequest.objects.pending().filter(user__state__in=[User.State.DISABLED, User.State.CLOSED])


@holds("Personne ne demande ce qu'il a déjà.")
def requests_for_what_is_held():
    held = Attachment.objects.lasting().filter(
        user=OuterRef("user"), structure=OuterRef("structure"), whole_structure=True
    )
    return AttachmentRequest.objects.pending().filter(Exists(held.order_by()))


@holds("Une demande dont personne d'autre ne peut décider est à l'assistance, et son demandeur le sait.")
def requests_that_wait_on_nobody():
    return AttachmentRequest.objects.untold_to_support()


# Hand-overs.


@holds("Une structure n'a qu'une transmission prévue.")
def handovers_side_by_side():
    return _shared(Handover.objects.pending(), "structure")


@holds("Le successeur d'une transmission prévue a un compte actif.")
def handovers_to_inactive_accounts():
    return Handover.objects.pending().exclude(successor__state=User.State.ACTIVE)


@holds("Qui transmettra une structure en est le gestionnaire principal.")
def handovers_by_somebody_else():
    principal = (
        Attachment.objects.current().principal().filter(structure=OuterRef("structure"), user=OuterRef("outgoing"))
    )
    return Handover.objects.pending().filter(~Exists(principal.order_by()))


@holds("Une transmission prévue est faite, ou arrêtée, le jour dit.")
def handovers_overdue():
    return Handover.objects.pending().filter(takes_effect_on__lt=timezone.localdate())


@holds("Une transmission faite dit quand.")
def handovers_done_without_date():
    return Handover.objects.filter(status=Handover.Status.DONE, done_at=None)


# Suppléances.


@holds("Une structure n'a qu'un suppléant, en place ou à venir.")
def deputies_side_by_side():
    return _shared(Deputy.objects.current(), "structure")


@holds("La fin d'une suppléance ne précède pas son début.")
def deputies_ending_before_they_begin():
    return Deputy.objects.filter(ends_on__lt=F("starts_on"))


@holds("Une suppléance dont la date de fin est passée est terminée.")
def deputies_run_out():
    return Deputy.objects.current().filter(ends_on__lt=timezone.localdate())


@holds("Un suppléant a été désigné sous le gestionnaire principal d'aujourd'hui.")
def deputies_of_nobody():
    """By that person, or by support for them."""
    principal = (
        Attachment.objects.current()
        .principal()
        .filter(structure=OuterRef("structure"), role_since__lte=OuterRef("named_at"))
    )
    return Deputy.objects.current().filter(~Exists(principal.order_by()))


@holds("Un suppléant est rattaché à la structure, sans en être le gestionnaire principal.")
def deputies_without_a_place():
    place = Attachment.objects.current().filter(structure=OuterRef("structure"), user=OuterRef("deputy"))
    others = place.exclude(pk__in=Attachment.objects.principal().values("pk"))
    return Deputy.objects.current().filter(~Exists(others.order_by()))


@holds("Un suppléant a un compte ouvert.")
def deputies_of_disabled_accounts():
    return Deputy.objects.current().filter(deputy__state__in=[User.State.DISABLED, User.State.CLOSED])
