"""« Structures sans gestionnaire »: whose principal manager is missing or does not answer; for support."""

from datetime import timedelta
from typing import NamedTuple
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import models
from django.db.models import Count, DateTimeField, Exists, F, FilteredRelation, Min, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from attachments.events import claims_asked
from attachments.models import Attachment, AttachmentRequest, Role
from attachments.people import chosen, typed
from attachments.successions import ALL, STRUCTURES, seal
from notifications.models import OutgoingMail
from plumbing.facts import gather
from plumbing.text import of
from structures.models import Structure

MONTH = timedelta(days=30)


class Cause(models.TextChoices):
    """Why nobody leads a structure; the value is what the address says."""

    MISSING = "aucun", "Aucun gestionnaire principal"
    CLOSED = "clos", "Compte clos"
    DISABLED = "desactive", "Compte désactivé"
    UNSEEN = "non-active", "Compte pas activé"
    BOUNCING = "courriels", "Courriels refusés"
    SILENT = "absent", "Ne se connecte plus"


# The column that says since when, filled where the cause holds; those of `structures`.
SINCE = {
    Cause.MISSING: "left_at",
    Cause.CLOSED: "led_by__user__closed_at",
    Cause.DISABLED: "led_by__user__deactivated_at",
    Cause.UNSEEN: "led_by__role_since",
    Cause.BOUNCING: "refused_since",
    Cause.SILENT: "seen_at",
}
_STATES = User.State


def _conditions():
    """What each cause means, of `structures`."""
    gone = timezone.now() - settings.ORPHAN_SILENT_MONTHS * MONTH
    return {
        Cause.MISSING: Q(led_by__isnull=True),
        Cause.CLOSED: Q(led_by__user__state=_STATES.CLOSED),
        Cause.DISABLED: Q(led_by__user__state=_STATES.DISABLED),
        Cause.UNSEEN: Q(led_by__user__state__in=[_STATES.PENDING, _STATES.ACTIVATING]),
        Cause.BOUNCING: Q(refused_since__isnull=False),
        Cause.SILENT: Q(led_by__user__state=_STATES.ACTIVE, seen_at__lt=gone, oldest__isnull=False),
    }


def structures():
    """The active structures, each with the principal's place (`led_by`), what waits there, and what SINCE names."""
    here = {"structure": OuterRef("pk")}
    waiting = AttachmentRequest.objects.pending().filter(**here)
    pending = waiting.order_by().values("structure")
    ended = Attachment.objects.principal().filter(ended_at__isnull=False, **here).order_by("-ended_at")
    later = OutgoingMail.objects.filter(
        state=OutgoingMail.State.SENT, to=OuterRef("to"), created_at__gt=OuterRef("created_at")
    )
    # To the address of today: whoever has another one since can be reached.
    theirs = Q(to=OuterRef("led_by__user__email")) | Q(to=OuterRef("led_by__user__contact_email"))
    refused = OutgoingMail.objects.filter(
        theirs, ~Exists(later.order_by()), user=OuterRef("led_by__user"), state=OutgoingMail.State.FAILED
    )
    led = Q(attachments__role=Role.PRINCIPAL, attachments__ended_at__isnull=True)
    return Structure.objects.filter(state=Structure.State.ACTIVE).annotate(
        led_by=FilteredRelation("attachments", condition=led),
        place_id=F("led_by__pk"),
        principal_id=F("led_by__user"),
        waiting=Coalesce(Subquery(pending.annotate(count=Count("pk")).values("count")), 0),
        first_request=Subquery(waiting.order_by("created_at", "pk").values("pk")[:1]),
        oldest=Subquery(pending.annotate(first=Min("created_at")).values("first")),
        left_at=Coalesce(Subquery(ended.values("ended_at")[:1]), F("created_at")),
        refused_since=Subquery(refused.order_by("created_at").values("created_at")[:1]),
        seen_at=Coalesce("led_by__user__last_login", "led_by__user__activated_at", output_field=DateTimeField()),
    )


