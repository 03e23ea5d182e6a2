import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.forms.doors import TWICE_THE_SAME
from accounts.models import LIKE_AN_ADDRESS, User
from attachments.models import Attachment, AttachmentRequest, Role
from directory.models import DirectoryEntry
from notifications.models import OutgoingMail
from registration.captcha import challenge, fresh
from structures.models import Structure
from tests.deferred import work_off_everything
from tests.factories import (
    AttachmentFactory,
    DirectoryEntryFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NEW_PRIVATE = "99990011100017"
DESCRIPTION = {
    "nature": "private",
    "legal_name": "Menuiserie Kerjean",
    "address": "3 rue du Port",
    "postcode": "35400",
    "city": "Saint-Malo",
    "country": "France",
}


def person(**more):
    """A form right but for the structure, with a captcha answered."""
    shown = fresh()
    return {
        "email": "Rachid@exemple.example",
        "email_again": "rachid@exemple.example",
        "first_name": "Rachid",
        "last_name": "Amrani",
        "terms": "on",
        "identifier_type": "siret",
        "captcha_key": shown.key,
        "captcha_answer": challenge(shown.key)[0],
        **more,
    }


@pytest.fixture
def managed():
    structure = StructureFactory(legal_name="Collège Jean Macé")
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL)
    return structure


def register(client, **more):
    """The page after registering; a worker has carried it out since."""
    page = client.post("/inscription/", person(**more), follow=True)
    work_off_everything()
    return page


def find(client, identifier, kind="siret", **more):
    return client.post("/inscription/structure/", {"identifier_type": kind, "identifier": identifier, **more}).text


def test_a_managed_structure_s_manager_decides(client, managed):
    page = register(client, identifier=managed.identifier).text
    request = AttachmentRequest.objects.get()
    assert request.is_pending
    assert "transmise au gestionnaire" in page
    assert request.spaced_reference in page
    assert "Collège Jean Macé" in page


def test_services_are_asked_one_by_one(client, managed):
    intendance, _ = ServiceFactory(structure=managed, label="Intendance"), ServiceFactory(structure=managed)
    page = register(client, identifier=managed.identifier, scope="services", services=[intendance.pk]).text
    assert list(AttachmentRequest.objects.get().services.all()) == [intendance]
    assert "Intendance" in page


def test_asking_for_services_without_any_is_refused(client, managed):
    ServiceFactory(structure=managed)
    page = register(client, identifier=managed.identifier, scope="services").text
    assert "Cochez au moins un service" in page


def test_services_ticked_with_the_whole_structure_are_questioned(client, managed):
    service = ServiceFactory(structure=managed)
    page = register(client, identifier=managed.identifier, scope="whole", services=[service.pk]).text
    assert "Des services sont cochés" in page


def test_where_there_is_no_service_the_whole_structure_is_asked_for(client, managed):
    register(client, identifier=managed.identifier, scope="services")
    assert AttachmentRequest.objects.get().whole_structure


@pytest.mark.parametrize("elsewhere", [{}, {"is_active": False}])
def test_a_service_of_another_structure_or_out_of_service_is_refused(client, managed, elsewhere):
    ServiceFactory(structure=managed)
    other = ServiceFactory(**elsewhere | ({"structure": managed} if elsewhere else {}))
    register(client, identifier=managed.identifier, scope="services", services=[other.pk])
    assert not User.objects.filter(email="rachid@exemple.example").exists()


def test_the_first_person_of_an_unknown_private_structure_manages_it(client):
    page = register(client, identifier=NEW_PRIVATE, **DESCRIPTION).text
    assert "vous en devenez <strong>gestionnaire principal</strong>" in page
    assert Attachment.objects.get().role == Role.PRINCIPAL
    assert Structure.objects.get().city == "Saint-Malo"
    assert set(OutgoingMail.objects.values_list("slug", flat=True)) == {"became_principal", "activation"}


def test_a_private_structure_without_manager_gets_one(client):
    structure = StructureFactory(private=True)
    register(client, identifier=structure.identifier)
    assert structure.attachments.get().role == Role.PRINCIPAL


def test_a_public_directory_entry_becomes_a_structure_for_support_to_decide(client):
    entry = DirectoryEntryFactory(legal_name="École du Port")
    page = register(client, identifier=entry.identifier).text
    assert "l'assistance examine votre demande" in page
    assert Structure.objects.get().legal_name == "École du Port"
    assert AttachmentRequest.objects.pending().without_decider().count() == 1


