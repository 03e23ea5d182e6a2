"""« Mon compte »: what people change of themselves, and what its page says."""

import pytest
from django.urls import reverse

from accounts import actions
from accounts.models import User
from attachments.models import Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from structures.models import Referent
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

PATH = "/mon-compte/"


@pytest.fixture
def user(client):
    user = UserFactory(first_name="Claire", last_name="Fontaine", email="claire@exemple.example")
    client.force_login(user)
    return user


def post(client, name, **data):
    return client.post(reverse(f"accounts:{name}"), data, follow=True)


def changes():
    return [entry.data.get("personal") for entry in HistoryEntry.objects.filter(event="account_changed")]


def test_the_page_has_its_four_blocks_and_the_menu_leads_there(client, user):
    page = client.get(PATH).text
    for title in (
        "informations personnelles",
        "rattachements aux structures",
        "abonnements aux espaces",
        "pièces jointes",
    ):
        assert f"Mes {title}</h2>" in page
    assert 'href="/mon-compte/"' in client.get("/").text


def test_the_page_shows_one_s_structures_and_requests(client, user):
    AttachmentFactory(user=user, role=Role.PRINCIPAL, structure=StructureFactory(legal_name="Collège Ferry"))
    AttachmentRequestFactory(user=user, structure=StructureFactory(legal_name="Lycée Curie"))
    AttachmentFactory(structure=StructureFactory(legal_name="Ailleurs"))
    page = client.get(PATH).text
    assert "Collège Ferry" in page
    assert "Gestionnaire principal" in page
    assert "Lycée Curie" in page
    assert "En cours de validation" in page
    assert "Ailleurs" not in page
    assert "Voir toutes mes structures" not in page


def test_of_many_structures_some_are_shown(client, user):
    AttachmentFactory.create_batch(7, user=user)
    page = client.get(PATH)
    assert len(page.context["places"]) == 5
    assert "Voir tous mes rattachements" in page.text


def test_name_and_telephone(client, user):
    page = post(client, "change_general", first_name="Clara", last_name="Fontaine", phone="02 33 55 01 40")
    assert "Vos informations sont enregistrées" in page.text
    user.refresh_from_db()
    assert (user.first_name, user.phone.as_e164) == ("Clara", "+33233550140")
    assert changes() == [["first_name", "phone"]]


def test_sending_what_is_there_changes_nothing(client, user):
    page = post(client, "change_general", first_name="Claire", last_name="Fontaine", phone="")
    assert "Rien n'a changé" in page.text
    assert changes() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("first_name", ""), ("last_name", "www.mal.example"), ("phone", "12"), ("first_name", "A" * 101)],
)
def test_a_wrong_name_or_number_is_told_beside_its_field_and_on_top(client, user, field, value):
    sent = {"first_name": "Claire", "last_name": "Fontaine", "phone": ""} | {field: value}
    page = post(client, "change_general", **sent)
    assert page.status_code == 422
    assert f'href="#id_{field}"' in page.text
    assert f'id="id_{field}_error"' in page.text
    assert changes() == []


ADDRESS = {"address": "14 rue des Tanneurs", "postcode": "50890", "city": "Champoulant", "country": "France"}


def test_postal_address(client, user):
    post(client, "change_postal_address", **ADDRESS)
    user.refresh_from_db()
    assert user.address_lines == ["14 rue des Tanneurs", "50890 Champoulant", "France"]
    assert "50890 Champoulant" in client.get(PATH).text
    post(client, "change_postal_address")
    user.refresh_from_db()
    assert user.address_lines == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("postcode", "508"), ("postcode", "A" * 15), ("city", ""), ("address", ""), ("complement_1", "voir mal.example")],
)
def test_a_wrong_postal_address(client, user, field, value):
    page = post(client, "change_postal_address", **ADDRESS | {field: value})
    assert page.status_code == 422
    assert f'id="id_{field}_error"' in page.text
    assert changes() == []


def test_a_new_contact_address_is_to_be_confirmed(client, user):
    page = post(client, "change_contact", contact_email="bureau@exemple.example").text
    assert "À confirmer" in page
    assert OutgoingMail.objects.get(slug="contact_confirmation").to == "bureau@exemple.example"
    assert OutgoingMail.objects.get(slug="contact_changed").to == user.email
    user.refresh_from_db()
    assert user.mail_address == user.email


