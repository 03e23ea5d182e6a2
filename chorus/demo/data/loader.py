"""Plays the demo's cast through the portal's own actions, so that history and mails are true."""

import csv
from contextlib import contextmanager
from datetime import timedelta
from importlib.resources import files

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.actions import activate_account, register_account
from accounts.links import Purpose, make_token
from accounts.models import SecretQuestion, User
from attachments.actions import approve_request, name_deputy, refuse_request, send_request
from attachments.models import Attachment, AttachmentRequest
from chorus.demo import data
from chorus.demo.past import happened
from directory.identifiers import IdentifierType
from directory.models import DirectoryEntry
from history.actions import seal_entries
from notifications.models import OutgoingMail
from spaces.actions import approve as approve_subscriptions
from spaces.actions import ask as ask_space
from spaces.models import Space, StructureSpace, Subscription
from structures.actions import create_bank_account, create_from_directory, create_service, deactivate_service
from structures.models import Referent, Structure


def is_loaded():
    return Structure.objects.identified_by(IdentifierType.SIRET, data.CHAMPOULANT).exists()


@transaction.atomic
def load():
    """Write the whole demo, or nothing."""
    wake_ups = len(connection.run_on_commit)
    older_mails = list(OutgoingMail.objects.values_list("pk", flat=True))
    support = User.objects.create_superuser(
        data.SUPPORT.email,
        data.PASSWORD,
        first_name=data.SUPPORT.first_name,
        last_name=data.SUPPORT.last_name,
        activated_at=timezone.now(),
    )
    with _days_ago(130):
        _create_structures(support)
    for ask in data.ASKS:
        with _days_ago(ask.days_ago):
            _play(ask, support)
    for ask in data.SPACES:
        with _days_ago(ask.days_ago):
            _play_space(ask)
    _name_deputy()
    _tidy_mailbox(older_mails)
    seal_entries(everything=True)
    # No mail of ours is left to send: nobody needs waking, least of all through a broker that
    # may not be started yet.
    del connection.run_on_commit[wake_ups:]


def _create_structures(support):
    """The directory holds every row; those marked `lives_here` are also structures of the portal."""
    with files(data).joinpath("structures.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            lives_here = row.pop("lives_here")
            row |= {"undisclosed": bool(row["undisclosed"]), "closed_on": row["closed_on"] or None}
            entry = DirectoryEntry.objects.create(**row)
            if lives_here:
                _create_parts(create_from_directory(entry.pk, actor=support), support)
    referent = Referent.objects.create(**data.REFERENT)
    Structure.objects.filter(identifier=data.USES_PIGP).update(uses_pigp=True, referent=referent)
    Structure.objects.filter(identifier=data.INACTIVE).update(state=Structure.State.INACTIVE)


def _create_parts(structure, support):
    today = timezone.localdate()
    for part in data.SERVICES.get(structure.identifier, ()):
        values = {
            "code": part.code,
            "label": part.label,
            "description": part.description,
            "valid_from": today + timedelta(days=part.begins),
            "valid_until": None if part.ends is None else today + timedelta(days=part.ends),
            "requires_commitment": part.requires_commitment,
        }
        service = create_service(structure.pk, actor=support, values=values)
        if not part.is_active:
            deactivate_service(service.pk, actor=support)
    if structure.identifier in data.BANK_ACCOUNTS:
        create_bank_account(structure.pk, actor=support, values=data.BANK_ACCOUNTS[structure.identifier])


def _play_space(ask):
    """One request for a space, by somebody attached by now."""
    user, structure = User.objects.get(email=ask.person.email), Structure.objects.get(identifier=ask.siret)
    space = Space.objects.get(code=ask.space)
    parts = [(None, access) for access in ask.accesses]
    rows = ask_space(user, structure.pk, space.pk, actor=user, parts=parts, comment=ask.comment, opening=True)
    if ask.given:
        principal = structure.attachments.current().principal().get().user
        approve_subscriptions([row.pk for row in rows], actor=principal)


def _name_deputy():
    """The secondary manager stands in for the principal one during their next holidays."""
    structure, today = Structure.objects.get(identifier=data.CHAMPOULANT), timezone.localdate()
    principal, deputy = (User.objects.get(email=person.email) for person in (data.PRINCIPAL, data.SECONDARY))
    days = {"starts_on": today + timedelta(days=10), "ends_on": today + timedelta(days=24)}
    name_deputy(structure.pk, deputy.pk, actor=principal, **days)


def _play(ask, support):
    """One request, from the account it may need to its outcome."""
    person = ask.person
    structure = Structure.objects.get(identifier=ask.siret)
    user = User.objects.with_email(person.email).first() or register_account(
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        phone="",
        contact_email="",
        survey_consent=False,
    )
    scope = {
        "whole_structure": not ask.services,
        "services": list(structure.services.filter(code__in=ask.services)),
    }
    request = send_request(user, structure, actor=user, comment=ask.comment, **scope)
    principal = structure.attachments.current().principal().first()
    decider = principal.user if principal else support
    if ask.refusal:
        refuse_request(request.pk, actor=decider, reason=ask.refusal)
    elif ask.role:
        approve_request(request.pk, actor=decider, role=ask.role, **scope)
    user.refresh_from_db()
    if user.state == User.State.ACTIVATING and person.activates:
        activate_account(
            make_token(user, Purpose.ACTIVATION),
            password=data.PASSWORD,
            secret_question=SecretQuestion.PET,
            secret_answer=data.SECRET_ANSWER,
        )


# What `_days_ago` moves. The history is told beforehand: nobody moves its lines.
_DATED = [
    (Structure, "created_at"),
    (User, "created_at"),
    (User, "terms_accepted_at"),
    (User, "activated_at"),
    (User, "closed_at"),
    (AttachmentRequest, "created_at"),
    (AttachmentRequest, "decided_at"),
    (Attachment, "created_at"),
    (Attachment, "role_since"),
    (StructureSpace, "opened_at"),
    (Subscription, "created_at"),
    (Subscription, "decided_at"),
    (OutgoingMail, "created_at"),
]


@contextmanager
def _days_ago(days):
    """What is written inside happened `days` ago: a list where all came at once shows nothing."""
    started = timezone.now()
    with happened(timedelta(days=days)):
        yield
    day = timezone.localdate(started - timedelta(days=days))
    for dated in (AttachmentRequest, Attachment, Subscription):
        dated.objects.filter(created_at__gte=started).update(starts_on=day)
    for model, field in _DATED:
        model.objects.filter(**{f"{field}__gte": started}).update(**{field: F(field) - timedelta(days=days)})


def _tidy_mailbox(older_mails):
    """Keep, as already sent, the mails of cases still open: waiting requests, accounts to activate.

    Those can be followed up in the demo. The others would bury them under a hundred mails about
    closed cases, whose links have served.
    """
    open_cases = AttachmentRequest.objects.filter(
        Q(status=AttachmentRequest.Status.PENDING) | Q(user__state=User.State.ACTIVATING)
    )
    ours = OutgoingMail.objects.exclude(pk__in=older_mails)
    waiting = Subscription.objects.pending().values("reference")
    ours.exclude(Q(reference__in=open_cases.values("reference")) | Q(reference__in=waiting)).delete()
    ours.update(state=OutgoingMail.State.SENT, sent_at=F("created_at"), attempts=1)