def test_what_is_typed_of_a_known_structure_is_ignored(client, managed):
    register(client, identifier=managed.identifier, legal_name="Piraté", nature="private")
    managed.refresh_from_db()
    assert managed.legal_name == "Collège Jean Macé"
    entry = DirectoryEntryFactory(legal_name="École du Port")
    register(client, identifier=entry.identifier, legal_name="Piraté", email="b@b.example", email_again="b@b.example")
    assert not Structure.objects.filter(legal_name="Piraté").exists()


@pytest.mark.parametrize(("identifier", "nature"), [("20003035100015", "private"), (NEW_PRIVATE, "public")])
def test_an_unknown_public_structure_is_refused_with_what_to_do(client, identifier, nature):
    page = register(client, identifier=identifier, **DESCRIPTION | {"nature": nature}).text
    assert "ne permet pas d'en créer" in page
    assert "assistance@portail.example" in page
    assert not Structure.objects.exists()


def test_a_closed_or_inactive_structure_is_refused(client):
    closed = DirectoryEntryFactory(closed_on="2020-01-01")
    inactive = StructureFactory(state=Structure.State.INACTIVE)
    assert "est fermé" in register(client, identifier=closed.identifier).text
    assert "est inactive" in register(client, identifier=inactive.identifier).text
    assert not User.objects.exists()


@pytest.mark.parametrize("structure", ["managed", "new"])
@pytest.mark.parametrize("state", User.State)
def test_a_used_address_sees_the_same_page_and_its_owner_gets_a_mail(client, managed, structure, state):
    more = {"identifier": managed.identifier} if structure == "managed" else {"identifier": NEW_PRIVATE, **DESCRIPTION}
    UserFactory(email="claire@exemple.example", state=state)
    used = register(client, **more, email="claire@exemple.example", email_again="claire@exemple.example")
    assert OutgoingMail.objects.get().slug == "address_used"
    assert not AttachmentRequest.objects.exists()
    client.logout()
    fresh_one = register(client, **more, email="neuf@exemple.example", email_again="neuf@exemple.example")
    assert used.redirect_chain == fresh_one.redirect_chain
    assert anonymous(used.text) == anonymous(fresh_one.text).replace("neuf@", "claire@")


def anonymous(page):
    return re.sub(r"\d{3} \d{3} \d{3}<|value=\"[^\"]*\"", "", page)


SECRETS = {
    "legal_name": "Nom Très Privé",
    "label": "Libellé Discret",
    "address": "7 impasse Cachée",
    "complement_1": "Bâtiment Masqué",
    "complement_2": "Étage Voilé",
    "postcode": "35777",
    "city": "Ville-Secrète",
}


@pytest.mark.parametrize(
    ("factory", "more"),
    [
        (StructureFactory, {"undisclosed": True}),
        (DirectoryEntryFactory, {"undisclosed": True}),
        (StructureFactory, {"identifier_type": "person", "identifier": "DUPONT1"}),
    ],
)
def test_what_is_private_is_never_shown_to_a_visitor(client, factory, more):
    known = factory(nature="private", **SECRETS, **more)
    if isinstance(known, Structure):
        AttachmentFactory(structure=known, role=Role.PRINCIPAL)
        ServiceFactory(structure=known, label="Service Confidentiel")
    fields = {"identifier": known.identifier, "identifier_type": known.identifier_type}
    pages = [
        find(client, known.identifier, known.identifier_type),
        client.post("/inscription/", fields | {"find_structure": "1"}).text,
        client.post("/inscription/", fields).text,
        register(client, **fields, **(DESCRIPTION if isinstance(known, DirectoryEntry) else {})).text,
        *("".join(mail.parts()) for mail in OutgoingMail.objects.filter(to="rachid@exemple.example")),
    ]
    assert User.objects.filter(email="rachid@exemple.example").exists()
    for page in pages[:4]:
        assert not [value for value in (*SECRETS.values(), "Service Confidentiel") if value in page]


