"""The admin's first page starts with what waits, then lists the tables by work; no word of machines anywhere."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from accounts.models import LinkRequest
from attachments.models import Deputy, Role
from directory.models import DirectoryImport
from history.actions import record
from history.models import Event
from registration.models import AddressCorrection, Submission
from spaces.models import Space
from structures.models import Referent, Structure
from support.models import ReadyAnswer
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    BankAccountFactory,
    DirectoryEntryFactory,
    DirectoryImportFactory,
    OutgoingMailFactory,
    ServiceFactory,
    TicketFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

DESK = reverse("admin:index")


@pytest.fixture(autouse=True)
def support(client):
    user = UserFactory(staff=True)
    client.force_login(user)
    return user


def waiting(client):
    return {line.words: line for line in client.get(DESK).context["waiting"]}


# What waits, what does not, and the words for one.
WAITING = [
    (
        lambda: AttachmentFactory(role=Role.PRINCIPAL, user__activated_at=None),
        lambda: AttachmentFactory(role=Role.PRINCIPAL),
        "gestionnaire principal n'a jamais activé son compte",
    ),
    (
        lambda: DirectoryImportFactory(running=True),
        lambda: DirectoryImportFactory(state="done"),
        "import de l'annuaire est en attente ou en cours",
    ),
    (
        lambda: DirectoryImportFactory(failed=True),
        lambda: DirectoryImportFactory(state="cancelled"),
        "import de l'annuaire s'est interrompu",
    ),
    (
        lambda: OutgoingMailFactory(state="failed"),
        lambda: OutgoingMailFactory(state="sent"),
        "courriel n'a pas pu partir",
    ),
    (
        lambda: TicketFactory(),
        lambda: TicketFactory(status="action_required"),
        "sollicitation attend votre réponse",
    ),
    (
        lambda: Submission.objects.create(reference="123456782", payload={}, attempts=1),
        lambda: Submission.objects.create(reference="223456782", payload={}),
        "inscription n'a pas pu être traitée",
    ),
    (
        lambda: AddressCorrection.objects.create(reference="123456782", email="a@b.example", payload={}, attempts=1),
        lambda: AddressCorrection.objects.create(reference="223456782", email="a@b.example", payload={}),
        "adresse corrigée n'a pas pu être reprise",
    ),
    (
        lambda: LinkRequest.objects.create(email="a@b.example", purpose="reset", attempts=2),
        lambda: LinkRequest.objects.create(email="a@b.example", purpose="reset"),
        "demande de lien n'a pas pu être traitée",
    ),
]


@pytest.mark.parametrize(("stuck", "fine", "words"), WAITING, ids=[words for _, _, words in WAITING])
def test_what_waits_is_counted_and_leads_to_exactly_that(client, stuck, fine, words):
    fine()
    assert waiting(client) == {}
    row = stuck()
    line = waiting(client)[words]
    assert line.count == 1
    assert list(client.get(line.address).context["cl"].queryset) == [row]


def test_requests_nobody_else_decides_lead_to_the_site(client):
    AttachmentRequestFactory(structure=AttachmentFactory(role=Role.PRINCIPAL).structure)
    assert waiting(client) == {}
    AttachmentRequestFactory.create_batch(2)
    line = waiting(client)["demandes attendent votre décision"]
    assert (line.count, line.address) == (2, reverse("attachments:pending_requests"))


def test_nothing_waits(client):
    assert "Rien n'attend" in client.get(DESK).text


def test_every_table_is_on_the_first_page(client):
    page = client.get(DESK).text
    lists = {
        model: reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
    }
    assert [model for model, path in lists.items() if f'href="{path}"' not in page] == [AccessAttempt]
    client.force_login(UserFactory(staff=True, is_superuser=True))
    assert "Connexions refusées" in client.get(DESK).text


def test_the_first_page_costs_the_same_for_many(client, django_assert_num_queries):
    def page(rows):
        for _ in range(rows):
            AttachmentRequestFactory()
            OutgoingMailFactory(state="failed")
        return client.get(DESK)

    page(2)
    with django_assert_num_queries(14):
        client.get(DESK)
    page(20)
    with django_assert_num_queries(14):
        client.get(DESK)


def test_tables_are_listed_on_the_first_page_only(client):
    assert client.get("/admin/accounts/").url == DESK


def test_the_bar_leads_back_to_the_site(client):
    page = client.get(DESK).text
    assert "Retour au site" in page
    assert 'href="/activites/"' in page


@pytest.mark.parametrize(
    ("make", "site"),
    [
        (AttachmentRequestFactory, lambda row: f"/demandes/{row.reference}/"),
        (AttachmentFactory, lambda row: f"/structures/{row.structure_id}/"),
        (BankAccountFactory, lambda row: f"/coordonnees-bancaires/{row.pk}/"),
        (DirectoryEntryFactory, lambda row: f"/annuaire/{row.pk}/"),
    ],
)
def test_a_row_leads_to_its_page_on_the_site(client, make, site):
    row = make()
    page = client.get(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])).text
    assert re.search(rf'href="{site(row)}">\s*Voir sur le site', page)
    assert client.get(site(row)).status_code == 200


class Words(HTMLParser):
    """What a page says."""

    def __init__(self, html):
        super().__init__()
        self.said, self.inside = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.inside.append(tag)
        self.said += [value for name, value in attrs if name in ("aria-label", "alt", "title", "placeholder")]

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"script", "style"} & set(self.inside[-1:]):
            self.said.append(data)


MACHINE_WORDS = re.compile(
    r"\b(Axes|ID|True|False|None|null|Payload|Hashkey|Slug|JSON|objet|Tentatives?|instance|key|object|Access|"
    r"request_sent|send_again|super-utilisateur a été)\b|\{['\"]|__"
)


def test_no_page_speaks_as_machines_do(client):
    client.force_login(UserFactory(staff=True, is_superuser=True))
    structure = ServiceFactory(code="PAIE", label="Paie").structure
    rows = [
        structure,
        UserFactory(secret_question="pet", secret_answer="x"),
        AttachmentFactory(structure=structure),
        AttachmentRequestFactory(),
        Deputy.objects.create(
            structure=structure,
            deputy=UserFactory(),
            named_by=UserFactory(),
            starts_on=timezone.localdate(),
            ends_on=timezone.localdate() + timedelta(days=9),
        ),
        BankAccountFactory(structure=structure),
        DirectoryEntryFactory(),
        DirectoryImportFactory(failed=True, lines=10),
        OutgoingMailFactory(state="failed"),
        Space.objects.first(),
        Referent.objects.create(administration="Rennes", name="Anne Un", email="a@exemple.example"),
        record(Event.REQUEST_SENT, structure=structure, reason="Essai"),
        Submission.objects.create(reference="123456782", payload={"person": {}}, attempts=1),
        AddressCorrection.objects.create(reference="123456782", email="a@exemple.example", payload={}, attempts=1),
        LinkRequest.objects.create(email="a@b.example", purpose="reset", attempts=1),
        AccessAttempt.objects.create(username="a@b.example", ip_address="10.0.0.1", failures_since_start=3),
        TicketFactory(),
        ReadyAnswer.objects.first(),
    ]
    assert {type(row) for row in rows} == set(admin.site._registry)
    for row in rows:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        for path in (
            reverse(f"{name}_changelist"),
            reverse(f"{name}_change", args=[row.pk]),
            reverse(f"{name}_history", args=[row.pk]),
            *([reverse(f"{name}_add")] if type(row) in (Structure, Referent, DirectoryImport) else []),
        ):
            said = " ".join(Words(client.get(path).text).said)
            found = MACHINE_WORDS.search(said)
            assert not found, (path, said[max(0, found.start() - 60) : found.end() + 60])


def test_a_file_that_was_never_read_is_not_taken_up_again(client):
    refused = DirectoryImportFactory(state="refused", error="Ce fichier n'est pas reconnu à ses colonnes.")
    page = client.get(reverse("admin:directory_directoryimport_change", args=[refused.pk])).text
    assert "Reprendre" not in page
    assert "envoyez-en un autre" in page
    assert reverse("admin:directory_directoryimport_add") in page
    assert "Lignes lues" not in page
