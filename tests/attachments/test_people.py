"""What managers do with the people of their structures."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import activate_account, invite_account, resend_activations
from accounts.links import Purpose, make_token
from accounts.models import User
from attachments.actions import Place, attach_people, change_place, create_attached_account, detach, duplicate_place
from attachments.models import Attachment, AttachmentRequest, Right, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError, ChangedMeanwhile
from tests.factories import AttachmentFactory, AttachmentRequestFactory, ServiceFactory, StructureFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]
TODAY = timezone.localdate
DAY = timedelta(days=1)
PERSON = {"email": "Nouvelle@exemple.example", "first_name": "Lou", "last_name": "Petit", "phone": ""}


def events():
    return list(HistoryEntry.objects.order_by("pk").values_list("event", flat=True))


def slugs():
    return list(OutgoingMail.objects.order_by("pk").values_list("slug", flat=True))


def last_text():
    return OutgoingMail.objects.latest("pk").parts()[0]


def plain(text):
    """A mail without its typography."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("’", "'").replace("\r\n", "\n")


def terms(role=Role.SIMPLE, starts_on=None, ends_on=None):
    return {"role": role, "starts_on": starts_on or TODAY(), "ends_on": ends_on}


def changed(place, **other):
    return {
        "version": place.version,
        "role": place.role,
        "whole_structure": place.whole_structure,
        "services": list(place.services.all()),
        "starts_on": place.starts_on,
        "ends_on": place.ends_on,
    } | other


def give(person, *structures, services=(), comment="", actor=None, **held):
    """The first structure for these services, the others as a whole."""
    places = [
        Place(
            person,
            structure,
            whole_structure=not (services and n == 0),
            services=() if n else services,
            **terms(**held),
        )
        for n, structure in enumerate(structures)
    ]
    return attach_people(places, actor=actor or UserFactory(staff=True), comment=comment)


def test_attaching_somebody_to_several_structures_mails_them_once():
    actor, person, first = UserFactory(staff=True), UserFactory(), StructureFactory()
    service = ServiceFactory(structure=first, label="Intendance")
    second, taken = StructureFactory(), AttachmentFactory(user=person).structure
    given = give(
        person,
        first,
        second,
        taken,
        services=(service,),
        comment="Bienvenue",
        actor=actor,
        role=Role.SECONDARY,
        ends_on=TODAY() + DAY,
    )
    assert {place.structure for place in given.done} == {first, second}
    assert [(place.structure, refusal.code) for place, refusal in given.skipped] == [(taken, "already_attached")]
    held = person.attachments.get(structure=first)
    assert (held.role, held.whole_structure, list(held.services.all())) == (Role.SECONDARY, False, [service])
    assert events() == ["attachment_started"] * 2
    assert slugs() == ["attached"]
    for said in (str(actor), str(first), str(second), "Bienvenue", "Intendance", "Gestionnaire secondaire"):
        assert said in last_text()


@pytest.mark.parametrize("account", [{"state": "disabled"}, {"closed": True}, {"staff": True}])
def test_accounts_nobody_attaches_are_refused_in_the_same_words(account):
    ((_, refusal),) = give(UserFactory(**account), StructureFactory()).skipped
    assert refusal.code == "not_attachable"
    assert "adresse" in str(refusal)
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("role", "given", "code"),
    [
        (None, "simple", "right_withdrawn"),
        ("simple", "simple", "right_withdrawn"),
        ("secondary", "secondary", "above_actor"),
    ],
)
def test_who_no_longer_may_gives_nothing(role, given, code):
    structure = StructureFactory()
    actor = AttachmentFactory(structure=structure, role=role).user if role else UserFactory()
    ((_, refusal),) = give(UserFactory(), structure, actor=actor, role=Role(given)).skipped
    assert refusal.code == code


def test_nobody_attaches_themselves():
    actor = AttachmentFactory(role=Role.PRINCIPAL).user
    ((_, refusal),) = give(actor, actor.attachments.get().structure, actor=actor).skipped
    assert refusal.code == "own_place"


def test_attaching_somebody_who_waits_lets_them_in_and_answers_their_request():
    request = AttachmentRequestFactory()
    give(request.user, request.structure)
    request.user.refresh_from_db()
    assert request.user.state == User.State.ACTIVATING
    assert not AttachmentRequest.objects.pending().exists()
    assert sorted(slugs()) == ["activation", "request_approved"]


def test_somebody_who_waits_elsewhere_is_let_in_and_reads_no_words_of_the_manager():
    person, structure = AttachmentRequestFactory().user, StructureFactory(legal_name="Mot", nature="private")
    give(person, structure, comment="Gagnez")
    text = OutgoingMail.objects.get(slug="attached").parts()[0]
    assert "Gagnez" not in text
    assert "Mot" not in text
    assert OutgoingMail.objects.filter(slug="activation").count() == 1