def test_an_undisclosed_directory_entry_is_described_by_its_first_registrant(client):
    entry = DirectoryEntryFactory(nature="private", undisclosed=True, legal_name="[ND]")
    register(client, identifier=entry.identifier, **DESCRIPTION)
    structure = Structure.objects.get()
    assert (structure.legal_name, structure.undisclosed) == ("Menuiserie Kerjean", True)


def test_the_prefill_is_rate_limited_whatever_the_button(client, managed, settings):
    settings.PREFILL_RATE = "3/m"
    answers = [find(client, managed.identifier) for _ in range(4)]
    assert "déjà présente" in answers[2]
    assert "Trop de recherches" in answers[3]
    for button in ("find_structure", "check_captcha", "new_captcha", "other"):
        page = client.post("/inscription/", {"identifier": managed.identifier, button: "1"}).text
        assert "Collège Jean Macé" not in page


def test_registrations_are_rate_limited_and_a_refused_one_tries_nothing(client, managed, settings):
    settings.REGISTRATION_RATE = "1/h"
    register(client, identifier=managed.identifier)
    answer = register(client, identifier=managed.identifier, email="b@b.example", email_again="c@c.example")
    assert answer.status_code == 429
    assert "Trop de comptes" in answer.text
    assert "Les deux adresses" not in answer.text
    assert 'value="b@b.example"' in answer.text
    wrong = register(client, identifier=managed.identifier, captcha_answer="faux")
    assert "En voici une autre" not in wrong.text
    assert not User.objects.filter(email="b@b.example").exists()


@pytest.mark.parametrize(
    ("email", "again", "said"),
    [
        ("jeanne@truc", "autre@truc.fr", {"email": [LIKE_AN_ADDRESS], "email_again": [TWICE_THE_SAME]}),
        ("jeanne@truc", "jeanne@truc", {"email": [LIKE_AN_ADDRESS]}),
        ("a@b.example", "a", {"email_again": [TWICE_THE_SAME]}),
        ("", "a@b.example", {"email": ["Écrivez votre adresse e-mail."]}),
        ("a@b.example", "", {"email_again": ["Écrivez l'adresse e-mail une seconde fois."]}),
    ],
)
def test_an_address_is_judged_once_and_compared(client, managed, email, again, said):
    page = register(client, identifier=managed.identifier, email=email, email_again=again)
    assert page.context["form"].errors == said


def test_a_number_of_telephone_comes_back_as_it_was_typed(client, managed):
    assert 'value="02 33"' in register(client, identifier=managed.identifier, phone="02 33").text


def test_nothing_typed_is_lost(client, managed):
    page = register(client, identifier=managed.identifier, email_again="autre@exemple.example", phone="n'importe").text
    for typed in ("Rachid@exemple.example", "autre@exemple.example", "n&#x27;importe", "Amrani", managed.identifier):
        assert f'value="{typed}"' in page
    assert "Les deux adresses diffèrent" in page
    assert "Captcha validé" in page


def test_the_whole_form_without_javascript_keeps_what_was_typed(client, managed):
    ServiceFactory(structure=managed, label="Intendance")
    page = client.post(
        "/inscription/", person(identifier=managed.identifier, find_structure="1", first_name="Zoé")
    ).text
    assert "Cette structure est déjà présente" in page
    assert "Intendance" in page
    assert 'value="Zoé"' in page
    assert "Écrivez votre prénom" not in page
    assert "error-summary" not in page


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("first_name", "Gagnez https://mal.example"),
        ("last_name", "Anne\nBcc: x"),
        ("last_name", "\u202eennA"),
        ("email", "x@" + "İ" * 30 + ".fr"),
        ("legal_name", "Menuiserie\u202e"),
        ("label", "Gagnez sur mal.example"),
        ("address", "\u3164"),
    ],
)
def test_words_that_could_deceive_their_readers_are_refused(client, field, typed):
    page = register(client, identifier=NEW_PRIVATE, **DESCRIPTION | {field: typed})
    assert page.context["form"].errors.keys() >= {field}


@pytest.mark.parametrize("name", ["M. Léon", "अनीता"])
def test_people_s_names_are_taken_as_they_are(client, managed, name):
    register(client, identifier=managed.identifier, first_name=name)
    assert User.objects.get(email="rachid@exemple.example").first_name == name


def test_a_registrant_may_say_the_structure_is_not_to_be_disclosed(client):
    register(client, identifier=NEW_PRIVATE, undisclosed="on", **DESCRIPTION)
    assert "Menuiserie" not in find(client, NEW_PRIVATE)


