"""Support sees everything and changes state only through the site's own functions."""

import pytest
from django.urls import reverse

from accounts.actions import hashed_answer
from accounts.models import User
from attachments.models import Attachment, AttachmentRequest, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from structures.models import Structure
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def support(client):
    user = UserFactory(staff=True, first_name="Dominique")
    client.force_login(user)
    return user


def act(client, model, action, *rows):
    path = reverse(f"admin:{model}_changelist")
    return client.post(path, {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True)


def change(client, row, **forged):
    path = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    form = client.get(path).context["adminform"].form
    data = {name: form[name].value() or "" for name in form.fields} | forged
    data |= {"services-TOTAL_FORMS": 0, "services-INITIAL_FORMS": 0}
    answer = client.post(path, data)
    row.refresh_from_db()
    return answer


def test_statuses_and_rights_are_read_only(client, support):
    user = UserFactory(pending=True)
    change(
        client, user, state="active", is_staff="on", is_superuser="on", email="autre@exemple.example", last_name="Neuf"
    )
    assert (user.state, user.is_staff, user.is_superuser, user.last_name) == ("pending", False, False, "Neuf")
    structure = StructureFactory()
    change(client, structure, state="inactive", identifier="35600000000048", city="Brest")
    assert (structure.state, structure.city) == ("active", "Brest")
    assert structure.identifier != "35600000000048"


def test_support_cannot_raise_itself(client, support):
    change(client, support, is_superuser="on")
    assert not support.is_superuser


@pytest.mark.parametrize("model", [Attachment, AttachmentRequest, OutgoingMail, HistoryEntry])
def test_what_was_decided_cannot_be_added_or_deleted(client, support, model):
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert client.get(reverse(f"{name}_add")).status_code == 403
    assert client.post(reverse(f"{name}_delete", args=[1])).status_code in (302, 403)


def test_the_queue_holds_what_only_support_can_decide(client, support):
    orphan = AttachmentRequestFactory()
    managed = AttachmentFactory(role=Role.PRINCIPAL).structure
    AttachmentRequestFactory(structure=managed)
    AttachmentRequestFactory(status="approved")
    answer = client.get(reverse("admin:attachments_attachmentrequest_changelist"), {"principal": "none"})
    assert list(answer.context["cl"].queryset) == [orphan]


def test_requests_are_approved_through_the_same_function(client, support):
    orphan, decided = AttachmentRequestFactory(), AttachmentRequestFactory(status="withdrawn")
    answer = act(client, "attachments_attachmentrequest", "approve_as_principal", orphan, decided)
    assert Attachment.objects.get().role == Role.PRINCIPAL
    assert HistoryEntry.objects.filter(actor=support, event="request_approved").count() == 1
    assert "Demandes validées : 1." in answer.text
    assert "a déjà été retirée" in answer.text


def test_the_activation_link_is_sent_again_from_the_admin(client, support):
    activating, active = UserFactory(activating=True), UserFactory()
    answer = act(client, "accounts_user", "send_activation_again", activating, active)
    assert OutgoingMail.objects.get().to == activating.email
    assert HistoryEntry.objects.get().actor == support
    assert "n&#x27;est pas en cours d&#x27;activation" in answer.text


def test_secrets_are_shown_nowhere(client, support):
    user = UserFactory(secret_question="pet", secret_answer=hashed_answer("Médor"))
    user.set_password("un long mot de passe")
    user.save()
    mail = OutgoingMail.objects.create(slug="s", to="a@b.example", subject="S", message=b"LIEN-SECRET")
    pages = [
        client.get(reverse("admin:accounts_user_change", args=[user.pk])).text,
        client.get(reverse("admin:notifications_outgoingmail_change", args=[mail.pk])).text,
        client.get(reverse("admin:notifications_outgoingmail_changelist")).text,
    ]
    for page in pages:
        assert not [secret for secret in (user.password, user.secret_answer, "LIEN-SECRET") if secret in page]


def structure_data(**more):
    names = ("legal_name", "label", "address", "complement_1", "complement_2", "postcode", "city", "country")
    return dict.fromkeys(names, "x") | {
        "identifier_type": "siret",
        "nature": "public",
        "services-TOTAL_FORMS": 0,
        "services-INITIAL_FORMS": 0,
        **more,
    }


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("accounts_user", "password__startswith"),
        ("accounts_user", "secret_answer__startswith"),
        ("notifications_outgoingmail", "message__regex"),
    ],
)
def test_hidden_columns_cannot_be_guessed_through_filters(client, support, model, lookup):
    answer = client.get(reverse(f"admin:{model}_changelist"), {lookup: "a"})
    assert answer.status_code == 400


def test_constraints_on_read_only_columns_are_told_too(client, support):
    structure = StructureFactory(private=True)
    answer = change(client, structure, uses_pigp="on")
    assert "réservés aux structures publiques" in answer.text
    assert not structure.uses_pigp


def test_support_does_not_touch_a_superuser(client, support):
    boss = UserFactory(staff=True, is_superuser=True)
    path = reverse("admin:accounts_user_change", args=[boss.pk])
    assert client.post(path, {"contact_email": "mal@mal.example"}).status_code == 403


def test_support_creates_a_public_structure_and_it_is_journaled(client, support):
    client.post(reverse("admin:structures_structure_add"), structure_data(identifier="200 030 351 00015"))
    assert Structure.objects.get().identifier == "20003035100015"
    assert HistoryEntry.objects.get().actor == support


def test_a_wrong_or_doubled_identifier_is_refused_in_french(client, support):
    StructureFactory(identifier="20003035100015")
    path = reverse("admin:structures_structure_add")
    assert "Ce SIRET n&#x27;existe pas" in client.post(path, structure_data(identifier="20003035100016")).text
    assert "porte déjà cet identifiant" in client.post(path, structure_data(identifier="20003035100015")).text
    assert (
        "identifiée par un SIRET"
        in client.post(path, structure_data(identifier="123456789", identifier_type="ridet")).text
    )


def test_refused_mails_are_put_back(client, support):
    mail = OutgoingMail.objects.create(slug="s", to="a@b.example", subject="S", message=b"x", state="failed")
    act(client, "notifications_outgoingmail", "send_again", mail)
    mail.refresh_from_db()
    assert mail.state == "waiting"


def test_the_admin_s_door_is_ours(client):
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/connexion/?next=/admin/"
    client.force_login(UserFactory())
    assert client.get("/admin/", follow=True).status_code == 403
    assert not User.objects.filter(is_staff=True).exists()