def test_rights_are_duplicated_to_whoever_lacks_them():
    actor, source = UserFactory(staff=True), AttachmentFactory(role=Role.SECONDARY, whole_structure=False)
    services = ServiceFactory.create_batch(3, structure=source.structure)
    source.services.set(services[:2])
    some = AttachmentFactory(structure=source.structure, whole_structure=False)
    some.services.set(services[2:])
    same = AttachmentFactory(structure=source.structure, role=Role.SECONDARY)
    principal = AttachmentFactory(structure=source.structure, role=Role.PRINCIPAL)
    new = UserFactory.create_batch(2)
    chosen = [*new, some.user, same.user, principal.user, source.user]
    given = duplicate_place(source.pk, [user.pk for user in chosen], actor=actor)
    assert {place.user for place in given.done} == {*new, some.user}
    assert {place.user: refusal.code for place, refusal in given.skipped} == {
        same.user: "unchanged",
        principal.user: "is_principal",
    }
    for user in new:
        held = user.attachments.get()
        assert (held.role, set(held.services.all())) == (Role.SECONDARY, set(services[:2]))
    some.refresh_from_db()
    assert (some.role, set(some.services.all())) == (Role.SECONDARY, set(services))
    assert sorted(slugs()) == ["attached", "attached", "place_changed"]


@pytest.mark.parametrize(("begun", "begins"), [(-30, 0), (9, 9)])
def test_a_duplicated_place_begins_today_at_the_earliest(begun, begins):
    source, person = AttachmentFactory(starts_on=TODAY() + begun * DAY), UserFactory()
    duplicate_place(source.pk, [person.pk], actor=UserFactory(staff=True))
    assert person.attachments.get().starts_on == TODAY() + begins * DAY


def test_attaching_many_asks_no_more_than_attaching_few():
    actor, structure = UserFactory(staff=True), StructureFactory()
    service = ServiceFactory(structure=structure)

    def queries(people):
        places = [Place(person, structure, whole_structure=False, services=(service,)) for person in people]
        with CaptureQueriesContext(connection) as captured:
            assert len(attach_people(places, actor=actor).done) == len(people)
        return len(captured)

    # SQLite takes 999 values at once, and each place brings its spaces.
    many = 40 if connection.vendor == "postgresql" else 6
    assert queries(UserFactory.create_batch(2)) == queries(UserFactory.create_batch(many))


def test_creating_an_account_attaches_it_and_mails_the_link():
    actor, structure = UserFactory(staff=True), StructureFactory()
    place = create_attached_account(structure, actor=actor, person=PERSON, **terms())
    user = place.user
    assert (user.email, user.state, user.terms_accepted_at) == ("nouvelle@exemple.example", "activating", None)
    assert events() == ["account_registered", "attachment_started"]
    assert {entry.actor for entry in HistoryEntry.objects.all()} == {actor}
    assert slugs() == ["activation"]
    said = plain(last_text())
    assert str(actor) in said
    assert f"Ce compte vous donne :\nStructure : {structure}\n" in said
    assert "Rôle : Utilisateur simple" in said
    activate_account(
        make_token(user, Purpose.ACTIVATION), password="un long mot", secret_question="pet", secret_answer="Rex"
    )
    user.refresh_from_db()
    assert user.is_active
    assert user.terms_accepted_at is not None


@pytest.mark.parametrize(
    ("structure", "email", "code"),
    [
        ({"uses_pigp": True}, "nouvelle@exemple.example", "uses_pigp"),
        ({"state": "inactive"}, "nouvelle@exemple.example", "structure_inactive"),
        ({}, "DEJA@exemple.example", "address_used"),
    ],
)
def test_where_no_account_is_created(structure, email, code):
    UserFactory(email="deja@exemple.example")
    with pytest.raises(ActionError) as error:
        create_attached_account(
            StructureFactory(**structure), actor=UserFactory(staff=True), person=PERSON | {"email": email}, **terms()
        )
    assert error.value.code == code
    assert not Attachment.objects.exists()
    assert not OutgoingMail.objects.exists()


def test_an_account_closed_before_it_was_used_starts_again():
    closed = UserFactory(
        email="nouvelle@exemple.example", closed=True, activated_at=None, terms_accepted_at=timezone.now()
    )
    user = invite_account(actor=UserFactory(), **PERSON)
    assert (user.email, user.state, user.terms_accepted_at) == (closed.email, "activating", None)


def test_the_link_goes_again_to_those_who_wait_for_it_and_not_twice_in_a_moment():
    waiting, active, actor = UserFactory(activating=True), UserFactory(), UserFactory()
    result = resend_activations([waiting.pk, active.pk], actor=actor)
    assert result.done == [waiting]
    assert [(user, refusal.code) for user, refusal in result.skipped] == [(active, "not_activating")]
    again = resend_activations([waiting.pk], actor=actor)
    assert [refusal.code for _, refusal in again.skipped] == ["too_soon"]
    assert (slugs(), events()) == (["activation"], ["activation_resent"])
    OutgoingMail.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert resend_activations([waiting.pk], actor=actor).done == [waiting]