def test_whoever_is_logged_in_has_nothing_to_register(client):
    client.force_login(UserFactory())
    assert client.get("/inscription/").url == "/"


def test_the_last_page_is_only_for_who_just_registered(client):
    assert client.get("/inscription/recapitulatif/").url == "/inscription/"


@pytest.mark.parametrize(
    "build",
    [
        lambda: StructureFactory(),
        lambda: StructureFactory(private=True),
        lambda: DirectoryEntryFactory(),
        lambda: DirectoryEntryFactory(nature="private"),
        lambda: DirectoryEntryFactory(nature="private", undisclosed=True),
        lambda: AttachmentFactory(structure__undisclosed=True, role=Role.PRINCIPAL).structure,
    ],
)
def test_a_used_address_sees_the_same_page_whatever_the_structure(client, build):
    known = build()
    UserFactory(email="claire@exemple.example")
    more = {"identifier": known.identifier, "phone": "02 99 00 00 00", "contact_email": "bureau@exemple.example"}
    if known.keeps_private and isinstance(known, DirectoryEntry):
        more |= DESCRIPTION
    pages = []
    for email in ("claire@exemple.example", "neuf@exemple.example"):
        pages.append(anonymous(register(client, **more, email=email, email_again=email).text).replace(email, "X"))
        client.logout()
    assert "Dernière étape" in pages[0]
    assert pages[0] == pages[1]


def test_the_last_page_says_back_what_was_registered(client, managed):
    page = register(client, identifier=managed.identifier, phone="0299000000", contact_email="b@exemple.example").text
    spaced = managed.spaced_identifier
    for said in ("Rachid Amrani", "Rachid@exemple.example", "b@exemple.example", "02 99 00 00 00", "Publique", spaced):
        assert said in page


@pytest.mark.parametrize(
    "private", [{"undisclosed": True}, {"identifier_type": "person", "identifier": "DUPONT1"}], ids=["nd", "person"]
)
def test_mails_to_a_stranger_keep_private_data_to_themselves(client, private):
    known = StructureFactory(private=True, **SECRETS, **private)
    AttachmentFactory(structure=known, role=Role.PRINCIPAL)
    register(client, identifier=known.identifier, identifier_type=known.identifier_type)
    bodies = [body for mail in OutgoingMail.objects.filter(to="rachid@exemple.example") for body in mail.parts()]
    assert bodies
    for body in bodies:
        assert not [value for value in SECRETS.values() if value in body]


@pytest.mark.parametrize("state", ["active", "inactive"])
@pytest.mark.parametrize("button", ["find_structure", "check_captcha", "new_captcha", None])
def test_no_button_shows_what_is_private(client, button, state):
    known = StructureFactory(private=True, undisclosed=True, state=state, **SECRETS)
    data = person(identifier=known.identifier, captcha_answer="") | ({button: "1"} if button else {})
    page = client.post("/inscription/", data).text
    assert not [value for value in SECRETS.values() if value in page]


def test_a_closed_undisclosed_entry_shows_nothing_private(client):
    entry = DirectoryEntryFactory(undisclosed=True, closed_on="2020-01-01", **SECRETS)
    page = find(client, entry.identifier)
    assert "est fermé" in page
    assert not [value for value in SECRETS.values() if value in page]


@pytest.mark.parametrize("factory", [StructureFactory, DirectoryEntryFactory])
@pytest.mark.parametrize("fragment", [True, False])
def test_the_prefill_shows_every_public_detail(client, factory, fragment):
    known = factory(nature="private", **SECRETS)
    data = {"identifier_type": "siret", "identifier": known.spaced_identifier, "find_structure": "1"}
    page = client.post("/inscription/structure/" if fragment else "/inscription/", data).text
    for value in (*SECRETS.values(), "France", "Privée"):
        assert value in page
    assert 'name="legal_name"' not in page
    assert ("<html" in page) is not fragment


@pytest.mark.parametrize("fragment", [True, False])
def test_the_prefill_says_what_to_do_with_an_unknown_or_wrong_number(client, fragment):
    path = "/inscription/structure/" if fragment else "/inscription/"
    unknown = client.post(path, {"identifier": NEW_PRIVATE, "find_structure": "1"}).text
    assert "pas encore connu" in unknown
    assert 'name="legal_name"' in unknown
    assert (
        "de ses chiffres est sans doute mal recopié"
        in client.post(path, {"identifier": "20003035100016", "find_structure": "1"}).text
    )


