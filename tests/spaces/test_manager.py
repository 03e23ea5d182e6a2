"""The manager's side: their desk, one dossier or several, opening and closing a space on a structure."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

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


def test_the_day_asked_for_is_shown_until_it_comes(client, principal, structure):
    row = asks(structure, None)[0]
    page = f"{DESK}{row.reference}/"
    assert "À partir du" not in client.get(page).text
    later = timezone.localdate() + timedelta(days=9)
    type(row).objects.filter(pk=row.pk).update(starts_on=later)
    day = date_format(later, "j F Y")
    assert day in text(client.get(page))
    client.post(page, {"lines": [f"{space().pk}-0-consultation"], "reach": "user"})
    assert f"à partir du {day}" in text(client.get(page))


def test_one_dossier_is_approved_in_part_and_the_rest_refused_for_a_reason(client, principal, structure):
    intendance = ServiceFactory(structure=structure, label="Intendance")
    rows = asks(structure, None, intendance)
    asker, page = rows[0].user, f"{DESK}{rows[0].reference}/"
    shown = client.get(page).text
    # However many services there are, what decides stays in sight.
    assert "Intendance" in shown and re.search('class="sticky-bar">.*btn-primary">Valider<', shown, re.DOTALL)
    kept = {"lines": [f"{space().pk}-0-consultation", f"{space().pk}-0-modification"], "reach": "user"}
    refused = client.post(page, kept)
    assert refused.status_code == 422 and "Dites pourquoi" in refused.text
    assert client.post(page, {**kept, "lines": []}).status_code == 422
    told = text(client.post(page, {**kept, "comment": "Bienvenue", "reason": "Pas ce service"}, follow=True))
    assert "Donné à" in told and "Refusé à" in told and "Intendance (consultation)" in told
    assert held() == {(asker, None, "consultation"), (asker, None, "modification")}
    assert asker.subscriptions.get(service=intendance).reason == "Pas ce service"
    mail = OutgoingMail.objects.get(slug="subscription_decided", user=asker)
    assert all(said in mail.parts()[0] for said in ("Bienvenue", "Ce qui est refusé", "Pas ce service"))
    decided = client.get(page).text
    # One dossier, what was added included.
    assert "Ce qui a été décidé" in decided and decided.count("Validé") == 2 and decided.count("Refusé") == 1
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
    # What the others get is said, and who comes meanwhile is shown before they get anything.
    others = "Intendance" if reach == "services" else "Service par défaut"
    assert [line.partition(" – ")[2] for line in asked.context["given_to_others"]] == [f"{others} (consultation)"]
    AttachmentFactory(structure=structure, user=UserFactory(first_name="Émile"))
    asked = client.post(page, {**terms, "confirme": asked.context["seal"]})
    assert f"à {len(reached) + 1} autres personnes" in text(asked) and not held()
    assert "checked" in client.post(page, {**terms, "comment": "Gardé", "revenir": "1"}).text
    reached = reached | {"Émile"}
    client.post(page, {**terms, "confirme": asked.context["seal"]})
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
    row = asks(structure)[0]
    client.post(f"{DESK}{row.reference}/refus/", {"motive": "part", "reason": "Voyez Paul"})
    row.refresh_from_db()
    assert row.reason.startswith("Ce n'est pas le bon service") and row.reason.endswith("\nVoyez Paul")


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
    # However many they are, what closes comes before them.
    assert asked.text.index("Fermer l'espace</button>") < asked.text.index(str(people[0]))
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
    assert "Consultation, en cours de validation" in shown and ">Modification<" in shown and "Ailleurs" in shown
    for having, seen in (("ont", "Riva"), ("attendent", "Amrani"), ("rien", "Ailleurs")):
        found = client.get(f"{page}?acces={having}").text
        assert {name for name in ("Riva", "Amrani", "Ailleurs") if name in found} == {seen}
    assert "Riva" not in client.get(f"{page}?q=amrani").text
    assert "Ailleurs" not in client.get(f"{page}?service={intendance.pk}").text
    assert "Factures de travaux" not in client.get(page).text
    file = client.get(f"{page}export.csv").getvalue().decode()
    assert "Consultation – Intendance (en cours de validation)" in file and "Modification" in file
    assert waiting.user.last_name in file


def hidden(page):
    """What the page would send besides its ticks."""
    return dict(
        re.findall(r'<input type="hidden" name="(depuis|avant|donner|retirer|version)" value="([^"]*)"', page.text)
    )


def test_the_matrix_is_edited_in_place_and_undoes_nothing_of_a_faster_colleague(client, principal, structure):
    had = asks(structure)[0]
    actions.approve([had.pk], actor=principal)
    asked = asks(structure, access="modification")[0]
    page = f"/structures/{structure.pk}/espaces/personnes/modifier/"
    ticked = hidden(client.get(page)) | {"cases": [f"{asked.user_id}-{space().pk}-modification"]}
    shown = client.post(page, ticked)
    assert "Donnés (1)" in text(shown) and "Retirés (1)" in text(shown) and held() == {(had.user, None, "consultation")}
    # The colleague gives the one and takes nothing back: what is left to change is shown anew, then done.
    actions.approve([asked.pk], actor=principal)
    again = client.post(page, hidden(shown) | {"confirme": "1"})
    assert "ont changé entre-temps" in text(again) and "Donnés" not in text(again) and len(held()) == 2
    client.post(page, hidden(again) | {"confirme": "1", "reason": "Fin de mission"})
    assert held() == {(asked.user, None, "modification")}
    assert "Fin de mission" in OutgoingMail.objects.get(slug="subscription_ended").parts()[0]
    same = hidden(client.get(page)) | {"cases": [f"{asked.user_id}-{space().pk}-modification"]}
    assert "Rien n'est changé" in text(client.post(page, same, follow=True))


def test_ticks_are_kept_from_page_to_page(client, principal, structure, monkeypatch):
    monkeypatch.setattr("spaces.views.matrix.EDITED_PER_PAGE", 1)
    monkeypatch.setattr("spaces.views.matrix.PER_PAGE", 1)
    people = [AttachmentFactory(structure=structure, user=UserFactory(last_name=name)).user for name in ("Aa", "Ab")]
    values = [f"{person.pk}-{space().pk}-consultation" for person in people]
    page = f"/structures/{structure.pk}/espaces/personnes/modifier/"
    first = client.post(page, hidden(client.get(page)) | {"cases": values[:1], "vers": "2"})
    assert "1 changement gardé" in text(first) and "Ab" in first.text and "Aa" not in first.text
    back = client.post(page, hidden(first) | {"cases": values[1:], "vers": "1"})
    assert "1 changement gardé d'autres pages, 2 en tout" in text(back)
    assert f'value="{values[0]}" autocomplete="off" checked' in text(back)
    shown = client.post(page, hidden(back) | {"cases": values[:1]})
    assert "Donnés (2)" in text(shown) and f"{people[1]}" in shown.text
    # Then the table, where the page of boxes was that this came from.
    assert 'name="venu" value="1"' in shown.text
    done = client.post(page, hidden(shown) | {"confirme": "1", "venu": "2"})
    assert done.url.endswith("/personnes/?page=2") and {user for user, _, _ in held()} == set(people)


def test_a_secondary_changes_neither_their_own_line_nor_the_principals(client, principal, structure):
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    client.force_login(secondary)
    page = f"/structures/{structure.pk}/espaces/personnes/modifier/"
    assert 'name="cases"' not in client.get(page).text
    values = " ".join(f"{person.pk}-{space().pk}-consultation" for person in (secondary, principal))
    client.post(page, {"donner": values, "confirme": "1"})
    assert not held()
    given = actions.ask(principal, structure.pk, space().pk, actor=principal, parts=[(None, "consultation")])
    ((_, refusal),) = actions.end([row.pk for row in given], actor=secondary).skipped
    assert refusal.code == "above_actor"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_a_dossier_at_once_the_second_changes_nothing():
    structure = StructureFactory()
    StructureSpace.objects.create(structure=structure, space=space())
    manager = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    row = asks(structure)[0]
    lines = [(space(), None, row.access)]
    done = at_once(*[lambda: actions.decide(row.reference, actor=manager, lines=lines)] * 2)
    assert sorted(type(answer).__name__ for answer in done) == ["AlreadyDone", "Batch"]
    assert HistoryEntry.objects.filter(event=Event.SUBSCRIPTION_APPROVED).count() == 1


def test_the_manager_reads_the_same_counts_on_every_page(client, principal, structure):
    for _ in range(2):
        asks(structure)
    page = text(client.get("/activites/"))
    assert f'href="{DESK}?structure={structure.pk}"><b class="no-break">2 demandes d\'abonnement' in page
    page = text(client.get("/organisation/"))
    assert page.count('<span class="sub">Aucune en attente') == 1 and page.count('<span class="sub">2 en attente') == 1


def test_a_reach_says_that_the_decider_is_not_in_it_and_whose_request_it_decides(client, principal, structure):
    asker = asks(structure, first_name="Anne")[0]
    page = f"{DESK}{asker.reference}/"
    shown = text(client.get(page))
    assert "Personne d'autre à qui les donner, vous non compris" in shown and "ont déjà" not in shown
    other = asks(structure, first_name="Youssef", last_name="Alaoui")[0]
    AttachmentFactory(structure=structure)
    assert "3 personnes, demandeur compris, vous non compris" in text(client.get(page))
    terms = {"lines": [f"{space().pk}-0-consultation"], "reach": "structure"}
    asked = client.post(page, terms)
    assert "La demande en attente d'une autre personne est validée" in text(asked)
    assert text(asked).count("Sa demande en attente est validée") == 1
    # Who asks meanwhile is shown too.
    third = structure.attachments.exclude(user__in=[principal, asker.user, other.user]).get().user
    actions.ask(third, structure.pk, space().pk, actor=third, parts=[(None, "consultation")])
    again = client.post(page, {**terms, "confirme": asked.context["seal"]})
    assert "Les demandes en attente de 2 autres personnes sont validées" in text(again) and not held()
    client.post(page, {**terms, "confirme": again.context["seal"]})
    assert {user for user, _, _ in held()} == {asker.user, other.user, third}


def test_who_decided_is_said_to_who_comes_too_late(client, principal, structure):
    row = asks(structure)[0]
    actions.approve([row.pk], actor=principal)
    page = f"{DESK}{row.reference}/"
    assert f"par {principal}" in text(client.get(page))
    assert f"déjà décidée par {principal}" in text(client.post(page, {}, follow=True))


def test_without_a_space_to_decide_there_is_nothing_to_change(client):
    place = AttachmentFactory(role=Role.PRINCIPAL)
    client.force_login(place.user)
    table = f"/structures/{place.structure_id}/espaces/personnes/"
    assert "modifier/" not in client.get(table).text
    page = text(client.get(f"{table}modifier/"))
    assert "Aucun espace sur abonnement n'est ouvert ici" in page and ">Valider<" not in page
    tab = f"/structures/{place.structure_id}/espaces/"
    assert client.get(f"{tab}mon-compte/ouvrir/").url == tab