class Orphans:
    """The list, as the address asks for it."""

    causes = Cause.choices

    def __init__(self, query):
        self.words = typed(query, "q")
        self.cause = chosen(query, "cause", Cause.values)
        self.awaited = query.get("demandes") == "1"

    @property
    def is_set(self):
        return bool(self.words or self.cause or self.awaited)

    @property
    def query(self):
        asked = {"q": self.words, "cause": self.cause, "demandes": "1" if self.awaited else ""}
        return urlencode({name: value for name, value in asked.items() if value})

    @property
    def rows(self):
        """Where somebody waits first; each with the columns of SINCE."""
        conditions, any_of = _conditions(), Q()
        for condition in conditions.values():
            any_of |= condition
        rows = structures().filter(conditions[self.cause] if self.cause else any_of)
        if self.words:
            rows = rows.called(self.words)
        if self.awaited:
            rows = rows.filter(oldest__isnull=False)
        known = {f"since_{cause.name.lower()}": F(column) for cause, column in SINCE.items()}
        holding = {
            f"is_{cause.name.lower()}": models.ExpressionWrapper(condition, models.BooleanField())
            for cause, condition in conditions.items()
        }
        return rows.annotate(**known, **holding).order_by(F("oldest").asc(nulls_last=True), "legal_name_key", "pk")


class Way(NamedTuple):
    """What support can do about it: one link."""

    label: str
    address: str


def tell(reader, rows):
    """Give each of `rows` its `causes` ((words, since), …), its `principal`, and the `way` out, as `reader` takes it.

    In a number of queries that does not grow with them.
    """
    rows = list(rows)
    people = User.objects.in_bulk({row.principal_id for row in rows} - {None})
    keys = [row.pk for row in rows]
    able = Attachment.objects.effective().filter(role=Role.SECONDARY, structure__in=keys, user__state=_STATES.ACTIVE)
    heirs = {place.structure_id: place.user for place in able.select_related("user").order_by("-pk")}
    first = AttachmentRequest.objects.select_related("user").in_bulk({row.first_request for row in rows} - {None})
    asked_for = dict(fact.who for fact in gather(claims_asked, structures=keys))
    claims = {key: Way("Traiter la sollicitation", address) for key, address in asked_for.items()}
    for row in rows:
        row.causes = [
            (cause.label, getattr(row, f"since_{cause.name.lower()}"))
            for cause in Cause
            if getattr(row, f"is_{cause.name.lower()}")
        ]
        row.principal = people.get(row.principal_id)
        row.way = claims.get(row.pk) or _way(reader, row, heirs.get(row.pk), first.get(row.first_request))
    return rows


def _way(reader, row, heir, request):
    """Somebody who is there, or asks to be, takes over from who is gone; who may come back is helped to."""
    may_come_back = not (row.is_closed or row.is_disabled)
    if row.is_bouncing and may_come_back:
        return Way("Corriger son adresse", reverse("admin:accounts_user_change", args=[row.principal_id]))
    if row.is_unseen:
        return Way("Renvoyer son lien d'activation", reverse("attachments:person", args=[row.pk, row.place_id]))
    if row.is_silent:
        subject = quote(f"{row} : des demandes de rattachement vous attendent")
        return Way("Lui écrire", f"mailto:{row.principal.mail_address}?subject={subject}")
    address = reverse("attachments:succession")
    if heir:
        chosen_one = urlencode({STRUCTURES: row.pk, ALL: seal(reader, heir)})
        return Way(f"Nommer {heir}, gestionnaire secondaire", f"{address}?{chosen_one}")
    if request:
        return Way(
            f"Décider de la demande {of(request.user)}", reverse("attachments:decide_request", args=[request.reference])
        )
    return Way("Désigner un gestionnaire principal", f"{address}?{urlencode({STRUCTURES: row.pk})}")