def test_its_link_is_sent_again_after_a_while(client, user, time_machine):
    time_machine.move_to("2026-11-25 12:00+01:00", tick=False)
    client.force_login(user)
    post(client, "change_contact", contact_email="bureau@exemple.example")
    assert "moins de cinq minutes" in post(client, "resend_contact_confirmation").text
    assert OutgoingMail.objects.filter(slug="contact_confirmation").count() == 1
    time_machine.move_to("2026-11-25 12:06+01:00", tick=False)
    assert "Un nouveau lien est parti" in post(client, "resend_contact_confirmation").text
    assert OutgoingMail.objects.filter(slug="contact_confirmation").count() == 2


def test_nothing_is_sent_to_a_confirmed_contact_address_or_to_none(user):
    for fields in ({}, {"contact_email": "bureau@exemple.example", "contact_confirmed": True}):
        User.objects.filter(pk=user.pk).update(**fields)
        with pytest.raises(ActionError):
            actions.resend_contact_confirmation(user.pk)
    assert not OutgoingMail.objects.exists()


def test_consent_to_surveys_bears_its_day_and_is_withdrawn(client, user, time_machine):
    time_machine.move_to("2026-11-20 12:00+01:00", tick=False)
    client.force_login(user)
    post(client, "change_parameters", survey_consent="on")
    assert "Accord donné le 20 novembre 2026" in client.get(PATH).text
    time_machine.move_to("2026-11-20 12:20+01:00", tick=False)
    post(client, "change_parameters", survey_consent="on", receives_notifications="on")
    user.refresh_from_db()
    assert user.survey_consent_at.minute == 0
    assert user.receives_notifications
    post(client, "change_parameters", receives_notifications="on")
    user.refresh_from_db()
    assert user.survey_consent_at is None
    assert len(changes()) == 3


# People of the PIGP.


@pytest.fixture
def from_pigp(user):
    user.identity_from_pigp = True
    user.set_password("un long mot de passe")
    user.save()
    return user


def test_whose_identity_comes_from_the_pigp_learns_whom_to_ask(client, from_pigp):
    client.force_login(from_pigp)
    _, _, told = client.get(PATH).text.partition("Votre identité vient du Portail de gestion publique (PIGP)")
    assert "assistance@portail.example" in told[:600]
    referent = Referent.objects.create(administration="Rennes", name="Yann Kerbrat", email="yann@exemple.example")
    AttachmentFactory(user=from_pigp, structure=StructureFactory(uses_pigp=True, referent=referent))
    page = client.get(PATH).text
    assert "Yann Kerbrat" in page
    assert reverse("accounts:change_password") not in page
    assert reverse("accounts:change_login_address") not in page


def test_their_name_stays_and_their_telephone_changes(client, from_pigp):
    client.force_login(from_pigp)
    page = client.get(reverse("accounts:change_general")).text
    assert 'name="first_name"' not in page
    post(client, "change_general", first_name="Clara", phone="0233550140")
    from_pigp.refresh_from_db()
    assert (from_pigp.first_name, bool(from_pigp.phone)) == ("Claire", True)


@pytest.mark.parametrize("name", ["change_password", "change_login_address"])
def test_their_password_and_address_are_changed_elsewhere(client, from_pigp, name):
    client.force_login(from_pigp)
    assert "son référent peut la modifier" in post(client, name).text
    assert "son référent peut la modifier" in client.get(reverse(f"accounts:{name}"), follow=True).text


@pytest.mark.parametrize(
    "act",
    [
        lambda user: actions.change_account(user.pk, actor=user, values={"last_name": "Autre"}),
        lambda user: actions.change_password(user, password="encore un long mot de passe", session_key=""),
        lambda user: actions.request_address(user, email="nouvelle@exemple.example"),
    ],
)
def test_no_action_changes_what_the_pigp_keeps(from_pigp, act):
    with pytest.raises(ActionError) as refusal:
        act(from_pigp)
    assert refusal.value.code == "identity_from_pigp"
    assert not HistoryEntry.objects.exists()