def test_a_description_typed_is_kept_when_something_else_is_wrong(client):
    sent = DESCRIPTION | {"label": "Chez Gwen", "complement_1": "Bât. B", "first_name": ""}
    page = register(client, identifier=NEW_PRIVATE, **sent)
    assert page.context["form"].errors.keys() == {"first_name"}
    for typed in ("Menuiserie Kerjean", "Chez Gwen", "3 rue du Port", "Bât. B", "35400", "Saint-Malo"):
        assert f'value="{typed}"' in page.text
    assert not User.objects.exists()


def test_ticks_are_kept_when_something_is_wrong(client, managed):
    ticked, other = ServiceFactory(structure=managed), ServiceFactory(structure=managed)
    answer = register(
        client, identifier=managed.identifier, scope="services", services=[ticked.pk], survey_consent="on", last_name=""
    )
    form = answer.context["form"]
    assert [name for name in ("terms", "survey_consent") if form[name].value()] == ["terms", "survey_consent"]
    boxes = {box.data["value"].value: box.data["selected"] for box in form["services"]}
    assert boxes == {ticked.pk: True, other.pk: False}


@pytest.mark.parametrize("missing", ["legal_name", "address", "postcode", "city"])
def test_an_unknown_structure_is_described_in_full(client, missing):
    page = register(client, identifier=NEW_PRIVATE, **DESCRIPTION | {missing: ""})
    assert page.context["form"].errors.keys() == {missing}


@pytest.mark.parametrize("missing", ["email", "email_again", "first_name", "last_name", "terms", "identifier"])
def test_what_is_compulsory_is_said(client, managed, missing):
    page = register(client, **{"identifier": managed.identifier} | {missing: ""})
    assert missing in page.context["form"].errors
    assert 'role="alert"' in page.text
    assert not AttachmentRequest.objects.exists()


def test_consent_to_surveys_is_dated_only_when_given(client, managed):
    register(client, identifier=managed.identifier, survey_consent="on")
    register(client, identifier=managed.identifier, email="b@b.example", email_again="b@b.example")
    with_consent, without = User.objects.exclude(state="active").order_by("pk")
    assert with_consent.survey_consent_at
    assert without.survey_consent_at is None
    assert without.terms_accepted_at


@pytest.mark.parametrize("email", ["claire@exemple.example", "neuf@exemple.example"])
def test_the_request_never_looks_for_the_address(client, managed, email):
    """What it does not ask, its time cannot tell."""
    UserFactory(email="claire@exemple.example")
    with CaptureQueriesContext(connection) as captured:
        client.post("/inscription/", person(identifier=managed.identifier, email=email, email_again=email))
    naming = [query["sql"] for query in captured if email in query["sql"]]
    # The session keeps the last page's words encoded.
    written = ["registration_submission", "registration_receipt"]
    assert [sql.split('"')[:2] for sql in naming] == [["INSERT INTO ", table] for table in written]


def test_a_used_address_counts_against_the_rate_like_any_other(client, managed, settings):
    settings.REGISTRATION_RATE = "1/h"
    UserFactory(email="claire@exemple.example")
    register(
        client, identifier=managed.identifier, email="claire@exemple.example", email_again="claire@exemple.example"
    )
    assert "Trop de comptes" in register(client, identifier=managed.identifier).text


def test_errors_do_not_count_against_the_rate(client, managed, settings):
    settings.REGISTRATION_RATE = "1/h"
    for _ in range(3):
        register(client, identifier=managed.identifier, last_name="")
    assert "Dernière étape" in register(client, identifier=managed.identifier).text


def test_nobody_else_sees_the_last_page(client, managed):
    register(client, identifier=managed.identifier)
    assert client.get("/inscription/recapitulatif/").status_code == 200
    assert Client().get("/inscription/recapitulatif/").url == "/inscription/"


