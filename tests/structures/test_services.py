"""« Créer un service », « Gérer un service »: actions, form and pages."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from attachments.models import Role
from history.models import HistoryEntry
from plumbing.errors import ActionError, ChangedMeanwhile
from structures.actions import activate_service, change_service, create_service, deactivate_service
from structures.forms import ServiceForm
from structures.models import Service, Structure
from tests.at_once import at_once
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

VALUES = {
    "code": "SERVICE_CDI",
    "label": "Centre de documentation",
    "description": "",
    "valid_from": date(2026, 9, 1),
    "valid_until": None,
    "requires_commitment": False,
}


def journal():
    return [(entry.event, entry.comment) for entry in HistoryEntry.objects.all()]


@pytest.fixture
def principal(client):
    """Logged in; `principal.structure` is theirs."""
    attachment = AttachmentFactory(role=Role.PRINCIPAL)
    client.force_login(attachment.user)
    attachment.user.structure = attachment.structure
    return attachment.user


# --- Actions


def test_a_service_is_created_and_journaled():
    structure, actor = StructureFactory(), UserFactory()
    service = create_service(structure.pk, actor=actor, values=VALUES)
    service.refresh_from_db()
    assert {name: getattr(service, name) for name in VALUES} == VALUES
    assert service.is_active
    entry = HistoryEntry.objects.get()
    assert (entry.event, entry.actor, entry.structure) == ("service_created", actor, structure)
    assert entry.comment.splitlines()[0] == "Centre de documentation (SERVICE_CDI)"
    assert "Date de début d'activation : 1 septembre 2026" in entry.comment


def test_nothing_is_created_on_an_inactive_structure():
    structure = StructureFactory(state="inactive")
    with pytest.raises(ActionError, match="est inactive"):
        create_service(structure.pk, actor=UserFactory(), values=VALUES)
    assert not Service.objects.exists()


def test_a_code_serves_once_in_a_structure_and_again_in_another():
    structure, actor = StructureFactory(), UserFactory()
    create_service(structure.pk, actor=actor, values=VALUES)
    with pytest.raises(ActionError, match="désigne déjà un service") as refused:
        create_service(structure.pk, actor=actor, values=VALUES | {"label": "Autre"})
    assert refused.value.field == "code"
    create_service(StructureFactory().pk, actor=actor, values=VALUES)
    assert Service.objects.count() == len(journal()) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(3))
def test_of_two_people_giving_one_code_at_once_one_is_told(_round):
    structure, actor = StructureFactory(), UserFactory()
    answers = at_once(*[lambda: create_service(structure.pk, actor=actor, values=VALUES)] * 2)
    assert {type(answer) for answer in answers} == {ActionError, Service}
    assert Service.objects.count() == len(journal()) == 1


def test_a_change_is_journaled_in_words():
    service = ServiceFactory(code="A", label="Intendance", valid_from=date(2026, 9, 1))
    values = {"label": "Gestion", "valid_until": date(2027, 8, 31), "requires_commitment": True, "code": "A"}
    change_service(service.pk, actor=UserFactory(), values=values, version=service.version)
    service.refresh_from_db()
    assert (service.label, service.valid_until) == ("Gestion", date(2027, 8, 31))
    assert journal() == [
        (
            "service_changed",
            "Intendance (A)\nDate de fin d'activation : vide → 31 août 2027\nLibellé : Intendance → Gestion\n"
            "Le numéro d'engagement est obligatoire : Non → Oui",
        )
    ]


def test_a_change_of_nothing_is_not_journaled():
    service = ServiceFactory()
    assert (
        change_service(service.pk, actor=UserFactory(), values={"label": service.label}, version=service.version) == []
    )
    assert journal() == []


def test_a_change_to_a_code_that_is_taken_is_refused():
    service = ServiceFactory(code="A")
    ServiceFactory(structure=service.structure, code="B")
    with pytest.raises(ActionError, match="désigne déjà") as refused:
        change_service(service.pk, actor=UserFactory(), values={"code": "B"}, version=service.version)
    assert refused.value.field == "code"
    assert journal() == []


def test_what_somebody_else_wrote_is_not_overwritten():
    service, actor = ServiceFactory(label="Intendance"), UserFactory()
    seen = service.version
    change_service(service.pk, actor=actor, values={"label": "Gestion"}, version=seen)
    with pytest.raises(ChangedMeanwhile):
        change_service(service.pk, actor=actor, values={"label": "Économat"}, version=seen)
    service.refresh_from_db()
    assert service.label == "Gestion"


def test_a_service_is_switched_off_and_on_each_once():
    service, actor = ServiceFactory(label="CDI", code="A"), UserFactory()
    deactivate_service(service.pk, actor=actor)
    with pytest.raises(ActionError, match="déjà hors service"):
        deactivate_service(service.pk, actor=actor)
    assert activate_service(service.pk, actor=actor).is_active
    with pytest.raises(ActionError, match="déjà en service"):
        activate_service(service.pk, actor=actor)
    assert journal() == [("service_activated", "CDI (A)"), ("service_deactivated", "CDI (A)")]


@pytest.mark.parametrize(
    "act",
    [
        lambda service, actor: change_service(
            service.pk, actor=actor, values={"label": "Gestion"}, version=service.version
        ),
        lambda service, actor: activate_service(service.pk, actor=actor),
        lambda service, actor: deactivate_service(service.pk, actor=actor),
    ],
)
@pytest.mark.parametrize("is_active", [True, False])
def test_nothing_moves_in_an_inactive_structure(act, is_active):
    service = ServiceFactory(structure__state="inactive", is_active=is_active)
    before = Service.objects.values().get()
    with pytest.raises(ActionError, match="est inactive") as refused:
        act(service, UserFactory())
    assert refused.value.code == "structure_inactive"
    assert Service.objects.values().get() == before
    assert journal() == []


# --- Form


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"code": ""}, "code", "Donnez un code"),
        ({"code": "x" * 101}, "code", "100 caractères"),
        ({"label": "a\u202eb"}, "label", "invisible"),
        ({"code": "a\tb"}, "code", "invisible"),
        ({"valid_from": ""}, "valid_from", "Choisissez la date"),
        ({"valid_from": "2026-02-30"}, "valid_from", "une date qui existe"),
        ({"valid_until": "2026-08-31"}, "valid_until", "précède"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(typed, field, sentence):
    data = {"code": "A", "label": "Un", "valid_from": "2026-09-01"} | typed
    form = ServiceForm(StructureFactory.build(), data)
    assert sentence in form.errors[field][0]
    assert len(form.errors) == 1


def test_only_public_structures_ask_for_a_commitment_number():
    assert "requires_commitment" in ServiceForm(StructureFactory.build()).fields
    assert "requires_commitment" not in ServiceForm(StructureFactory.build(private=True)).fields


def test_dates_go_out_in_iso_and_come_back_also_in_french():
    service = ServiceFactory.build(valid_from=date(2026, 9, 1))
    assert 'value="2026-09-01"' in str(ServiceForm(service.structure, part=service)["valid_from"])
    form = ServiceForm(service.structure, {"code": "A", "label": "Un", "valid_from": "01/09/2026"})
    assert form.is_valid()
    assert form.values["valid_from"] == date(2026, 9, 1)


# --- Pages


def test_a_service_is_created_on_the_site(client, principal):
    path = f"/structures/{principal.structure.pk}/services/nouveau/"
    data = {"code": "\u00a0 A ", "label": "Intendance", "valid_from": "2026-01-01", "requires_commitment": "on"}
    page = client.post(path, data, follow=True).text
    service = Service.objects.get()
    assert (service.code, service.requires_commitment, service.structure) == ("A", True, principal.structure)
    assert "Le service Intendance est créé." in page


def test_a_taken_code_keeps_what_was_typed(client, principal):
    ServiceFactory(structure=principal.structure, code="PRIS")
    path = f"/structures/{principal.structure.pk}/services/nouveau/"
    answer = client.post(path, {"code": "PRIS", "label": "Tapé", "valid_from": "2026-01-01"})
    assert answer.status_code == 422
    assert 'value="Tapé"' in answer.text
    assert answer.context["form"].errors == {"code": ["Ce code désigne déjà un service de la structure."]}


def test_an_edit_over_somebody_else_s_shows_both_then_goes_through(client, principal):
    service = ServiceFactory(structure=principal.structure, label="Intendance", description="Avant")
    path = f"/services/{service.pk}/modifier/"
    data = {"code": service.code, "label": "Économat", "description": "Avant", "valid_from": service.valid_from}
    seen = client.get(path).context["form"]["version"].value()
    change_service(service.pk, actor=UserFactory(), values={"label": "Gestion"}, version=seen)

    answer = client.post(path, data | {"version": seen})
    assert answer.status_code == 422
    assert "Quelqu'un d'autre" in answer.text
    assert "Valeur actuelle : Gestion." in answer.text
    assert 'value="Économat"' in answer.text
    again = answer.context["form"]["version"].value()
    assert client.post(path, data | {"version": again}).status_code == 302
    service.refresh_from_db()
    assert service.label == "Économat"


@pytest.mark.parametrize("version", [None, "", "x" * 5000])
def test_a_page_without_its_version_overwrites_nothing(client, principal, version):
    service = ServiceFactory(structure=principal.structure, label="Intendance")
    data = {"code": "A", "label": "Économat", "valid_from": "2026-01-01"} | ({"version": version} if version else {})
    assert client.post(f"/services/{service.pk}/modifier/", data).status_code == 422
    service.refresh_from_db()
    assert service.label == "Intendance"


def test_managers_see_every_service_and_others_the_open_ones(client, principal):
    today = timezone.localdate()
    kept = ServiceFactory(structure=principal.structure, label="Ouvert")
    ServiceFactory(structure=principal.structure, label="Éteint", is_active=False)
    ServiceFactory(
        structure=principal.structure, label="Passé", valid_from=today - timedelta(2), valid_until=today - timedelta(1)
    )
    ServiceFactory(structure=principal.structure, label="Futur", valid_from=today + timedelta(1))
    path = f"/structures/{principal.structure.pk}/services/"
    page = client.get(path)
    assert [service.label for service in page.context["page"]] == ["Éteint", "Futur", "Ouvert", "Passé"]
    assert "Créer un service" in page.text
    client.force_login(UserFactory())
    page = client.get(path)
    assert list(page.context["page"]) == [kept]
    assert "Créer un service" not in page.text


def test_a_service_out_of_service_is_only_its_manager_s_to_see(client, principal):
    service = ServiceFactory(structure=principal.structure, is_active=False)
    assert client.get(f"/services/{service.pk}/").status_code == 200
    client.force_login(UserFactory())
    assert client.get(f"/services/{service.pk}/").status_code == 404


def test_a_private_structure_s_services_are_its_people_s(client, principal):
    service = ServiceFactory(structure=StructureFactory(private=True))
    for path in (
        f"/services/{service.pk}/",
        f"/structures/{service.structure_id}/services/",
        f"/services/{service.pk}/modifier/",
    ):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("words", ["equipement", "ÉQUIP num", "svc_7"])
def test_a_long_list_is_searched_without_minding_accents(client, principal, words):
    wanted = ServiceFactory(structure=principal.structure, label="Équipement numérique", code="SVC_7")
    ServiceFactory.create_batch(10, structure=principal.structure)
    path = f"/structures/{principal.structure.pk}/services/"
    assert "Rechercher un service" in client.get(path).text
    assert list(client.get(path, {"q": words}).context["page"]) == [wanted]


def test_a_short_list_has_no_search_and_an_empty_one_says_so(client, principal):
    page = client.get(f"/structures/{principal.structure.pk}/services/").text
    assert "Aucun service" in page
    assert "Rechercher un service" not in page


def test_deactivating_says_for_whom_and_does_it(client, principal):
    service, other = ServiceFactory.create_batch(2, structure=principal.structure)
    for services in ([service], [service, other]):
        AttachmentFactory(structure=principal.structure, whole_structure=False).services.set(services)
        AttachmentRequestFactory(structure=principal.structure, whole_structure=False).services.set(services)
    AttachmentRequestFactory(structure=principal.structure, whole_structure=False, status="withdrawn").services.add(
        service
    )
    page = client.get(f"/services/{service.pk}/desactiver/").text
    assert "1 personne est rattachée à ce seul service" in page
    assert "2 demandes de rattachement en cours nomment ce service" in page
    assert "Dont 1 qui ne nomme que lui" in page
    assert "est désactivé" in client.post(f"/services/{service.pk}/desactiver/", follow=True).text
    service.refresh_from_db()
    assert not service.is_active


def test_deactivating_what_nobody_uses_says_so_too(client, principal):
    service = ServiceFactory(structure=principal.structure)
    assert "Personne n'est rattaché à ce seul service" in client.get(f"/services/{service.pk}/desactiver/").text
    Service.objects.update(is_active=False)
    assert client.get(f"/services/{service.pk}/desactiver/").url == f"/services/{service.pk}/"
    assert "déjà hors service" in client.post(f"/services/{service.pk}/desactiver/", follow=True).text


@pytest.mark.parametrize(("days", "said"), [(-5, "est activé. Mais sa date de fin est passée"), (5, "est activé.")])
def test_activating_says_what_the_dates_still_decide(client, principal, days, said):
    today = timezone.localdate()
    service = ServiceFactory(
        structure=principal.structure, is_active=False, valid_from=date(2020, 1, 1), valid_until=today + timedelta(days)
    )
    page = client.post(f"/services/{service.pk}/activer/", follow=True).text
    assert said in page
    assert ("Mais sa date" in page) == (days < 0)


def test_one_structure_is_opened_at_once_and_several_are_offered(client, principal):
    mine = principal.structure
    assert client.get("/services/").url == f"/structures/{mine.pk}/services/"
    assert client.get("/services/nouveau/").url == f"/structures/{mine.pk}/services/nouveau/"
    other = AttachmentFactory(user=principal, role=Role.PRINCIPAL, structure__state="inactive").structure
    AttachmentFactory(user=principal, role=Role.SECONDARY)
    assert set(client.get("/services/").context["page"]) == {mine, other}
    assert client.get("/services/nouveau/").url == f"/structures/{mine.pk}/services/nouveau/"


def test_structures_are_offered_with_siret_and_found_by_it(client, principal):
    other = AttachmentFactory(user=principal, role=Role.PRINCIPAL, structure__legal_name="École Ferry").structure
    page = client.get("/services/nouveau/").text
    assert other.spaced_identifier in page
    for words in ("ecole fer", other.identifier[:9], other.spaced_identifier):
        assert list(client.get("/services/nouveau/", {"q": words}).context["page"]) == [other]
    assert "Aucune structure ne correspond" in client.get("/services/nouveau/", {"q": "%"}).text


def test_support_searches_the_structure_first(client):
    """It manages all of them: no page lists, nor counts, a whole portal."""
    structure = StructureFactory(legal_name="École Ferry")
    client.force_login(UserFactory(staff=True))
    page = client.get("/services/")
    assert list(page.context["page"]) == []
    assert 'name="q"' in page.text
    assert list(client.get("/services/", {"q": "ferry"}).context["page"]) == [structure]
    assert list(client.get("/services/", {"q": "-"}).context["page"]) == []


def test_whoever_manages_nothing_is_told_who_can(client):
    client.force_login(AttachmentFactory().user)
    assert "Seul le gestionnaire principal" in client.get("/services/nouveau/").text


def test_the_page_of_an_inactive_structure_offers_no_form(client, principal):
    structure = principal.structure
    structure.state = "inactive"
    structure.save()
    path = f"/structures/{structure.pk}/services/nouveau/"
    assert "Cette structure est inactive" in client.get(path).text
    assert client.post(path, {"code": "A", "label": "Un", "valid_from": "2026-01-01"}).status_code == 422
    assert not Service.objects.exists()


def test_a_service_of_an_inactive_structure_is_read_and_not_moved(client, principal):
    on = ServiceFactory(structure=principal.structure, label="Intendance")
    off = ServiceFactory(structure=principal.structure, is_active=False)
    Structure.objects.update(state="inactive")
    for service in (on, off):
        page = client.get(f"/services/{service.pk}/").text
        assert "Cette structure est inactive" in page
        assert not [verb for verb in ("modifier", "desactiver", "activer") if f"/services/{service.pk}/{verb}/" in page]
    page = client.get(f"/services/{on.pk}/modifier/").text
    assert "Cette structure est inactive" in page
    assert "Enregistrer" not in page
    data = {"code": "A", "label": "Un", "valid_from": "2026-01-01", "version": on.version}
    assert client.post(f"/services/{on.pk}/modifier/", data).status_code == 422
    assert client.get(f"/services/{on.pk}/desactiver/").url == f"/services/{on.pk}/"
    for service, verb in ((on, "desactiver"), (off, "activer")):
        assert "Cette structure est inactive" in client.post(f"/services/{service.pk}/{verb}/", follow=True).text
    assert set(Service.objects.values_list("label", "is_active")) == {(on.label, True), (off.label, False)}


def test_numbers_no_database_holds_are_404(client, principal):
    assert client.get(f"/services/{9**30}/").status_code == 404
    assert client.get(f"/structures/{9**30}/services/").status_code == 404
