"""Ticking requests, what will happen to whom, and what became of it; « Activités du gestionnaire »; who sees what."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from attachments.models import AttachmentRequest, Right, Role, SecondaryRights
from attachments.views import several
from history.actions import record
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from structures.models import Referent
from tests.conftest import as_typed
from tests.factories import AttachmentFactory, AttachmentRequestFactory, ServiceFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db
APPROVE, REFUSE, RESULT = "/demandes/validation/", "/demandes/refus/", "/demandes/resultat/"


@pytest.fixture
def managed(client):
    structure = StructureFactory()
    client.force_login(AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user)
    return structure


def ask(structure, count=1, **options):
    return [AttachmentRequestFactory(structure=structure, **options) for _ in range(count)]


def ticks(requests):
    return {"demande": [request.reference for request in requests]}


def numbers(requests):
    return {"demandes": " ".join(request.reference for request in requests)}


def statuses():
    return list(AttachmentRequest.objects.order_by("pk").values_list("status", flat=True))


def posted_numbers(page):
    return re.search(r'name="demandes" value="([\d ]*)"', page).group(1).split()


def test_ticked_ones_are_shown_then_approved_then_told(client, managed):
    first, second, third = ask(managed, 3)
    page = client.get(APPROVE, ticks([first, third])).text
    assert "Valider 2 demandes ?" in page
    assert str(first.user) in page
    assert str(second.user) not in page
    assert "2 reçoivent aussi le lien" in re.sub(r"\s+", " ", page)
    assert statuses() == ["pending"] * 3
    answer = client.post(APPROVE, numbers([first, third]), follow=True)
    assert answer.redirect_chain == [(RESULT, 302)]
    assert "2 demandes validées" in answer.text
    assert str(first.user) in answer.text
    assert statuses() == ["approved", "pending", "approved"]


def test_ticked_ones_are_refused_for_one_reason(client, managed):
    requests = ask(managed, 2)
    page = client.get(REFUSE, ticks(requests)).text
    assert "Refuser 2 demandes ?" in page
    refused = client.post(REFUSE, numbers(requests))
    assert refused.status_code == 422
    assert posted_numbers(refused.text) == [request.reference for request in requests]
    assert statuses() == ["pending"] * 2
    data = numbers(requests) | {"motive": "unknown", "reason": "Écrivez au secrétariat."}
    assert "2 demandes refusées" in client.post(REFUSE, data, follow=True).text
    reasons = set(AttachmentRequest.objects.values_list("reason", flat=True))
    assert len(reasons) == 1
    assert reasons.pop().endswith("Écrivez au secrétariat.")


def test_what_cannot_be_decided_is_said_before_and_after(client, managed):
    wanted, (decided,) = ask(managed)[0], ask(managed, status="withdrawn", decided_at=timezone.now())
    (foreign,) = ask(StructureFactory())
    chosen = [wanted, decided, foreign]
    page = client.get(APPROVE, ticks(chosen)).text
    assert "Valider la demande d'" in page
    assert "a déjà été retirée" in page
    assert "1 demande n'est plus dans votre liste" in page
    assert str(foreign.user) not in page
    assert posted_numbers(page) == [wanted.reference]
    page = client.post(APPROVE, numbers(chosen), follow=True).text
    assert "1 demande validée" in page
    assert "2 laissées de côté" in page
    assert "a déjà été retirée" in page
    foreign.refresh_from_db()
    assert foreign.is_pending


def test_when_nothing_can_be_decided_there_is_no_button(client, managed):
    decided = ask(managed, status="withdrawn", decided_at=timezone.now())
    for path in (APPROVE, REFUSE):
        page = client.get(path, ticks(decided)).text
        assert 'name="demandes"' not in page
        assert "Revenir à la liste" in page
    assert "Aucune demande n'a été décidée" in client.post(APPROVE, numbers(decided), follow=True).text


@pytest.mark.parametrize("path", [APPROVE, REFUSE])
@pytest.mark.parametrize("data", [{}, {"demande": ["", "abc", "1", "9" * 30]}, {"demandes": "1 é 12"}])
def test_what_is_not_a_request_is_nothing_ticked(client, managed, path, data):
    for answer in (client.get(path, data), client.post(path, data)):
        assert (answer.status_code, answer.url) == (302, "/demandes/")


@pytest.mark.parametrize("role", ["alone", "simple", "stranger", "requester"])
@pytest.mark.parametrize("path", [APPROVE, REFUSE])
def test_nobody_decides_together_what_is_not_theirs(client, path, role):
    structure = StructureFactory()
    wanted = ask(structure, user=UserFactory())
    user = wanted[0].user if role == "requester" else UserFactory()
    places = {"simple": (structure, Role.SIMPLE), "requester": (structure, Role.SECONDARY)}
    if role != "alone":
        place, held = places.get(role, (StructureFactory(), Role.PRINCIPAL))
        AttachmentFactory(user=user, structure=place, role=held)
    client.force_login(user)
    assert client.get(path, ticks(wanted)).status_code == 302
    assert client.post(path, numbers(wanted) | {"motive": "unknown"}).url == "/demandes/"
    assert statuses() == ["pending"]


@pytest.mark.parametrize("role", [Role.SECONDARY, "staff"])
def test_secondary_managers_and_support_decide_together(client, role):
    structure = StructureFactory()
    user = UserFactory(is_staff=role == "staff")
    if role != "staff":
        AttachmentFactory(user=user, structure=structure, role=role)
    client.force_login(user)
    requests = ask(structure, 2)
    client.post(APPROVE, numbers(requests))
    assert statuses() == ["approved"] * 2


def test_all_of_the_list_that_match(client, managed, monkeypatch):
    monkeypatch.setattr(several.Chosen, "at_once", 60)
    ask(managed, 55, user__last_name="Martin")
    (other,) = ask(managed, user__last_name="Durand")
    page = client.get("/demandes/", {"q": "martin"}).text
    assert "Toutes les 55 demandes qui correspondent" in re.sub(r"\s+", " ", page)
    page = client.get(APPROVE, {"ensemble": "1", "q": "martin", "tri": "nom"}).text
    assert "Valider 55 demandes ?" in page
    assert "Voir les autres (35)" in page
    assert len(posted_numbers(page)) == 55
    client.post(f"{APPROVE}?ensemble=1&q=martin", {"demandes": " ".join(posted_numbers(page))})
    assert AttachmentRequest.objects.pending().get() == other
    monkeypatch.setattr(several.Chosen, "at_once", 10)
    ask(managed, 20)
    page = client.get(REFUSE, {"ensemble": "1"}).text
    assert len(posted_numbers(page)) == 10
    assert "Les 11 autres y restent" in page


def test_the_list_is_ticked_without_javascript_and_comes_back_filtered(client, managed):
    requests = ask(managed, 2, user__last_name="Martin")
    page = client.get("/demandes/?q=martin&coche=1").text
    assert page.count(" checked>") == 2
    assert 'name="retour" value="/demandes/?q=martin"' in page
    assert " checked>" not in client.get("/demandes/?q=martin&coche=2").text
    opened = ticks(requests[:1]) | {"retour": "/demandes/?q=martin"}
    assert 'href="/demandes/?q=martin">Annuler' in client.get(APPROVE, opened).text
    address = f"{APPROVE}?retour=/demandes/%3Fq%3Dmartin"
    assert 'href="/demandes/?q=martin"' in client.post(address, numbers(requests[:1]), follow=True).text


@pytest.mark.parametrize(
    ("order", "expected"),
    [("", "CAB"), ("recentes", "BAC"), ("nom", "ABC"), ("structure", "CAB"), ("n'importe quoi", "CAB")],
)
def test_the_list_is_sorted(client, managed, order, expected):
    now = timezone.now()
    for days, name in ((2, "B"), (3, "A"), (5, "C")):
        user = UserFactory(pending=True, last_name=name * 3, first_name="Anne")
        AttachmentRequestFactory(structure=managed, user=user, created_at=now - timedelta(days=days))
    page = client.get("/demandes/", {"tri": order}).text
    assert "".join(re.findall(r"Cocher la demande d'Anne (\w)", page)) == expected
    first = AttachmentRequest.objects.get(user__last_name=expected[0] * 3)
    following = AttachmentRequest.objects.get(user__last_name=expected[1] * 3)
    page = client.get(f"/demandes/{first.reference}/", {"retour": f"/demandes/?tri={order}"}).text
    assert f"/demandes/{following.reference}/" in page


def test_a_result_is_one_s_own_and_hides_what_is_no_longer_theirs(client, managed):
    requests = ask(managed, 2)
    client.post(APPROVE, numbers(requests))
    managed.attachments.filter(role=Role.PRINCIPAL).update(ended_at=timezone.now())
    page = client.get(RESULT).text
    assert "2 demandes validées" in page
    assert str(requests[0].user) not in page


# What the decision page says of the address.


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("nouveau@mairie-x.example", "2 personnes de cette structure ont une adresse @mairie-x.example"),
        ("nouveau@autre.example", "Personne de cette structure n'a d'adresse @autre.example"),
        ("nouveau@sous.mairie-x.example", "Personne de cette structure n'a d'adresse @sous.mairie-x.example"),
        ("nouveau@gmail.com", ""),
    ],
)
def test_whether_colleagues_have_such_an_address(client, managed, email, said):
    for name in ("un", "deux"):
        AttachmentFactory(structure=managed, user__email=f"{name}@mairie-x.example")
    # Nobody has read a mail there; somebody elsewhere.
    AttachmentFactory(structure=managed, user=UserFactory(activating=True, email="trois@mairie-x.example"))
    AttachmentFactory(user__email="quatre@mairie-x.example")
    (wanted,) = ask(managed, user=UserFactory(pending=True, email=email))
    page = re.sub(r"\s+", " ", client.get(f"/demandes/{wanted.reference}/").text)
    assert said in page
    assert said or "adresse @" not in page


# « Activités du gestionnaire ».


def test_activities_show_each_block_with_its_count(client, managed):
    ServiceFactory(structure=managed)
    requests = ask(managed, 7)
    client.post(APPROVE, numbers(requests[:1]))
    page = re.sub(r"\s+", " ", client.get("/activites/").text)
    assert 'Les demandes de rattachement à une structure <span class="count count-hot">6</span>' in page
    assert "Traiter les 6 demandes" in page
    assert page.count("Examiner<span") == 5
    assert "Les demandes d'abonnement aux espaces" in page
    assert 'Mes structures <span class="count">1</span>' in page
    assert "Demande de rattachement validée" in page
    assert 'aria-current="page">Activités du gestionnaire' in page


def test_activities_count_the_history_of_the_last_days(client, managed, time_machine):
    person = {"subject": managed.attachments.get().user, "structure": managed}
    now = timezone.now()
    for days in (9, 6, 0):
        time_machine.move_to(now - timedelta(days=days))
        record("request_sent", **person)
    page = client.get("/activites/")
    assert page.context["entry_count"] == 2
    since = re.search(r"/historique/\?since=[0-9-]+", page.text).group()
    assert len(client.get(since).context["rows"]) == 2


@pytest.mark.parametrize("role", [Role.PRINCIPAL, Role.SECONDARY, Role.SIMPLE, "staff"])
def test_activities_say_when_there_is_nothing(client, role):
    user = UserFactory(is_staff=role == "staff")
    structure = StructureFactory()
    if role != "staff":
        AttachmentFactory(user=user, structure=structure, role=role)
    HistoryEntry.objects.create(event="structure_changed", structure=StructureFactory(legal_name="Autre"))
    client.force_login(user)
    page = as_typed(client.get("/activites/").text)
    assert ("Vous ne gérez aucune structure" in page) is (role == Role.SIMPLE)
    assert ("Aucune demande n'attend votre décision" in page) is (role != Role.SIMPLE)
    assert ("Rien encore" in page) is (role == Role.PRINCIPAL)
    assert ("visible de son gestionnaire principal" in page) is (role == Role.SECONDARY)
    assert ("Structure modifiée" in page) is (role == "staff")


def test_activities_with_a_thousand_rows_cost_what_they_cost_with_one(client, managed, django_assert_max_num_queries):
    user = managed.attachments.get().user

    def cost():
        with django_assert_max_num_queries(30) as queries:
            assert client.get("/activites/").status_code == 200
        return len(queries)

    ask(managed)
    HistoryEntry.objects.create(event="request_sent", structure=managed, subject=user, actor=user)
    # The session's first page writes it.
    cost()
    before = cost()
    people = [UserFactory.build(pending=True) for _ in range(1_000)]
    people = type(user).objects.bulk_create(people)
    AttachmentRequest.objects.bulk_create(
        AttachmentRequestFactory.build(structure=managed, user=person) for person in people
    )
    for _ in range(20):
        AttachmentFactory(user=user, role=Role.SECONDARY)
    HistoryEntry.objects.bulk_create(
        HistoryEntry(event="request_sent", structure=managed, subject=person, actor=person) for person in people
    )
    assert cost() == before
    assert "1\N{NARROW NO-BREAK SPACE}001" in client.get("/activites/").text


@pytest.mark.parametrize("path", [APPROVE, REFUSE])
def test_what_will_happen_costs_the_same_for_many(client, managed, path, django_assert_max_num_queries):
    service = ServiceFactory(structure=managed)

    def cost(count):
        requests = ask(managed, count, whole_structure=False)
        for request in requests:
            request.services.add(service)
        with django_assert_max_num_queries(30) as queries:
            assert client.get(path, ticks(requests)).status_code == 200
        return len(queries)

    cost(1)
    assert cost(2) == cost(50)


def test_no_mail_leaves_for_what_is_only_looked_at(client, managed):
    requests = ask(managed, 2)
    for path in (APPROVE, REFUSE):
        client.get(path, ticks(requests))
    assert not OutgoingMail.objects.exists()


def left(structure, *rights):
    """A secondary manager of `structure` with these rights and no other."""
    place = AttachmentFactory(structure=structure, role=Role.SECONDARY)
    SecondaryRights.objects.create(structure=structure, **{str(right): right in rights for right in Right})
    return place.user


def test_activities_follow_the_rights_left_to_each(client):
    structure = StructureFactory()
    (wanted,) = ask(structure)
    client.force_login(left(structure, Right.VIEW_HISTORY))
    HistoryEntry.objects.create(event="structure_changed", structure=structure)
    page = as_typed(re.sub(r"\s+", " ", client.get("/activites/").text))
    assert "ne vous a pas laissé le droit d'en décider" in page
    assert str(wanted.user) not in page
    assert "Structure modifiée" in page
    assert "Activités du gestionnaire" in client.get("/").text
    assert client.post(APPROVE, numbers([wanted])).url == "/demandes/"
    SecondaryRights.objects.update(view_history=False)
    assert "Aucun droit ne vous est laissé" in client.get("/activites/").text
    assert 'href="/activites/"' not in client.get("/").text


@pytest.mark.parametrize("address", ["/", "/organisation/", "/activites/"])
def test_no_account_is_offered_where_the_pigp_keeps_them_all(client, address):
    referent = Referent.objects.create(administration="Rennes", name="Yann", email="yann@exemple.example")
    place = AttachmentFactory(role=Role.PRINCIPAL, structure__uses_pigp=True, structure__referent=referent)
    client.force_login(place.user)
    offer = 'href="/personnes/nouveau/"'
    page = client.get(address).text
    assert offer not in page
    assert "mailto:yann@exemple.example" in page
    AttachmentFactory(user=place.user, role=Role.PRINCIPAL)
    page = client.get(address).text
    assert offer in page
    assert "mailto:yann@exemple.example" not in page


def test_activities_say_how_old_the_history_is(client, time_machine):
    place = AttachmentFactory(role=Role.PRINCIPAL)
    HistoryEntry.objects.create(event="structure_changed", structure=place.structure)
    time_machine.move_to(timezone.now() + timedelta(days=9))
    client.force_login(place.user)
    page = as_typed(re.sub(r"\s+", " ", client.get("/activites/").text))
    assert "Aucune action des" in page and "Structure modifiée" in page
    assert 'Historique <span class="count">' not in page


def test_validating_then_attaching_somebody_else(client, managed):
    first, second = ask(managed, 2)
    assert "Valider et rattacher un autre utilisateur" in client.get(f"/demandes/{first.reference}/").text
    decision = {"role": "simple", "scope": "whole"}
    answer = client.post(f"/demandes/{first.reference}/", decision | {"rattacher": "1"}, follow=True)
    assert answer.redirect_chain == [(f"/structures/{managed.pk}/personnes/rattacher/", 302)]
    assert "Rattachement validé" in answer.text
    client.force_login(left(managed, Right.DECIDE_REQUESTS))
    assert "rattacher un autre" not in client.get(f"/demandes/{second.reference}/").text
    answer = client.post(f"/demandes/{second.reference}/", decision | {"rattacher": "1"})
    assert answer.url == "/demandes/"
