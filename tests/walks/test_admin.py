"""Support walks every page of the admin in a real browser: nothing axe finds, nothing cut, the focus always seen."""

from contextlib import closing
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from accounts.models import LinkRequest
from attachments.models import Deputy, Role
from directory.models import DirectoryImport, RejectedLine
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
    StructureFactory,
    TicketFactory,
    UserFactory,
)
from tests.walks.steps import PASSWORD, focus_is_seen, log_in

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "destinataire-au-nom-interminable.du-service-facturier@etablissement-scolaire-de-bretagne.example"
# The width of a screen that is cut: of the page, of a table, of a cell.
CUT = """() => [document.documentElement, ...document.querySelectorAll(".data-table, td, th")]
  .filter(box => box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).display !== "inline")
  .map(box => box.outerHTML.slice(0, 120))"""


@pytest.fixture(params=[True], ids=["javascript"])
def javascript(request):
    return request.param


@pytest.fixture
def support(site, person):
    """The page of a superuser, who alone sees every table."""
    user = UserFactory(staff=True, is_superuser=True, email="assistance@portail.example")
    user.set_password(PASSWORD)
    user.save()
    page = person()
    page.set_viewport_size({"width": 1280, "height": 900})
    log_in(page, site, user.email)
    page.wait_for_url(f"{site}/")
    return page


def page_of(row, page="change"):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])


def list_of(model, page="changelist"):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}")


def one_of_each():
    """A row of every table, with what is long in life; and imports in each of their states."""
    structure = StructureFactory(legal_name="Lycée d'enseignement général et technologique agricole de Bretagne")
    person = UserFactory(email=LONG, first_name="Marie-Charlotte", last_name="Descombes-Villeneuve de la Roche")
    referent = Referent.objects.create(administration="Académie de Rennes", name="Anne Un", email="a@exemple.example")
    ServiceFactory(structure=structure)
    mail = OutgoingMailFactory(to=LONG, state="failed", error=f"550 5.1.1 <{LONG}>: Recipient address rejected")
    stopped = DirectoryImportFactory(failed=True, lines=20_000, file_name="StockEtablissementHistorique_utf8.csv.gz")
    RejectedLine.objects.create(directory_import=stopped, line=3, identifier="2,17E+13", reason="SIRET illisible")
    return [
        structure,
        person,
        referent,
        BankAccountFactory(structure=structure),
        AttachmentFactory(user=person, structure=structure),
        AttachmentFactory(user=UserFactory(activating=True), role=Role.PRINCIPAL),
        AttachmentRequestFactory(user=person),
        Deputy.objects.create(
            structure=structure,
            deputy=person,
            named_by=UserFactory(),
            starts_on=timezone.localdate(),
            ends_on=timezone.localdate() + timedelta(days=9),
        ),
        DirectoryEntryFactory(),
        mail,
        TicketFactory(author=person, structure=structure),
        ReadyAnswer.objects.first(),
        Space.objects.first(),
        record(Event.REQUEST_SENT, actor=person, subject=person, structure=structure, reason=LONG),
        Submission.objects.create(reference="123456782", payload={}, attempts=3, error="OperationalError('…')"),
        AddressCorrection.objects.create(reference="123456782", email="a@exemple.example", payload={}, attempts=1),
        LinkRequest.objects.create(email=LONG, purpose="reset", attempts=1),
        AccessAttempt.objects.create(username=LONG, ip_address="10.0.0.1", failures_since_start=3, user_agent="M"),
        stopped,
        DirectoryImportFactory(running=True, bytes_read=420),
        DirectoryImportFactory(state="refused", kind="", error="Ce fichier n'est pas reconnu à ses colonnes."),
        DirectoryImportFactory(
            state="done", kind="establishments", lines=33_200_000, created=33_100_000, updated=12_345_678
        ),
    ]


@pytest.fixture
def look(support, axe):
    """Looks at the page on screen; named for what is said when something is wrong."""

    def look(name, colours=("light",)):
        for scheme in colours:
            support.emulate_media(color_scheme=scheme)
            axe(support)
        assert support.evaluate(CUT) == [], name
        focus_is_seen(support)

    return look


@pytest.fixture
def check(site, support, look):
    """Opens a page and looks at it."""

    def check(path, **options):
        assert support.goto(site + path).status == 200, path
        look(path, **options)

    return check


def test_empty_lists(check):
    for model in admin.site._registry:
        check(list_of(model))


def test_lists(support, check, axe):
    rows = one_of_each()
    assert {type(row) for row in rows} == set(admin.site._registry)
    for path in (reverse("admin:index"), *(list_of(model) for model in admin.site._registry)):
        check(path, colours=("light", "dark"))
        for filters in support.locator("details.filter").all():
            filters.locator("summary").click()
            axe(support)


def test_rows(check):
    for row in one_of_each():
        # What moves by itself is looked at standing still.
        check(page_of(row) + ("?immobile=1" if row._meta.model is DirectoryImport else ""))


def test_forms_and_confirmations(site, support, check, look):
    structure, *_ = one_of_each()
    for model in (Structure, Referent, DirectoryImport):
        check(list_of(model, "add"))
        support.get_by_role("main").locator("form button.btn-primary").click()
        look(f"{model.__name__}, wrong")
    check(page_of(structure, "history"))
    check(page_of(Referent.objects.get(), "delete"))
    check(reverse("admin:directory_directoryimport_cancel", args=[DirectoryImport.objects.get(state="running").pk]))
    support.goto(site + list_of(Referent))
    support.get_by_label("Tout cocher").check()
    support.get_by_role("button", name="Supprimer").click()
    look("several rows to delete")


def test_the_admin_leads_to_the_login_page(site, person, axe):
    with closing(person()) as page:
        page.goto(f"{site}/admin/structures/structure/")
        assert page.url.startswith(f"{site}/connexion/?next=/admin/")
        axe(page)
