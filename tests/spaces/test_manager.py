"""The manager's side: their desk, one dossier or several, opening and closing a space on a structure."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from attachments.models import Role
from history.models import Event, HistoryEntry
from notifications.models import OutgoingMail
from spaces import actions
from spaces.models import Space, StructureSpace, Subscription
from tests.at_once import at_once
from tests.factories import AttachmentFactory, ServiceFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

DESK, APPROVE, REFUSE = (f"/activites/abonnements/{step}" for step in ("", "validation/", "refus/"))


@pytest.fixture
def structure():
    structure = StructureFactory(legal_name="Collège des Tilleuls")
    StructureSpace.objects.create(structure=structure, space=space())
    return structure


@pytest.fixture
def principal(client, structure):
    user = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    client.force_login(user)
    return user


def space(code="engagements"):
    return Space.objects.get(code=code)


def asks(structure, *services, code="engagements", access="consultation", **person):
    """Somebody there who asks for a space."""
    user = AttachmentFactory(structure=structure, user=UserFactory(**person)).user
    parts = [(service, access) for service in services or [None]]
    return actions.ask(user, structure.pk, space(code).pk, actor=user, parts=parts)


def held(code="engagements"):
    """(person, service, access) of each approved line of a space, that nobody got by default."""
    rows = Subscription.objects.filter(status="approved", by_default=False, space__code=code).order_by("pk")
    return {(row.user, row.service, row.access) for row in rows.select_related("user", "service")}


def text(answer):
    return " ".join(answer.text.split())


def test_the_desk_shows_what_waits_and_filters_it(client, principal, structure):
    first = asks(structure, first_name="Anne", last_name="Amrani")[0]
    asks(structure, first_name="Paul", last_name="Riva")
    elsewhere = StructureFactory()
    StructureSpace.objects.create(structure=elsewhere, space=space())
    asks(elsewhere, first_name="Zoé", last_name="Ailleurs")
    block = text(client.get("/activites/"))
    assert "Traiter les 2 demandes d'abonnement" in block and "Anne Amrani" in block
    listed = client.get(DESK).text
    assert listed.count('name="demande"') == 2 and "Ailleurs" not in listed
    for query in ("?q=amrani", f"?q={first.reference}", f"?structure={structure.pk}&q=Anne"):
        found = client.get(DESK + query).text
        assert "Amrani" in found and "Riva" not in found
    assert "Aucune demande ne correspond" in client.get(f"{DESK}?espace=factures-a-valider").text
    file = client.get(f"{DESK}export.csv").getvalue().decode()
    assert file.count("Engagements") == 2 and "Amrani" in file and "Ailleurs" not in file


def test_as_many_queries_for_two_dossiers_as_for_twenty(client, principal, structure):
    def counted(address):
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    pages = [
        DESK,
        f"{APPROVE}?ensemble=1",
        f"/structures/{structure.pk}/espaces/",
        f"/structures/{structure.pk}/espaces/engagements/fermer/",
        f"/structures/{structure.pk}/espaces/personnes/",
        f"/structures/{structure.pk}/espaces/personnes/modifier/",
    ]
    for _ in range(2):
        asks(structure)
    few = [counted(page) for page in pages]
    for _ in range(18):
        asks(structure)
    assert [counted(page) for page in pages] == few


def test_one_dossier_is_approved_in_part_and_the_rest_refused_for_a_reason(client, principal, structure):
    intendance = ServiceFactory(structure=structure, label="Intendance")
    rows = asks(structure, None, intendance)
    asker, page = rows[0].user, f"{DESK}{rows[0].reference}/"
    assert "Intendance" in client.get(page).text
    kept = {"lines": [f"{space().pk}-0-consultation", f"{space().pk}-0-modification"], "reach": "user"}
    refused = client.post(page, kept)
    assert refused.status_code == 422 and "Dites pourquoi" in refused.text
    assert client.post(page, {**kept, "lines": []}).status_code == 422
    client.post(page, {**kept, "comment": "Pas ce service"}, follow=True)
    assert held() == {(asker, None, "consultation"), (asker, None, "modification")}
    assert asker.subscriptions.get(service=intendance).reason == "Pas ce service"
    assert OutgoingMail.objects.filter(slug="subscription_decided", user=asker).count() == 3
    assert "Ce qui a été décidé" in client.get(page).text
    assert "déjà décidée" in client.post(page, kept, follow=True).text


@pytest.mark.parametrize(("reach", "reached"), [("services", {"Bruno"}), ("structure", {"Bruno", "Carole", "Denis"})])
def test_a_decision_for_many_says_for_how_many_before_it_is_made(client, principal, structure, reach, reached):
    intendance, other = (ServiceFactory(structure=structure, label=label) for label in ("Intendance", "Cantine"))
    asker = asks(structure, intendance, first_name="Anne")[0]
    for name, services in (("Bruno", [intendance]), ("Carole", [other])):
        place = AttachmentFactory(structure=structure, user=UserFactory(first_name=name), whole_structure=False)
        place.services.set(services)
    AttachmentFactory(structure=structure, user=UserFactory(first_name="Denis"), whole_structure=True)
    if reach == "services":
        reached = reached | {"Denis"}
    page = f"{DESK}{asker.reference}/"
    terms = {"lines": [f"{space().pk}-{intendance.pk}-consultation"], "reach": reach}
    assert f"{len(reached) + 1} personnes, demandeur compris" in text(client.get(page))
    asked = client.post(page, terms)
    assert f"à {len(reached)} autres personnes" in text(asked) and not held()
    client.post(page, {**terms, "confirme": "1"})
    assert {user.first_name for user, _, _ in held()} == reached | {"Anne"}
    for user, service, _access in held() - {(asker.user, intendance, "consultation")}:
        assert service == (intendance if reach == "services" else None), user


def test_a_space_not_open_there_opens_with_the_decision_of_who_may(client, principal, structure):
    asker = AttachmentFactory(structure=structure).user
    chosen = space("factures-a-valider")
    rows = actions.ask(asker, structure.pk, chosen.pk, actor=asker, parts=[(None, "consultation")], opening=True)
    page = f"{DESK}{rows[0].reference}/"
    assert "Pas encore ouvert sur la structure" in client.get(page).text
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    terms = {"lines": [f"{chosen.pk}-0-consultation"], "reach": "user"}
    client.force_login(secondary)
    refused = client.post(page, terms)
    assert refused.status_code == 422 and "pas ouvert sur" in text(refused)
    client.force_login(principal)
    client.post(page, terms)
    assert held("factures-a-valider") == {(asker, None, "consultation")}
    assert structure.opened_spaces.current().filter(space=chosen).exists()


def test_one_dossier_is_refused(client, principal, structure):
    row = asks(structure)[0]
    page = f"{DESK}{row.reference}/refus/"
    assert client.post(page, {"reason": ""}).status_code == 422
    assert "est refusée" in client.post(page, {"reason": "Ce n'est pas votre travail"}, follow=True).text
    row.refresh_from_db()
    assert (row.status, row.reason, row.decided_by) == ("refused", "Ce n'est pas votre travail", principal)


@pytest.mark.parametrize(
    ("address", "data", "status"), [(APPROVE, {}, "approved"), (REFUSE, {"reason": "Non"}, "refused")]
)
def test_several_dossiers_are_decided_at_once_and_what_became_of_each_is_said(
    client, principal, structure, address, data, status
):
    first, second, third = (asks(structure)[0] for _ in range(3))
    ticked = client.get(address, {"demande": [first.reference, second.reference, "000000000"]})
    assert "2 demandes" in text(ticked) and "plus dans votre liste" in text(ticked)
    # A colleague is faster with one of them.
    actions.approve([second.pk], actor=principal)
    result = client.post(address, {"demandes": f"{first.reference} {second.reference}"} | data, follow=True)
    assert "1 demande" in text(result) and "1 laissée de côté" in text(result)
    assert Subscription.objects.get(pk=first.pk).status == status
    assert Subscription.objects.get(pk=third.pk).is_pending
    assert "Rien n'est coché" in text(client.get(address, follow=True))


def test_secondaries_decide_only_where_the_principal_left_it_and_never_for_themselves(client, principal, structure):
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    own = actions.ask(secondary, structure.pk, space().pk, actor=secondary, parts=[(None, "consultation")])[0]
    other = asks(structure)[0]
    client.force_login(secondary)
    assert client.get(f"{DESK}{own.reference}/").status_code == 404
    client.post(APPROVE, {"demandes": f"{own.reference} {other.reference}"})
    assert {user for user, _, _ in held()} == {other.user}


def test_opening_asks_for_each_person_and_closing_says_who_loses_what(client, principal, structure):
    people = [AttachmentFactory(structure=structure).user for _ in range(3)]
    tab, code = f"/structures/{structure.pk}/espaces/", "factures-de-travaux"
    assert "Pas ouvert" in client.get(tab).text and "Par défaut" in client.get(tab).text
    assert "4 personnes" in text(client.get(f"{tab}{code}/ouvrir/"))
    assert client.post(f"{tab}{code}/ouvrir/", {}).status_code == 422
    opened = client.post(f"{tab}{code}/ouvrir/", {"accesses": ["consultation"]}, follow=True)
    assert "4 demandes à décider" in text(opened) and opened.text.count('name="demande"') == 4
    assert "est déjà ouvert" in text(client.post(f"{tab}{code}/ouvrir/", {"accesses": ["consultation"]}, follow=True))
    numbers = Subscription.objects.pending().values_list("reference", flat=True)
    client.post(APPROVE, {"demandes": " ".join(numbers)})
    assert {user for user, _, _ in held(code)} == {principal, *people}
    asked = client.get(f"{tab}{code}/fermer/")
    assert "4 personnes perdent" in text(asked) and str(people[0]) in asked.text
    client.post(f"{tab}{code}/fermer/")
    assert not held(code)
    assert "n'est pas ouvert" in text(client.get(f"{tab}{code}/fermer/", follow=True))
    assert HistoryEntry.objects.filter(event__in=[Event.SPACE_OPENED, Event.SPACE_CLOSED]).count() == 2


def test_the_matrix_shows_who_has_what_and_filters_it(client, principal, structure):
    intendance = ServiceFactory(structure=structure, label="Intendance")
    waiting = asks(structure, intendance, first_name="Anne", last_name="Amrani")[0]
    had = asks(structure, first_name="Paul", last_name="Riva", access="modification")[0]
    actions.approve([had.pk], actor=principal)
    elsewhere = AttachmentFactory(structure=structure, user=UserFactory(last_name="Ailleurs"), whole_structure=False)
    elsewhere.services.add(ServiceFactory(structure=structure, label="Cantine"))
    page = f"/structures/{structure.pk}/espaces/personnes/"
    shown = text(client.get(page))
    assert "Intendance, en cours de validation" in shown and "<b>Modification</b>" in shown and "Ailleurs" in shown
    assert "Riva" not in client.get(f"{page}?q=amrani").text
    assert "Ailleurs" not in client.get(f"{page}?service={intendance.pk}").text
    assert "Factures de travaux" not in client.get(page).text
    file = client.get(f"{page}export.csv").getvalue().decode()
    assert "Consultation – Intendance (en cours de validation)" in file and "Modification" in file
    assert waiting.user.last_name in file


def test_the_matrix_is_edited_in_place_and_a_colleague_who_was_faster_wins(client, principal, structure):
    had = asks(structure)[0]
    actions.approve([had.pk], actor=principal)
    asked = asks(structure, access="modification")[0]
    page = f"/structures/{structure.pk}/espaces/personnes/modifier/"
    version = client.get(page).context["editing"].version
    ticked = {"version": version, "cases": [f"{asked.user_id}-{space().pk}-modification"]}
    shown = text(client.post(page, ticked))
    assert "Donnés (1)" in shown and "Retirés (1)" in shown and held() == {(had.user, None, "consultation")}
    client.post(page, ticked | {"confirme": "1"})
    assert held() == {(asked.user, None, "modification")}
    again = client.post(page, ticked | {"cases": [], "confirme": "1"}, follow=True)
    assert "ont changé entre-temps" in text(again) and len(held()) == 1
    same = {"version": client.get(page).context["editing"].version, "cases": ticked["cases"]}
    assert "Rien n'est changé" in text(client.post(page, same, follow=True))


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_a_dossier_at_once_the_second_changes_nothing():
    structure = StructureFactory()
    StructureSpace.objects.create(structure=structure, space=space())
    manager = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    row = asks(structure)[0]
    lines = [(space(), None, row.access)]
    done = at_once(*[lambda: actions.decide(row.reference, actor=manager, lines=lines)] * 2)
    assert sorted(type(answer).__name__ for answer in done) == ["AlreadyDone", "Result"]
    assert HistoryEntry.objects.filter(event=Event.SUBSCRIPTION_APPROVED).count() == 1