def test_a_comment_goes_to_whoever_decides_and_to_no_unconfirmed_address(client, managed):
    said = "Je remplace Mme Le Goff à l'intendance."
    page = register(client, identifier=managed.identifier, comment=said).text
    assert said in page
    assert AttachmentRequest.objects.get().comment == said
    for mail in OutgoingMail.objects.filter(to="rachid@exemple.example"):
        assert not [body for body in mail.parts() if "Le Goff" in body]


@pytest.mark.parametrize("comment", ["Voyez https://mal.example", "x" * 2001])
def test_a_comment_has_no_link_and_an_end(client, managed, comment):
    page = register(client, identifier=managed.identifier, comment=comment)
    assert page.context["form"].errors.keys() == {"comment"}
    assert not AttachmentRequest.objects.exists()


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: AttachmentFactory(role=Role.PRINCIPAL).structure, "Une personne gestionnaire de cette structure"),
        (lambda: StructureFactory(private=True), "vous en deviendrez"),
        (lambda: StructureFactory(), "l'assistance examinera"),
        (lambda: DirectoryEntryFactory(), "l'assistance examinera"),
    ],
)
def test_the_card_says_who_decides_and_names_nobody(client, build, said):
    known = build()
    page = find(client, known.identifier)
    assert said in page
    assert "Est-ce bien votre établissement ?" in page
    assert not [user for user in User.objects.all() if user.last_name in page or user.email in page]


@pytest.mark.parametrize("fragment", [True, False])
def test_a_look_up_that_fails_marks_the_field(client, fragment):
    closed = DirectoryEntryFactory(closed_on="2020-01-01")
    path = "/inscription/structure/" if fragment else "/inscription/"
    for number in (closed.identifier, "20003035100016", "20003035100015"):
        page = client.post(path, {"identifier_type": "siret", "identifier": number, "find_structure": "1"})
        assert 'aria-invalid="true"' in page.text
        assert page.context["form"].errors.keys() == {"identifier"}
        assert 'name="legal_name"' not in page.text


def test_another_structure_can_be_looked_for(client, managed):
    page = client.post(
        "/inscription/", person(identifier=managed.identifier, other_structure="1", first_name="Zoé")
    ).text
    assert "Collège Jean Macé" not in page
    assert managed.identifier not in page
    assert 'value="Zoé"' in page


def test_a_french_postcode_has_five_digits(client):
    page = register(client, identifier=NEW_PRIVATE, **DESCRIPTION | {"postcode": "3540"})
    assert page.context["form"].errors == {"postcode": ["En France, un code postal compte 5 chiffres."]}
    abroad = {"postcode": "1000", "country": "Belgique", "identifier_type": "eu_vat", "identifier": "BE0123456789"}
    assert "Dernière étape" in register(client, **DESCRIPTION | abroad).text


def test_progress_counts_what_is_to_correct_in_each_block(client, managed):
    ServiceFactory(structure=managed)
    form = {"identifier": managed.identifier, "scope": "services", "first_name": "", "last_name": ""}
    page = register(client, **form)
    states = [(block.state, block.note) for block in page.context["progress"]]
    assert states == [
        ("wrong", "2 points à corriger"),
        ("done", "Collège Jean Macé"),
        ("wrong", "1 point à corriger"),
        ("done", "Validé"),
    ]


def test_a_level_nobody_chose_is_not_ticked_in_progress(client, managed):
    ServiceFactory(structure=managed)
    form = {"identifier_type": "siret", "identifier": managed.identifier}
    found = client.post("/inscription/structure/", form)
    assert [block.state for block in found.context["progress"]] == ["current", "done", "todo", "todo"]
    seen = client.post("/inscription/structure/", form | {"scope": "whole"})
    assert [block.state for block in seen.context["progress"]] == ["current", "done", "done", "todo"]


def test_with_errors_no_other_block_is_the_current_one(client):
    page = register(client, identifier="", first_name="")
    assert [block.state for block in page.context["progress"]] == ["wrong", "wrong", "todo", "done"]


def test_a_public_structure_of_the_directory_is_not_founded_and_the_page_says_why(client):
    client.force_login(UserFactory())
    entry = DirectoryEntryFactory()
    page = client.post(
        "/structures/nouvelle/", {"identifier_type": "siret", "identifier": entry.identifier, "find_structure": "1"}
    )
    assert page.text.count("publique") < 4
    assert "Cette structure publique n'est pas encore sur le portail" in page.text
    assert "error" not in page.text
    assert "Créer la structure" not in page.text
