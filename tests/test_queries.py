"""The same number of queries for 2 rows and for 9, on every list."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import LinkRequest
from attachments.actions import approve_request, refuse_request
from attachments.models import Deputy, Role
from history.actions import record
from history.models import Event
from notifications.models import OutgoingMail
from plumbing.references import new_reference
from registration.captcha import challenge, fresh
from registration.models import AddressCorrection, Submission
from spaces.models import Space
from structures.models import Referent
from support.models import ReadyAnswer
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    BankAccountFactory,
    DirectoryEntryFactory,
    DirectoryImportFactory,
    OpenSessionFactory,
    ServiceFactory,
    StructureFactory,
    TicketFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

FEW, MANY = 2, 9


def queries(client, path, data=None):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        answer = client.post(path, data) if data else client.get(path)
        if answer.streaming:
            answer.getvalue()
    assert answer.status_code == 200
    return len(captured)


def same_for_many(client, path, add, data=None, also=()):
    """`also`: the same rows at other addresses."""
    for _ in range(FEW):
        add()
    client.get("/")  # the session's once-a-minute write is not the list's
    few = [queries(client, address, data) for address in (path, *also)]
    for _ in range(MANY - FEW):
        add()
    assert [queries(client, address, data) for address in (path, *also)] == few


@pytest.fixture
def managed(client):
    structure = StructureFactory()
    client.force_login(AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user)
    return structure


def test_pending_requests(client, managed):
    def add():
        wanted = AttachmentRequestFactory(structure=managed, whole_structure=False)
        wanted.services.add(ServiceFactory(structure=managed))

    same_for_many(client, "/demandes/", add, also=["/demandes/export.csv", "/demandes/export.xlsx"])


def test_account(client, managed):
    me = managed.attachments.get().user

    def add():
        AttachmentFactory(user=me, whole_structure=False).services.add(ServiceFactory())
        asked = AttachmentRequestFactory(user=me)
        AttachmentFactory(structure=asked.structure, role=Role.PRINCIPAL)
        OpenSessionFactory(user=me)

    same_for_many(client, "/mon-compte/", add)
    same_for_many(client, "/mon-compte/sessions/", lambda: OpenSessionFactory(user=me))


def test_support_s_lists_of_requests(client, managed):
    staff, manager = UserFactory(staff=True), managed.attachments.get().user
    client.force_login(staff)

    def add():
        orphan = AttachmentRequestFactory(whole_structure=False)
        orphan.services.add(ServiceFactory(structure=orphan.structure))
        AttachmentFactory(structure=orphan.structure, role=Role.PRINCIPAL, user__activating=True)
        AttachmentRequestFactory(structure=managed)
        refuse_request(AttachmentRequestFactory(structure=managed).pk, actor=manager, reason="Non")
        approve_request(AttachmentRequestFactory(structure=managed).pk, actor=manager)

    lists = [f"/demandes/{page}?vue={view}" for view in ("", "toutes", "decidees") for page in ("", "export.csv")]
    same_for_many(client, lists[0], add, also=lists[1:])


@pytest.mark.parametrize("query", ["", "q=anne&statut=in_force&tri=fin", "statut=over"])
def test_people_of_a_structure_and_those_one_finds(client, query):
    structure = StructureFactory()
    client.force_login(AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user)

    def add():
        row = AttachmentFactory(structure=structure, whole_structure=False, user=UserFactory(activating=True))
        row.services.add(ServiceFactory(structure=structure))
        AttachmentRequestFactory(structure=structure, user=row.user)
        AttachmentFactory(structure=structure, ended_at=timezone.now())

    source = AttachmentFactory(structure=structure)
    here = f"/structures/{structure.pk}/personnes/"
    also = [
        f"{here}export.csv?{query}",
        f"{here}export.xlsx?{query}",
        f"{here}rattacher/?q=nom",
        f"{here}{source.pk}/dupliquer/",
    ]
    found = ["/personnes/?prenom=anne&service=service", "/personnes/export.csv?tous=1", "/personnes/renvoi/?tous=1"]
    same_for_many(client, f"{here}?{query}", add, also=[*also, *found])


def test_services_to_ask_for(client):
    structure = StructureFactory()
    client.force_login(UserFactory())
    same_for_many(client, f"/structures/{structure.pk}/rattachement/", lambda: ServiceFactory(structure=structure))


def test_home_with_structures_and_requests(client):
    user = UserFactory()
    client.force_login(user)

    def add():
        AttachmentRequestFactory(user=user)
        attachment = AttachmentFactory(user=user, whole_structure=False)
        attachment.services.add(ServiceFactory(structure=attachment.structure))

    same_for_many(client, "/", add)


@pytest.mark.parametrize("path", ["", "export.csv", "export.xlsx"])
@pytest.mark.parametrize("query", ["vue=rattachements", "vue=demandes", "vue=demandes&q=coll", "q=coll"])
def test_one_s_attachments_and_requests(client, path, query):
    user = UserFactory()
    client.force_login(user)

    def add():
        for factory in (AttachmentFactory, AttachmentRequestFactory):
            row = factory(user=user, whole_structure=False)
            row.services.add(ServiceFactory(structure=row.structure))
            AttachmentFactory(structure=row.structure, role=Role.PRINCIPAL)
        AttachmentRequestFactory(user=user, status="refused", reason="Non", decided_at=timezone.now())

    same_for_many(client, f"/mes-rattachements/{path}?{query}", add)


def test_what_is_lost_by_leaving(client):
    user = UserFactory()
    client.force_login(user)

    def add():
        row = AttachmentFactory(user=user, whole_structure=False, role=Role.SECONDARY)
        row.services.add(ServiceFactory(structure=row.structure))
        AttachmentRequestFactory(structure=row.structure)
        AttachmentFactory(user=user, role=Role.PRINCIPAL)

    def path():
        return "/mes-rattachements/suppression/?" + "&".join(f"rattachement={row.pk}" for row in user.attachments.all())

    for _ in range(FEW):
        add()
    client.get("/")
    few = queries(client, path())
    for _ in range(MANY - FEW):
        add()
    assert queries(client, path()) == few

    def begun():
        return client.get("/mes-rattachements/succession/").url

    few = queries(client, begun())
    AttachmentFactory(user=user, role=Role.PRINCIPAL)
    assert queries(client, begun()) == few


@pytest.mark.parametrize("path", ["droits", "suppleance"])
def test_secondary_managers_and_those_who_may_stand_in(client, managed, path):
    def add():
        AttachmentFactory(structure=managed, role=Role.SECONDARY, attach_people=False)

    same_for_many(client, f"/structures/{managed.pk}/{path}/", add)


def test_home_with_suppleances_and_ends_to_come(client):
    user = UserFactory()
    client.force_login(user)

    def add():
        place = AttachmentFactory(user=user, role=Role.PRINCIPAL)
        soon = timezone.localdate() + timedelta(days=9)
        deputy = AttachmentFactory(structure=place.structure, ends_on=soon).user
        Deputy.objects.create(structure=place.structure, deputy=deputy, named_by=user, ends_on=soon)

    for _ in range(6):
        add()
    client.get("/")
    few = queries(client, "/")
    for _ in range(MANY):
        add()
    assert queries(client, "/") == few


def test_services_of_a_request(client, managed):
    wanted = AttachmentRequestFactory(structure=managed, whole_structure=False)
    same_for_many(
        client, f"/demandes/{wanted.reference}/", lambda: wanted.services.add(ServiceFactory(structure=managed))
    )


def test_services_of_a_structure_at_registration(client):
    structure = StructureFactory()
    data = {"identifier_type": "siret", "identifier": structure.identifier}
    same_for_many(client, "/inscription/structure/", lambda: ServiceFactory(structure=structure), data)


@pytest.mark.parametrize(
    ("path", "factory"), [("services", ServiceFactory), ("coordonnees-bancaires", BankAccountFactory)]
)
@pytest.mark.parametrize("query", ["", "?q=e"])
def test_services_and_bank_accounts_of_a_structure(client, managed, path, factory, query):
    same_for_many(client, f"/structures/{managed.pk}/{path}/{query}", lambda: factory(structure=managed))


@pytest.mark.parametrize("path", ["services/", "services/nouveau/", "coordonnees-bancaires/", "services/?q=e"])
def test_structures_to_choose_from(client, managed, path):
    manager = managed.attachments.get().user

    def add():
        ServiceFactory(structure=AttachmentFactory(user=manager, role=Role.PRINCIPAL).structure)

    kind = path.partition("/")[0]
    same_for_many(client, f"/{path}", add, also=[f"/{kind}/export.csv"])


def test_what_follows_from_deactivating_a_service(client, managed):
    service = ServiceFactory(structure=managed)

    def add():
        for factory in (AttachmentFactory, AttachmentRequestFactory):
            factory(structure=managed, whole_structure=False).services.add(service)

    same_for_many(client, f"/services/{service.pk}/desactiver/", add)


ADD = {
    "accounts.User": UserFactory,
    "accounts.LinkRequest": lambda: LinkRequest.objects.create(email="a@exemple.example", purpose="reset"),
    "registration.AddressCorrection": lambda: AddressCorrection.objects.create(reference=new_reference(), payload={}),
    "registration.Submission": lambda: Submission.objects.create(reference=new_reference(), payload={}),
    "structures.Structure": StructureFactory,
    "directory.DirectoryEntry": DirectoryEntryFactory,
    "directory.DirectoryImport": DirectoryImportFactory,
    "structures.BankAccount": BankAccountFactory,
    "structures.Referent": lambda: Referent.objects.create(administration=f"A{Referent.objects.count()}", name="N"),
    "attachments.Attachment": AttachmentFactory,
    "attachments.AttachmentRequest": AttachmentRequestFactory,
    "attachments.Deputy": lambda: Deputy.objects.create(
        structure=StructureFactory(), deputy=UserFactory(), named_by=UserFactory(), ends_on="2099-01-01"
    ),
    "spaces.Space": lambda: Space.objects.create(code=f"espace-{Space.objects.count()}", label="Espace"),
    "support.Ticket": TicketFactory,
    "support.ReadyAnswer": lambda: ReadyAnswer.objects.create(title="Bonjour", text="Bonjour"),
    "history.HistoryEntry": lambda: record(
        Event.REQUEST_SENT, actor=UserFactory(), subject=UserFactory(), structure=StructureFactory()
    ),
    "notifications.OutgoingMail": lambda: OutgoingMail.objects.create(slug="s", to="a@b.example", subject="S"),
}


def test_every_admin_list_is_tried():
    assert {
        model._meta.label for model in admin.site._registry if not model.__module__.startswith("axes")
    } == ADD.keys()


@pytest.mark.parametrize("model", ADD)
def test_admin_lists(client, model):
    client.force_login(UserFactory(staff=True))
    path = reverse(f"admin:{model.lower().replace('.', '_')}_changelist")
    same_for_many(client, path, ADD[model])


def test_registering_for_services(client):
    structure = StructureFactory()

    def add():
        ServiceFactory(structure=structure)

    def register():
        shown = fresh()
        data = {
            "email": f"{shown.key}@exemple.example",
            "email_again": f"{shown.key}@exemple.example",
            "first_name": "Anne",
            "last_name": "Un",
            "terms": "on",
            "identifier_type": "siret",
            "identifier": structure.identifier,
            "scope": "services",
            "services": [service.pk for service in structure.services.all()],
            "captcha_key": shown.key,
            "captcha_answer": challenge(shown.key)[1],
        }
        with CaptureQueriesContext(connection) as captured:
            assert client.post("/inscription/", data).status_code == 302
        client.logout()
        return len(captured)

    counts = []
    for size in (FEW, MANY):
        while structure.services.count() < size:
            add()
        counts.append(register())
    assert counts[0] == counts[1]


def test_deciding_for_services(client, managed):
    def decide(services):
        wanted = AttachmentRequestFactory(structure=managed, whole_structure=False)
        data = {"role": "simple", "scope": "services", "services": [service.pk for service in services]}
        client.get("/")
        with CaptureQueriesContext(connection) as captured:
            assert client.post(f"/demandes/{wanted.reference}/", data).status_code == 302
        return len(captured)

    few = decide(ServiceFactory.create_batch(FEW, structure=managed))
    assert decide(ServiceFactory.create_batch(MANY, structure=managed)) == few


def test_a_structure_s_admin_page_with_its_services(client):
    client.force_login(UserFactory(staff=True))
    structure = StructureFactory()
    path = reverse("admin:structures_structure_change", args=[structure.pk])
    client.get(path)  # Django looks content types up once
    same_for_many(client, path, lambda: ServiceFactory(structure=structure))


def test_support_lists_of_failed_logins(client):
    client.force_login(UserFactory(staff=True, is_superuser=True))

    def add():
        number = AccessAttempt.objects.count()
        AccessAttempt.objects.create(username=f"a{number}@b.example", ip_address="10.0.0.1", failures_since_start=1)

    same_for_many(client, reverse("admin:axes_accessattempt_changelist"), add)


@pytest.mark.parametrize("model", [m for m in ADD if m not in ("structures.Referent",)])
def test_admin_lists_searched(client, model):
    client.force_login(UserFactory(staff=True))
    path = reverse(f"admin:{model.lower().replace('.', '_')}_changelist")
    same_for_many(client, f"{path}?q=e", ADD[model])


def test_a_search(client):
    client.force_login(UserFactory())
    path = "/structures/?legal_name=menuiserie"
    client.get(path)  # the session's once-a-minute write is not the search's
    for _ in range(FEW):
        DirectoryEntryFactory(legal_name="Menuiserie")
    few = queries(client, path)
    for _ in range(25):
        DirectoryEntryFactory(legal_name="Menuiserie")
    # A full page is found sooner.
    assert queries(client, path) < few < 20


def test_structures_one_manages(client):
    user = UserFactory()
    client.force_login(user)

    def add():
        structure = AttachmentFactory(user=user, role=Role.PRINCIPAL).structure
        AttachmentRequestFactory(structure=structure)
        ServiceFactory(structure=structure)

    same_for_many(client, "/structures/gerees/", add)


@pytest.mark.parametrize(
    ("path", "factory"), [("services", ServiceFactory), ("coordonnees-bancaires", BankAccountFactory)]
)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_services_and_bank_accounts_as_files(client, managed, path, factory, kind):
    same_for_many(client, f"/structures/{managed.pk}/{path}/export.{kind}", lambda: factory(structure=managed))


def test_a_search_among_structures(client):
    user = UserFactory()
    client.force_login(user)
    path = "/structures/?legal_name=menuiserie"

    def add():
        AttachmentFactory(user=user, structure__legal_name="Menuiserie")
        StructureFactory(legal_name="Menuiserie")

    client.get(path)  # the session's once-a-minute write is not the search's
    add()
    few = queries(client, path)
    for _ in range(8):
        add()
    assert queries(client, path) <= few


def test_who_can_do_the_rest(client):
    user = UserFactory()
    client.force_login(user)

    def add():
        structure = AttachmentFactory(user=user).structure
        AttachmentFactory(structure=structure, role=Role.PRINCIPAL)

    same_for_many(client, "/organisation/", add)


def test_a_structure_with_its_services(client, managed):
    same_for_many(client, f"/structures/{managed.pk}/", lambda: ServiceFactory(structure=managed))
