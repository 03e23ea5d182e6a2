"""`can`, beside a naive reference: the rule as domain.md says it, over Python lists."""

from datetime import date, timedelta
from itertools import product
from random import Random
from types import SimpleNamespace

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from attachments.models import Attachment, Role
from spaces.models import Access, Grant, Space, StructureSpace, Subscription
from spaces.permissions import Step, can
from structures.models import Service
from tests.factories import ServiceFactory, StructureFactory, SubscriptionFactory, UserFactory

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 26)
# From and until, in days from today.
BEGINS, LASTS = (-9, 0, 1), (None, 9, 0, -1)
CODES = ("mon-compte", "factures-emises", "activites-du-gestionnaire", "factures-recues", "engagements")


def days(number):
    return None if number is None else TODAY + timedelta(days=number)


def world(random, users, structures, spaces):
    """Rows drawn at random, written at once: each pair may have a place, lines, and a structure its open spaces."""
    services = {structure: list(Service.objects.filter(structure=structure)) for structure in structures}
    for structure, space in product(structures, spaces):
        if random.random() < 0.5:
            closed_at = random.choice([None, None, timezone.now()])
            StructureSpace.objects.create(structure=structure, space=space, closed_at=closed_at)
    places, lines, named = [], [], []
    for user, structure in product(users, structures):
        begins, lasts = random.choice(BEGINS), random.choice(LASTS)
        if random.random() < 0.85 and (lasts is None or lasts >= begins):
            place = Attachment(
                user=user,
                structure=structure,
                role=random.choice([Role.SIMPLE, Role.SIMPLE, Role.SECONDARY]),
                whole_structure=random.random() < 0.5,
                starts_on=days(begins),
                ends_on=days(lasts),
                ended_at=random.choice([None, None, None, timezone.now()]),
            )
            places.append(place)
            if not place.whole_structure:
                named += [(place, service) for service in services[structure] if random.random() < 0.5]
        for space, service, access in product(spaces, [None, *services[structure]], Access):
            if random.random() < 0.5:
                status = random.choice(Subscription.Status.values)
                lines.append(
                    Subscription(
                        user=user,
                        structure=structure,
                        space=space,
                        service=service,
                        access=access,
                        status=status,
                        starts_on=days(random.choice(BEGINS)),
                        reason="Non" if status == "refused" else "",
                    )
                )
    Attachment.objects.bulk_create(places)
    through = Attachment.services.through
    through.objects.bulk_create(through(attachment=place, service=service) for place, service in named)
    Subscription.objects.bulk_create(lines)
    opened = {(row.structure_id, row.space_id) for row in StructureSpace.objects.filter(closed_at=None)}
    return SimpleNamespace(places=places, named=set(named), lines=lines, opened=opened, services=services)


def naive(known, user, space, structure, service, access):
    """The step that is missing, read from the rule."""
    places = [p for p in known.places if (p.user, p.structure, p.ended_at) == (user, structure, None)]
    if user.state != User.State.ACTIVE:
        return Step.ACCOUNT_INACTIVE
    if structure.state != "active":
        return Step.STRUCTURE_INACTIVE
    if not places:
        return Step.NOT_ATTACHED
    (place,) = places
    if place.starts_on > TODAY:
        return Step.ATTACHMENT_NOT_BEGUN
    if place.ends_on and place.ends_on < TODAY:
        return Step.ATTACHMENT_OVER
    if not place.whole_structure and service is None:
        return Step.NOT_ATTACHED_WHOLE
    if not place.whole_structure and (place, service) not in known.named:
        return Step.SERVICE_NOT_ATTACHED
    if service and not (service.is_active and service.valid_from <= TODAY):
        return Step.SERVICE_CLOSED
    if space.public_only and structure.nature == "private":
        return Step.NOT_OFFERED
    by_some_default = Grant.DEFAULT in (space.principal, space.secondary, space.simple)
    if not (by_some_default or space.is_free or (structure.pk, space.pk) in known.opened):
        return Step.NOT_OPEN
    lines = [
        line
        for line in known.lines
        if (line.user, line.structure, line.space, line.access) == (user, structure, space, access)
        and line.service in (None, service)
    ]
    if any(line.status == "approved" and line.starts_on <= TODAY for line in lines):
        return Step.GRANTED
    for status, step in (("approved", Step.NOT_BEGUN), ("pending", Step.PENDING)):
        if any(line.status == status for line in lines):
            return step
    if lines:
        return Step.REFUSED if lines[-1].status == "refused" else Step.ENDED
    never = not space.is_free and getattr(space, place.role) == Grant.NEVER
    return Step.NOT_FOR_ROLE if never else Step.NOT_ASKED


@pytest.mark.also_sqlite
def test_can_answers_as_the_rule_in_thousands_of_cases(django_assert_num_queries):
    with time_machine.travel(f"{TODAY}T12:00:00+01:00", tick=False):
        random = Random(15)
        users = [*UserFactory.create_batch(14), UserFactory(state=User.State.DISABLED)]
        structures = [
            *StructureFactory.create_batch(2),
            StructureFactory(private=True),
            StructureFactory(state="inactive"),
        ]
        for structure in structures:
            ServiceFactory(structure=structure, valid_from=TODAY)
            ServiceFactory(structure=structure, valid_from=TODAY + timedelta(days=1))
            ServiceFactory(structure=structure, valid_from=TODAY)
        spaces = list(Space.objects.filter(code__in=CODES))
        known = world(random, users, structures, spaces)
        cases = [
            (user, space, structure, service, access)
            for user, structure in product(users, structures)
            for service in [None, *known.services[structure]]
            for space, access in product(spaces, Access)
        ]
        expected = {case: naive(known, *case) for case in cases}
        # One query for each person, whatever is asked of them.
        with django_assert_num_queries(len(users) - 1):
            answered = {case: can(*case) for case in cases}
        assert not [(case, said, expected[case]) for case, said in answered.items() if said.step != expected[case]]
        assert set(expected.values()) == set(Step)
        given = {row.pk for row in Subscription.objects.effective()}
        for line in Subscription.objects.select_related("user", "structure", "space", "service"):
            # One for all they are attached to gives something where `can` says yes of any part.
            parts = [line.service] if line.service else [None, *known.services[line.structure]]
            steps = {expected[line.user, line.space, line.structure, part, line.access] for part in parts}
            says = line.status == "approved" and line.starts_on <= TODAY
            assert (line.pk in given) == (says and Step.GRANTED in steps)


def test_what_was_asked_is_kept_for_the_request_only(django_assert_num_queries):
    line = SubscriptionFactory(structure=StructureFactory(), space=Space.objects.get(code="mon-compte"))
    Attachment.objects.create(user=line.user, structure=line.structure)
    question = line.space, line.structure
    with django_assert_num_queries(1):
        assert can(line.user, *question)
        answer = can(line.user, *question, access=Access.MODIFICATION)
    assert (bool(answer), answer.code, answer.sentence) == (False, "not_asked", Step.NOT_ASKED.label)
    Subscription.objects.all().delete()
    assert not can(User.objects.get(pk=line.user.pk), *question)
    assert can(line.user, *question, ServiceFactory()).code == "service_not_attached"