def test_changing_role_services_and_dates_is_told_in_one_mail():
    place = AttachmentFactory(role=Role.SECONDARY)
    service = ServiceFactory(structure=place.structure, label="Restauration")
    other = {"role": Role.SIMPLE, "whole_structure": False, "services": [service], "ends_on": TODAY() + DAY}
    assert change_place(place.pk, actor=UserFactory(staff=True), **changed(place, **other))
    place = Attachment.objects.get()
    assert (place.role, place.part, place.ends_on) == (Role.SIMPLE, "Restauration", TODAY() + DAY)
    assert sorted(events()) == ["attachment_changed", "attachment_changed", "role_changed"]
    assert slugs() == ["place_changed"]
    said = plain(last_text())
    assert "L'assistance a modifié" in said
    assert "Rôle : Utilisateur simple (avant : Gestionnaire secondaire)" in said
    assert "Niveau : Restauration (avant : Toute la structure)" in said
    assert "(avant : sans limite)" in said


def test_a_new_secondary_manager_is_told_by_whom_and_what_they_may_do():
    place = AttachmentFactory(ends_on=TODAY() + DAY)
    boss = AttachmentFactory(structure=place.structure, role=Role.PRINCIPAL).user
    change_place(place.pk, actor=boss, **changed(place, role=Role.SECONDARY, ends_on=None))
    said = plain(last_text())
    assert f"{boss} a modifié" in said
    assert f"Parlez-en à {boss} : {boss.email}" in said
    assert f"vous pouvez :\n- {Right.DECIDE_REQUESTS.label}" in said
    assert "Jusqu'au : sans limite (avant :" in said


def test_the_same_changes_nothing():
    place = AttachmentFactory(ends_on=TODAY(), starts_on=TODAY() - 9 * DAY)
    assert not change_place(place.pk, actor=UserFactory(staff=True), **changed(place))
    assert (events(), slugs()) == ([], [])


@pytest.mark.parametrize(
    ("held", "other", "code"),
    [
        ({"role": "principal"}, {}, "is_principal"),
        ({}, {"role": Role.PRINCIPAL}, "is_principal"),
        ({"ended_at": timezone.now()}, {}, "attachment_over"),
        ({"starts_on": TODAY() - 9 * DAY}, {"ends_on": TODAY() - DAY}, "dates_over"),
        ({}, {"ends_on": TODAY() - DAY, "starts_on": TODAY()}, "dates_over"),
        ({}, {"whole_structure": False, "services": []}, "no_service"),
    ],
)
def test_what_cannot_be_changed(held, other, code):
    place = AttachmentFactory(**held)
    with pytest.raises(ActionError) as error:
        change_place(place.pk, actor=UserFactory(staff=True), **changed(place, **other))
    assert error.value.code == code
    assert (events(), slugs()) == ([], [])


def test_who_changes_what_they_no_longer_see_is_told():
    place = AttachmentFactory()
    seen = changed(place, role=Role.SECONDARY)
    change_place(place.pk, actor=UserFactory(staff=True), **changed(place, ends_on=TODAY() + DAY))
    with pytest.raises(ChangedMeanwhile):
        change_place(place.pk, actor=UserFactory(staff=True), **seen)


@pytest.mark.parametrize("activated", [True, False])
def test_the_reason_is_mailed_to_whoever_confirmed_their_address(activated):
    place = AttachmentFactory(user=UserFactory() if activated else UserFactory(activating=True))
    detach(place.pk, actor=UserFactory(staff=True), reason="A changé d'établissement")
    assert HistoryEntry.objects.get().data["reason"] == "A changé d'établissement"
    assert ("établissement" in last_text()) is activated


@pytest.mark.parametrize(
    ("held", "given", "code"),
    [
        ("secondary", "secondary", "right_withdrawn"),
        ("simple", "secondary", "above_actor"),
        ("principal", "simple", "is_principal"),
    ],
)
def test_nobody_acts_above_themselves(held, given, code):
    place = AttachmentFactory(role=held)
    actor = AttachmentFactory(structure=place.structure, role=Role.SECONDARY).user
    acts = [lambda: change_place(place.pk, actor=actor, **changed(place, role=Role(given)))]
    if held != "simple":
        acts += [lambda: detach(place.pk, actor=actor), lambda: duplicate_place(place.pk, [], actor=actor)]
    for act in acts:
        with pytest.raises(ActionError) as error:
            act()
        assert error.value.code == code
    place.refresh_from_db()
    assert (place.role, place.ended_at) == (held, None)
