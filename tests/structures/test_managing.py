"""What a principal manager does to a structure: actions, then the pages that call them."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError

from attachments.models import Attachment, AttachmentRequest, Role
from history.models import Event, HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from structures import actions
from structures.lookup import DirectoryDifference
from structures.models import BankAccount, Service, Structure
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    DirectoryEntryFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

OLD, NEW, ELSEWHERE = "21350051500035", "21350051500043", "20003035100015"
DESCRIBED = {
    "legal_name": "Menuiserie Kerjean",
    "label": "",
    "address": "1 rue du Bois",
    "complement_1": "",
    "complement_2": "",
    "postcode": "35000",
    "city": "Rennes",
    "country": "France",
}


@pytest.fixture
def structure():
    return StructureFactory(identifier=OLD, legal_name="Commune", city="Rennes", address="1 place de la Mairie")


@pytest.fixture
def principal(structure, client):
    user = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    client.force_login(user)
    return user


def events(structure):
    return list(HistoryEntry.objects.filter(structure=structure).order_by("pk").values_list("event", flat=True))


def test_founding_makes_a_principal_manager(client):
    founder = UserFactory()
    made = actions.found_structure(
        identifier_type="siret", identifier="99990011100017", described=DESCRIBED, actor=founder
    )
    attachment = Attachment.objects.get()
    assert (attachment.user, attachment.structure, attachment.role) == (founder, made, Role.PRINCIPAL)
    assert OutgoingMail.objects.get().slug == "became_principal"
    assert events(made)[0] == Event.STRUCTURE_CREATED
    assert Event.PRINCIPAL_DESIGNATED in events(made)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: StructureFactory(private=True, identifier=ELSEWHERE), "déjà présente"),
        (lambda: DirectoryEntryFactory(identifier=ELSEWHERE), "publique"),
        (lambda: DirectoryEntryFactory(identifier=ELSEWHERE, nature="private", closed_on="2020-01-01"), "fermé"),
        # The number says by itself that it is a public body's.
        (lambda: None, "publique"),
    ],
)
def test_founding_is_refused(build, sentence):
    build()
    with pytest.raises(ActionError, match=sentence):
        actions.found_structure(identifier_type="siret", identifier=ELSEWHERE, described=DESCRIBED, actor=UserFactory())
    assert not Attachment.objects.exists()


def test_a_change_is_journaled_in_words(structure):
    user = UserFactory()
    values = {"label": "Mairie", "city": "Rennes", "requirement": "both"}
    actions.change_structure(structure.pk, actor=user, values=values, version=structure.version)
    structure.refresh_from_db()
    assert (structure.label, structure.requirement, structure.label_key) == ("Mairie", "both", "MAIRIE")
    entry = HistoryEntry.objects.get()
    assert entry.comment == (
        "Libellé : vide → Mairie\nExigence de facturation : Rien de particulier → "
        "Le numéro d'engagement et le service sont obligatoires"
    )


def test_changing_nothing_writes_nothing(structure):
    assert (
        actions.change_structure(structure.pk, actor=None, values={"city": "Rennes"}, version=structure.version) == []
    )
    assert not HistoryEntry.objects.exists()


def test_a_change_over_somebody_else_s_is_refused(structure):
    version = structure.version
    actions.change_structure(structure.pk, actor=None, values={"label": "A"}, version=version)
    with pytest.raises(ActionError, match="pendant que cette page était ouverte"):
        actions.change_structure(structure.pk, actor=None, values={"label": "B"}, version=version)
    structure.refresh_from_db()
    assert structure.label == "A"


def test_switching_off_and_on(structure):
    actions.deactivate_structure(structure.pk, actor=None)
    with pytest.raises(ActionError, match="déjà inactive"):
        actions.deactivate_structure(structure.pk, actor=None)
    actions.activate_structure(structure.pk, actor=None)
    with pytest.raises(ActionError, match="déjà active"):
        actions.activate_structure(structure.pk, actor=None)
    assert events(structure) == [Event.STRUCTURE_DEACTIVATED, Event.STRUCTURE_ACTIVATED]


def test_the_directory_s_blanks_erase_nothing(structure):
    DirectoryEntryFactory(identifier=OLD, legal_name="Commune de Rennes", city="Rennes", address="")
    difference = DirectoryDifference(structure)
    assert difference.fields == [("legal_name", "Commune", "Commune de Rennes")]
    actions.update_from_directory(structure.pk, actor=None, names=["legal_name"], version=difference.version)
    structure.refresh_from_db()
    assert (structure.legal_name, structure.address) == ("Commune de Rennes", "1 place de la Mairie")


def test_an_update_takes_over_what_was_shown_or_nothing(structure):
    entry = DirectoryEntryFactory(identifier=OLD, legal_name="Commune de Rennes", city="Rennes")
    version = DirectoryDifference(structure).version
    entry.legal_name = "Autre chose"
    entry.save()
    with pytest.raises(ActionError, match="pendant que cette page était ouverte"):
        actions.update_from_directory(structure.pk, actor=None, names=["legal_name"], version=version)


def test_what_the_directory_keeps_private_is_not_taken_over(structure):
    DirectoryEntryFactory(identifier=OLD, legal_name="Masqué", undisclosed=True)
    assert DirectoryDifference(structure).fields == [("undisclosed", False, True)]


@pytest.fixture
def full(structure):
    """A structure with all that may hang on it."""
    service = ServiceFactory(structure=structure, code="S1")
    BankAccount.objects.create(structure=structure, label="Trésor", holder="Commune", iban="FR76X", bic="BDFEFRPP")
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL)
    simple = AttachmentFactory(structure=structure, whole_structure=False)
    simple.services.add(service)
    gone = AttachmentFactory(structure=structure, ended_at="2026-01-01T00:00Z")
    AttachmentFactory(structure=structure, starts_on="2020-01-01", ends_on="2020-12-31", user__last_name="Partie")
    request = AttachmentRequestFactory(structure=structure, whole_structure=False)
    request.services.add(service)
    AttachmentRequestFactory(structure=structure, status="approved")
    DirectoryEntryFactory(identifier=NEW)
    return structure, simple, gone, request


def test_a_new_identifier_carries_everything_over(full):
    old, simple, gone, request = full
    actor = UserFactory()
    Service.objects.update(is_active=False)
    BankAccount.objects.update(is_active=False)
    new = actions.change_identifier(old.pk, actor=actor, identifier_type="siret", identifier=NEW)
    old.refresh_from_db()
    assert (old.is_active, new.is_active, new.legal_name, new.identifier) == (False, True, old.legal_name, NEW)
    assert new.services.get().code == "S1"
    assert new.bank_accounts.get().label == "Trésor"
    assert new.attachments.principal().count() == old.attachments.principal().count() == 1
    held = new.attachments.get(user=simple.user)
    assert (list(held.services.all()), held.role) == (list(new.services.all()), Role.SIMPLE)
    assert not new.attachments.filter(user=gone.user).exists()
    assert not new.attachments.filter(user__last_name="Partie").exists()
    assert AttachmentRequest.objects.get(status="approved").structure == old
    moved = AttachmentRequest.objects.get(pk=request.pk)
    assert (moved.structure, list(moved.services.all())) == (new, list(new.services.all()))
    assert events(new) == [Event.IDENTIFIER_CHANGED]
    assert events(old) == [Event.IDENTIFIER_CHANGED, Event.STRUCTURE_DEACTIVATED]
    assert set(HistoryEntry.objects.values_list("actor", flat=True)) == {actor.pk}
    assert new.created_at > old.created_at


def test_a_new_identifier_is_all_or_nothing(full, monkeypatch):
    old, *_ = full
    monkeypatch.setattr("attachments.actions.move_requests", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        actions.change_identifier(old.pk, actor=None, identifier_type="siret", identifier=NEW)
    old.refresh_from_db()
    assert old.is_active
    assert not Structure.objects.filter(identifier=NEW).exists()


@pytest.mark.parametrize(
    ("build", "identifier", "sentence"),
    [
        (lambda: None, OLD, "déjà l'identifiant"),
        (lambda: StructureFactory(identifier=NEW), NEW, "Une autre structure"),
        (lambda: None, NEW, "ne connaît pas ce SIRET"),
        (lambda: DirectoryEntryFactory(identifier=NEW, closed_on="2020-01-01"), NEW, "fermé"),
        (lambda: DirectoryEntryFactory(identifier=NEW, nature="private"), NEW, "pas celui d'une structure publique"),
        (lambda: DirectoryEntryFactory(identifier=ELSEWHERE), ELSEWHERE, "même SIREN"),
    ],
)
def test_a_new_identifier_is_refused(client, structure, principal, build, identifier, sentence):
    build()
    with pytest.raises(ActionError, match=sentence):
        actions.change_identifier(structure.pk, actor=None, identifier_type="siret", identifier=identifier)
    answer = client.post(
        f"/structures/{structure.pk}/identifiant/",
        {"identifier_type": "siret", "identifier": identifier, "confirm": "1"},
    )
    assert answer.status_code == 422
    assert identifier in answer.text
    structure.refresh_from_db()
    assert structure.is_active


def test_a_private_structure_gets_its_siret_at_last():
    structure = StructureFactory(private=True, identifier_type="registering", identifier="ATTENTE1")
    new = actions.change_identifier(structure.pk, actor=None, identifier_type="siret", identifier="99990011100017")
    assert new.identifier_type == "siret"


@pytest.mark.parametrize(
    ("old", "entry"),
    [
        ({"identifier_type": "person", "identifier": "DUPONT"}, {}),
        ({"identifier_type": "registering", "identifier": "ATTENTE1", "undisclosed": True}, {}),
        ({"identifier_type": "registering", "identifier": "ATTENTE1"}, {"undisclosed": True}),
    ],
    ids=["person", "undisclosed", "undisclosed in the directory"],
)
def test_what_was_kept_private_stays_so_under_a_new_identifier(old, entry):
    structure = StructureFactory(private=True, **old)
    DirectoryEntryFactory(identifier="99990011100017", nature="private", **entry)
    new = actions.change_identifier(structure.pk, actor=None, identifier_type="siret", identifier="99990011100017")
    assert new.keeps_private
    new.refresh_from_db()
    assert new.keeps_private


def test_a_private_structure_cannot_become_a_public_body():
    structure = StructureFactory(private=True)
    with pytest.raises(ActionError, match="pas celui d'une structure privée"):
        actions.change_identifier(structure.pk, actor=None, identifier_type="siret", identifier=ELSEWHERE)


def test_an_inactive_structure_keeps_its_identifier(structure):
    actions.deactivate_structure(structure.pk, actor=None)
    with pytest.raises(ActionError, match="activez-la"):
        actions.change_identifier(structure.pk, actor=None, identifier_type="siret", identifier=NEW)


@pytest.mark.parametrize("page", ["desactiver", "identifiant"])
def test_an_inactive_structure_s_pages_lead_back_to_it(client, structure, principal, page):
    Structure.objects.update(state="inactive")
    assert client.get(f"/structures/{structure.pk}/{page}/").url == f"/structures/{structure.pk}/"


def test_the_structure_page_says_what_an_invoice_must_carry(client, structure, principal):
    Structure.objects.update(requirement="either")
    answer = client.get(f"/structures/{structure.pk}/")
    assert "numéro d'engagement ou désigner un service" in answer.text


def test_a_private_structure_is_not_there_for_others(client):
    structure = StructureFactory(private=True)
    client.force_login(UserFactory())
    assert client.get(f"/structures/{structure.pk}/").status_code == 404
    own = AttachmentFactory(structure=structure).user
    client.force_login(own)
    assert client.get(f"/structures/{structure.pk}/").status_code == 200
    assert client.get(f"/structures/{structure.pk}/modifier/").status_code == 403
    later = AttachmentFactory(structure=structure, starts_on=date.today() + timedelta(days=2)).user
    client.force_login(later)
    assert client.get(f"/structures/{structure.pk}/").status_code == 404


def test_whoever_creates_what_is_here_learns_only_that_it_exists(client):
    structure = StructureFactory(private=True, legal_name="Nickel SA", city="Nouméa")
    form = {"identifier_type": "siret", "identifier": structure.identifier, "find_structure": "1"}
    client.force_login(UserFactory())
    page = client.post("/structures/nouvelle/", form).text
    assert "déjà présente sur le portail" in page
    assert "Nickel" not in page
    assert "Nouméa" not in page
    client.force_login(AttachmentFactory(structure=structure, role=Role.SECONDARY).user)
    page = client.post("/structures/nouvelle/", form).text
    assert f"/structures/{structure.pk}/" in page
    assert "Vous êtes gestionnaire secondaire" in page
    assert "demandez à y être rattaché" not in page
    assert "has-error" not in page


def test_a_wrong_number_is_told_beside_the_field_when_creating(client):
    client.force_login(UserFactory())
    form = {"identifier_type": "siret", "identifier": "123", "find_structure": "1"}
    page = client.post("/structures/nouvelle/", form)
    assert page.context["form"].errors == {"identifier": ["Un SIRET compte 14 chiffres ; celui-ci en compte 3."]}
    assert "has-error" in page.text


def edited(structure, **more):
    shown = {name: getattr(structure, name) for name in Structure.EDITABLE}
    shown = {name: value for name, value in shown.items() if value not in (False, "")}
    return shown | {"version": structure.version} | more


def test_modifying_keeps_what_was_typed_when_somebody_was_faster(client, structure, principal):
    form = edited(structure, label="Ma mairie")
    Structure.objects.filter(pk=structure.pk).update(address="2 place de la Mairie")
    answer = client.post(f"/structures/{structure.pk}/modifier/", form)
    assert answer.status_code == 422
    assert "Ma mairie" in answer.text
    assert "Valeur actuelle : 2 place de la Mairie" in answer.text
    structure.refresh_from_db()
    assert structure.label == ""
    again = client.post(f"/structures/{structure.pk}/modifier/", edited(structure, label="Ma mairie"))
    assert again.status_code == 302


def test_the_directory_s_name_is_not_typed_over(client, structure, principal):
    DirectoryEntryFactory(identifier=OLD)
    client.post(f"/structures/{structure.pk}/modifier/", edited(structure, legal_name="Autre", label="Mairie"))
    structure.refresh_from_db()
    assert (structure.legal_name, structure.label) == ("Commune", "Mairie")


def test_what_the_directory_masks_later_is_hidden_from_visitors(client):
    structure = StructureFactory(private=True, legal_name="Vasseur Éric", city="Rennes")
    ServiceFactory(structure=structure, label="Atelier de Rennes")
    path, form = "/inscription/structure/", {"identifier_type": "siret", "identifier": structure.identifier}
    assert "Vasseur" in client.post(path, form).text
    DirectoryEntryFactory(identifier=structure.identifier, nature="private", undisclosed=True)
    page = client.post(path, form).text
    assert "déjà présente" in page
    assert "Vasseur" not in page
    assert "Rennes" not in page
    client.force_login(AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user)
    assert 'name="undisclosed"' in client.get(f"/structures/{structure.pk}/modifier/").text


def test_what_the_directory_masks_is_named_by_its_manager_and_stays_masked(client):
    structure = StructureFactory(private=True, legal_name="Vaseur Éric", undisclosed=True)
    DirectoryEntryFactory(identifier=structure.identifier, legal_name="", nature="private", undisclosed=True)
    client.force_login(AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user)
    form = edited(structure, legal_name="Vasseur Éric")
    del form["undisclosed"]
    client.post(f"/structures/{structure.pk}/modifier/", form)
    structure.refresh_from_db()
    assert (structure.legal_name, structure.undisclosed) == ("Vasseur Éric", True)


@pytest.mark.parametrize("wrong", [{"country": ""}, {"legal_name": ""}, {"label": "a\u202eb"}, {"requirement": "x"}])
def test_wrong_words_are_told_beside_the_field(client, structure, principal, wrong):
    answer = client.post(f"/structures/{structure.pk}/modifier/", edited(structure, **wrong))
    assert answer.status_code == 422
    assert '<p class="error">' in answer.text


def test_deactivating_says_what_follows(client, structure, principal):
    AttachmentRequestFactory(structure=structure)
    ServiceFactory(structure=structure)
    page = client.get(f"/structures/{structure.pk}/desactiver/").text
    assert "1 personne y reste rattachée" in page
    assert "1 demande en cours ne pourra plus être validée" in page
    assert "1 service ne sera plus proposé" in page
    client.post(f"/structures/{structure.pk}/desactiver/")
    assert "Cette structure est inactive" in client.get(f"/structures/{structure.pk}/").text
    client.post(f"/structures/{structure.pk}/activer/")
    structure.refresh_from_db()
    assert structure.is_active


def test_the_directory_discloses_nothing_that_is_kept_private_here(structure):
    Structure.objects.update(undisclosed=True)
    structure.refresh_from_db()
    DirectoryEntryFactory(identifier=OLD, legal_name="Commune", city="Rennes", address="")
    assert DirectoryDifference(structure).fields == []


def test_a_postcode_is_kept_without_its_space(client, structure, principal):
    client.post(f"/structures/{structure.pk}/modifier/", edited(structure, postcode="35 000"))
    structure.refresh_from_db()
    assert structure.postcode == "35000"


@pytest.mark.parametrize(
    ("postcode", "country", "refused"),
    [
        ("3500", "France", True),
        ("3500", "france", True),
        ("ABCDE", "France", True),
        ("35000", "France", False),
        ("", "France", False),
        ("1000", "Belgique", False),
    ],
)
def test_a_french_postcode_counts_five_digits(client, structure, principal, postcode, country, refused):
    form = edited(structure, postcode=postcode, country=country)
    answer = client.post(f"/structures/{structure.pk}/modifier/", form)
    assert ("En France, un code postal compte 5 chiffres" in answer.text) is refused
    assert answer.status_code == (422 if refused else 302)


def test_a_postcode_that_a_public_file_wrote_may_stay(client, structure, principal):
    Structure.objects.update(postcode="3500")
    structure.refresh_from_db()
    answer = client.post(f"/structures/{structure.pk}/modifier/", edited(structure, label="Mairie"))
    assert answer.status_code == 302


def test_a_long_list_of_structures_is_searched(client, principal):
    for number in range(11):
        AttachmentFactory(user=principal, role=Role.PRINCIPAL, structure__legal_name=f"École {number:02d}")
    assert "Rechercher une structure" in client.get("/structures/gerees/").text
    found = client.get("/structures/gerees/", {"q": "ecole 07"}).context["page"]
    assert [structure.legal_name for structure in found] == ["École 07"]


def test_structures_where_somebody_waits_come_first(client, structure, principal):
    for name in ("Abri", "Zoo"):
        waited = AttachmentFactory(user=principal, role=Role.PRINCIPAL, structure__legal_name=name).structure
    AttachmentRequestFactory.create_batch(2, structure=waited)
    AttachmentRequestFactory(structure=structure, status="approved")
    page = client.get("/structures/gerees/")
    assert [row.legal_name for row in page.context["page"]] == ["Zoo", "Abri", "Commune"]
    assert page.text.count("à traiter</span>") == 1
    assert "2 demandes à traiter" in page.text


def test_updating_shows_before_and_after_then_applies_what_is_ticked(client, structure, principal):
    DirectoryEntryFactory(identifier=OLD, legal_name="Commune de Rennes", city="RENNES")
    path = f"/structures/{structure.pk}/annuaire/"
    page = client.get(path)
    assert "Commune de Rennes" in page.text
    assert "6 champs inchangés" in page.text
    version = page.context["form"]["version"].value()
    assert client.post(path, {"version": version}).status_code == 422
    client.post(path, {"version": version, "names": ["city"]})
    structure.refresh_from_db()
    assert (structure.legal_name, structure.city) == ("Commune", "RENNES")


def test_creating_a_structure_in_the_browser(client):
    user = UserFactory()
    client.force_login(user)
    form = {"identifier_type": "siret", "identifier": "999 900 111 00017", "nature": "private", **DESCRIBED}
    assert "pas encore connu" in client.post("/structures/nouvelle/", form | {"find_structure": "1"}).text
    assert not Structure.objects.exists()
    assert client.post("/structures/nouvelle/", form | {"legal_name": ""}).status_code == 422
    answer = client.post("/structures/nouvelle/", form)
    assert answer.url == f"/structures/{Structure.objects.get().pk}/"
    assert "vous en êtes gestionnaire principal" in client.get(answer.url).text
    assert client.post("/structures/nouvelle/", form).status_code == 422


def test_the_organisation_page_says_who_can_do_the_rest(client, structure, principal):
    assert "Gérer une structure" in client.get("/organisation/").text
    client.force_login(AttachmentFactory(structure=structure).user)
    page = client.get("/organisation/").text
    assert "Gérer une structure" not in page
    assert principal.email in page


def test_copies_cannot_break_the_one_principal_rule(full):
    old, *_ = full
    new = actions.change_identifier(old.pk, actor=None, identifier_type="siret", identifier=NEW)
    with pytest.raises(IntegrityError):
        AttachmentFactory(structure=new, role=Role.PRINCIPAL)
