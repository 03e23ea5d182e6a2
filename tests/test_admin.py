"""Support sees everything and changes state only through the site's own functions."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts.actions import hashed_answer
from accounts.models import User
from attachments.models import Attachment, AttachmentRequest, Role
from history.actions import record
from history.models import Event, HistoryEntry
from notifications.models import OutgoingMail
from structures.models import Referent, Structure
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    OutgoingMailFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

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
    assert "n'est pas en cours d'activation" in answer.text


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
        "requirement": "none",
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
    assert "Ce SIRET n'existe pas" in client.post(path, structure_data(identifier="20003035100016")).text
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


FORGED = [
    (AttachmentRequestFactory, {"status": "approved", "reason": "x", "whole_structure": "", "comment": "Forgé"}),
    (AttachmentFactory, {"role": "principal", "ended_at_0": "2026-01-01", "ended_at_1": "00:00", "ends_on": ""}),
    (OutgoingMailFactory, {"state": "sent", "to": "mal@mal.example", "subject": "Forgé", "attempts": "9"}),
]


@pytest.mark.parametrize(("factory", "forged"), FORGED)
def test_a_forged_post_changes_nothing_of_what_was_decided(client, support, factory, forged):
    row = factory()
    before = type(row).objects.filter(pk=row.pk).values().get()
    path = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    assert client.get(path).status_code == 200
    client.post(path, forged)
    assert type(row).objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret_answer", "x"),
        ("password", "x"),
        ("link_version", "99"),
        ("reference", "123456782"),
        ("email", "mal@mal.example"),
        ("activated_at_0", "2020-01-01"),
        ("groups", "1"),
    ],
)
def test_a_forged_account_page_changes_nothing_hidden(client, support, name, value):
    user = UserFactory(secret_question="pet", secret_answer="haché")
    before = User.objects.filter(pk=user.pk).values().get()
    change(client, user, **{name: value})
    assert User.objects.filter(pk=user.pk).values().get() == before


def test_a_history_line_can_be_read_and_not_written(client, support):
    line = record(Event.REQUEST_SENT, subject=support, reason="Essai")
    path = reverse("admin:history_historyentry_change", args=[line.pk])
    page = client.get(path).text
    assert "Essai" in page
    assert date_format(timezone.localtime(line.created_at), r"j N Y, G \h i") in page
    assert client.post(path, {"data": "{}"}).status_code == 403
    assert HistoryEntry.objects.get().data == {"reason": "Essai"}


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_support_raises_nobody(client, support, right):
    for user in (support, UserFactory()):
        change(client, user, is_staff="on", is_superuser="on")
    assert not User.objects.filter(is_superuser=True).exists()
    assert list(User.objects.filter(is_staff=True)) == [support]


def test_only_a_superuser_gives_rights(client):
    client.force_login(UserFactory(staff=True, is_superuser=True))
    user = UserFactory()
    change(client, user, is_staff="on")
    assert user.is_staff


@pytest.mark.parametrize("model", [User, Structure, Attachment, AttachmentRequest, OutgoingMail, HistoryEntry])
def test_nothing_is_deleted_in_bulk(client, support, model):
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    page = client.get(reverse(f"{name}_changelist"))
    assert "delete_selected" not in page.text
    client.post(reverse(f"{name}_changelist"), {"action": "delete_selected", "_selected_action": [support.pk]})
    assert User.objects.filter(pk=support.pk).exists()


def test_nothing_is_deleted_one_by_one(client, support):
    for row in (
        UserFactory(),
        StructureFactory(),
        AttachmentFactory(),
        AttachmentRequestFactory(),
        OutgoingMailFactory(),
    ):
        path = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_delete", args=[row.pk])
        assert client.post(path, {"post": "yes"}).status_code == 403
        assert type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    ("action", "role", "event"),
    [
        ("approve_as_simple", Role.SIMPLE, "request_approved"),
        ("approve_as_principal", Role.PRINCIPAL, "principal_designated"),
    ],
)
def test_an_approval_in_the_admin_is_one_on_the_site(client, support, action, role, event):
    wanted = AttachmentRequestFactory()
    act(client, "attachments_attachmentrequest", action, wanted)
    wanted.refresh_from_db()
    assert (wanted.status, wanted.decided_by) == ("approved", support)
    assert Attachment.objects.get().role == role
    assert HistoryEntry.objects.filter(event=event, actor=support, subject=wanted.user).exists()
    assert set(OutgoingMail.objects.values_list("slug", flat=True)) == {"request_approved", "activation"}


def test_requests_by_service_are_approved_as_they_were_asked(client, support):
    wanted = AttachmentRequestFactory(whole_structure=False)
    service = ServiceFactory(structure=wanted.structure)
    wanted.services.add(service)
    act(client, "attachments_attachmentrequest", "approve_as_simple", wanted)
    assert list(Attachment.objects.get().services.all()) == [service]


def test_support_does_not_approve_its_own_request_in_the_admin(client, support):
    own, other = AttachmentRequestFactory(user=support), AttachmentRequestFactory()
    answer = act(client, "attachments_attachmentrequest", "approve_as_simple", own, other)
    assert "Nul ne décide de sa propre demande" in answer.text
    assert list(Attachment.objects.values_list("user", flat=True)) == [other.user.pk]


def test_a_second_principal_is_refused_in_the_admin(client, support):
    managed = AttachmentFactory(role=Role.PRINCIPAL).structure
    answer = act(
        client, "attachments_attachmentrequest", "approve_as_principal", AttachmentRequestFactory(structure=managed)
    )
    assert "déjà un gestionnaire principal" in answer.text
    assert managed.attachments.principal().count() == 1


def test_the_queue_links_to_the_page_that_decides(client, support):
    orphan = AttachmentRequestFactory()
    page = client.get(reverse("admin:attachments_attachmentrequest_changelist")).text
    assert f'href="/demandes/{orphan.reference}/"' in page
    assert client.get(f"/demandes/{orphan.reference}/").status_code == 200


def test_the_body_of_a_mail_is_shown_on_no_page_of_support(client, support):
    mail = OutgoingMailFactory(message=b"LIEN-SECRET", state="failed", error="550")
    name = "admin:notifications_outgoingmail"
    paths = [
        reverse(f"{name}_changelist"),
        *(reverse(f"{name}_{tail}", args=[mail.pk]) for tail in ("change", "history")),
    ]
    for path in [*paths, f"{paths[0]}?q=LIEN"]:
        page = client.get(path).text
        assert "LIEN-SECRET" not in page
        assert not re.search(r"field-message\b|memoryview|TElFTi", page)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"identifier": "20003035100016"}, "Ce SIRET n'existe pas"),
        ({"identifier": "2000303510001"}, "Un SIRET compte 14 chiffres"),
        ({"identifier": "35600000000014"}, "Ce SIRET n'existe pas"),
        ({"identifier": ""}, "Renseignez « Identifiant »."),
        ({"identifier": "20003035100015", "nature": ""}, "Renseignez « Type de structure »."),
        ({"identifier": "99990011100017", "nature": "private", "uses_pigp": "on"}, "réservés aux structures publiques"),
    ],
)
def test_a_structure_cannot_be_added_wrong(client, support, wrong, sentence):
    page = client.post(reverse("admin:structures_structure_add"), structure_data(**wrong)).text
    assert sentence in page
    assert not Structure.objects.exists()


def test_services_are_read_here_and_changed_on_the_site(client, support):
    structure = ServiceFactory(code="PAIE").structure
    path = reverse("admin:structures_structure_change", args=[structure.pk])
    page = client.get(path).text
    assert "PAIE" in page
    assert 'name="services-0-code"' not in page
    assert f"/structures/{structure.pk}/" in page
    assert "name key" not in page


def test_what_support_changes_of_a_structure_is_journaled(client, support):
    structure = StructureFactory(legal_name="Avant", uses_pigp=False)
    path = reverse("admin:structures_structure_change", args=[structure.pk])
    data = (
        structure_data() | structure.description | {"legal_name": "Après", "uses_pigp": "on", "issues_invoices": "on"}
    )
    client.post(path, data)
    event = HistoryEntry.objects.get(event=Event.STRUCTURE_CHANGED)
    assert event.actor == support
    assert event.comment.splitlines() == ["Raison sociale : Avant → Après", "Utilisatrice du PIGP : Non → Oui"]
    client.post(path, data)
    assert HistoryEntry.objects.filter(event=Event.STRUCTURE_CHANGED).count() == 1


def test_support_keeps_the_referents(client, support):
    path = reverse("admin:structures_referent_add")
    client.post(path, {"administration": "Rennes", "name": "Anne Un", "email": "anne@exemple.example"})
    referent = Referent.objects.get()
    again = client.post(path, {"administration": "Rennes", "name": "x", "email": "x@exemple.example"})
    assert "a déjà un référent" in again.text
    structure = StructureFactory()
    change(client, structure, uses_pigp="on", referent=referent.pk)
    assert structure.referent == referent


@pytest.mark.parametrize("address", ["a@" + "é" * 60 + ".fr", "pas une adresse"])
def test_an_address_no_mail_could_be_written_to_is_refused_in_the_admin(client, support, address):
    user = UserFactory()
    change(client, user, contact_email=address)
    assert user.contact_email == ""


@pytest.mark.parametrize("words", ["Amrani", "rachid@exemple", "%", "'", "x" * 300])
def test_every_list_can_be_searched(client, support, words):
    UserFactory(last_name="Amrani", email="rachid@exemple.example")
    for name in ("accounts_user", "structures_structure", "attachments_attachmentrequest", "history_historyentry"):
        assert client.get(reverse(f"admin:{name}_changelist"), {"q": words}).status_code == 200


@pytest.mark.parametrize(
    ("factory", "field", "colleague"),
    [
        (StructureFactory, "city", {"label": "Vu par un collègue"}),
        (UserFactory, "first_name", {"last_name": "Collègue"}),
        (AttachmentFactory, "starts_on", {"ends_on": "2099-01-01"}),
    ],
)
def test_a_stale_page_of_the_admin_undoes_no_colleague_s_change(client, support, factory, field, colleague):
    row = factory()
    path = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    form = client.get(path).context["adminform"].form
    data = {name: form[name].value() or "" for name in form.fields} | {
        "services-TOTAL_FORMS": 0,
        "services-INITIAL_FORMS": 0,
    }
    type(row).objects.filter(pk=row.pk).update(**colleague)
    answer = client.post(path, data | {field: "2026-01-01"})
    assert "rechargez-la" in answer.text
    after = type(row).objects.filter(pk=row.pk).values().get()
    assert str(after[field]) == str(getattr(row, field))
    assert str(after[next(iter(colleague))]) == next(iter(colleague.values()))
