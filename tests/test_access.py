"""Who may open what: every URL name × every role × the expected answer to a GET."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.template import Template
from django.test import Client
from django.test.signals import template_rendered
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone

from accounts.links import Purpose, make_token
from accounts.models import ExternalIdentity, Passkey
from attachments.models import AttachmentRequest, Deputy, Handover, Right, Role
from history.actions import record
from history.models import Event
from notifications.models import OutgoingMail
from registration.captcha import fresh
from spaces.models import Space
from support.emails import follow_link
from tests.accounts.provider import CLIENT, SECRET, running_provider
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    BankAccountFactory,
    DirectoryEntryFactory,
    OpenSessionFactory,
    PasskeyFactory,
    ServiceFactory,
    StructureFactory,
    SubscriptionFactory,
    SupportingDocumentFactory,
    TicketFactory,
    TicketFileFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

ROLES = ("visitor", "alone", "simple", "secondary", "principal", "stranger", "staff")
LOGIN, HOME = 302, 302
# name: (arguments, what each of ROLES gets)
PUBLIC = (200,) * 7
VISITORS_ONLY = (200, *(HOME,) * 6)
POST_ONLY = (405,) * 7
NOWHERE = (404,) * 7
ITS_PEOPLE = (LOGIN, 404, 200, 200, 200, 404, 200)
# On what everybody may see, and on what only the structure's people may.
ITS_PRINCIPAL = (LOGIN, 403, 403, 403, 200, 403, 200)
ITS_PRINCIPAL_AMONG_THEM = (LOGIN, 404, 403, 403, 200, 404, 200)
# Of the people of a structure that everybody may see.
ITS_MANAGERS = (LOGIN, 403, 403, 200, 200, 403, 200)
# A list of one's structures, or the page of the only one.
MANY_OR_ONE = (LOGIN, 200, 200, 200, 302, 302, 200)
TABLE = {
    "home": ([], PUBLIC),
    "terms": ([], PUBLIC),
    "privacy": ([], PUBLIC),
    "help": ([], PUBLIC),
    "accessibility": ([], PUBLIC),
    "legal_notice": ([], PUBLIC),
    "favicon": ([], (302,) * 7),
    "health": ([], PUBLIC),
    "registration:register": ([], VISITORS_ONLY),
    "registration:structure_block": ([], (405, *(HOME,) * 6)),
    "registration:captcha_block": ([], (405, *(HOME,) * 6)),
    "registration:captcha_image": (["captcha"], VISITORS_ONLY),
    "registration:captcha_audio": (["captcha"], VISITORS_ONLY),
    "registration:recap": ([], (302,) * 7),
    "registration:correct_address": ([], (302,) * 7),
    "accounts:login": ([], VISITORS_ONLY),
    # Nobody is between the password and the code: tried in tests/accounts/test_second_step.py.
    "accounts:second_step": ([], (302,) * 7),
    "accounts:mail_code": ([], POST_ONLY),
    # Off by default: tried with a provider below.
    "accounts:oidc_start": ([], NOWHERE),
    "accounts:oidc_callback": ([], NOWHERE),
    "accounts:unlink_identity": ([], (LOGIN, *NOWHERE[1:])),
    "accounts:logout": ([], POST_ONLY),
    "accounts:resend_activation": ([], PUBLIC),
    "accounts:activate": (["activation"], PUBLIC),
    "accounts:confirm_contact": (["contact"], PUBLIC),
    "accounts:confirm_address": (["address"], PUBLIC),
    "accounts:restore_address": (["undo"], PUBLIC),
    "accounts:forgotten_password": ([], PUBLIC),
    "accounts:reset": (["reset"], PUBLIC),
    "accounts:ask_reactivation": ([], PUBLIC),
    "accounts:reactivate": (["reactivation"], PUBLIC),
    "account": ([], (LOGIN, *(200,) * 6)),
    "accounts:change_general": ([], (LOGIN, *(200,) * 6)),
    "accounts:change_postal_address": ([], (LOGIN, *(200,) * 6)),
    "accounts:change_contact": ([], (LOGIN, *(200,) * 6)),
    "accounts:resend_contact_confirmation": ([], (LOGIN, *(405,) * 6)),
    "accounts:change_parameters": ([], (LOGIN, *(200,) * 6)),
    "accounts:change_password": ([], (LOGIN, *(200,) * 6)),
    "accounts:change_secret_question": ([], (LOGIN, *(200,) * 6)),
    "accounts:change_login_address": ([], (LOGIN, *(200,) * 6)),
    "accounts:cancel_address_request": ([], (LOGIN, *(405,) * 6)),
    "accounts:deactivate": ([], (LOGIN, *(200,) * 6)),
    "accounts:sessions": ([], (LOGIN, *(200,) * 6)),
    "accounts:end_session": (["session"], (LOGIN, *(405,) * 6)),
    "accounts:end_other_sessions": ([], (LOGIN, *(405,) * 6)),
    "accounts:second_factor": ([], (LOGIN, *(200,) * 6)),
    "accounts:add_totp": ([], (LOGIN, *(200,) * 6)),
    "accounts:turn_on_email_code": ([], (LOGIN, *(200,) * 6)),
    "accounts:add_passkey": ([], (LOGIN, *(200,) * 6)),
    # Of what nobody in the table has: tried with owners in tests/accounts/test_second_factor.py.
    "accounts:remove_passkey": (["passkey"], (LOGIN, *(404,) * 6)),
    "accounts:remove_factor": (["way"], (LOGIN, *(302,) * 6)),
    "accounts:renew_recovery_codes": ([], (LOGIN, *(302,) * 6)),
    "accounts:new_recovery_codes": ([], (LOGIN, *(302,) * 6)),
    "accounts:turn_off_second_factor": ([], (LOGIN, *(302,) * 6)),
    "attachments:activities": ([], (LOGIN, *(200,) * 6)),
    "attachments:pending_requests": ([], (LOGIN, *(200,) * 6)),
    # Nothing is ticked, or was decided: tried with ticks in tests/attachments/test_several_screens.py.
    "attachments:orphans": ([], (LOGIN, *(403,) * 5, 200)),
    "attachments:export_orphans": (["kind"], (LOGIN, *(403,) * 5, 200)),
    "attachments:approve_together": ([], (LOGIN, *(302,) * 6)),
    "attachments:refuse_together": ([], (LOGIN, *(302,) * 6)),
    "attachments:decided_together": ([], (LOGIN, *(302,) * 6)),
    "attachments:export_requests": (["kind"], (LOGIN, *(200,) * 6)),
    "attachments:decide_request": (["request"], (LOGIN, 404, 404, 200, 200, 404, 200)),
    "attachments:refuse_request": (["request"], (LOGIN, 404, 404, 200, 200, 404, 200)),
    "attachments:request_attachment": (["structure_pk"], (LOGIN, *(200,) * 6)),
    "attachments:my_attachments": ([], (LOGIN, *(200,) * 6)),
    "attachments:export_my_attachments": (["kind"], (LOGIN, *(200,) * 6)),
    "attachments:leave_structures": ([], (LOGIN, *(302,) * 6)),
    # What is being chosen is in the session: tried in tests/attachments/test_transfer_screens.py.
    "attachments:succession": ([], (302,) * 7),
    "attachments:choose_successor": ([], (302,) * 7),
    "attachments:confirm_succession": ([], (302,) * 7),
    # Of both whom it concerns, and support: tried with them in tests/attachments/test_transfer_screens.py.
    "attachments:handover": (["handover"], (LOGIN, *(404,) * 5, 200)),
    "attachments:cancel_handover": (["handover"], (LOGIN, *(404,) * 5, 302)),
    "attachments:undo_transfer": (["handover"], (LOGIN, *(404,) * 5, 302)),
    # Somebody's own: tried with the owner in tests/attachments/test_mine.py.
    "attachments:withdraw_request": (["request"], (LOGIN, *(404,) * 6)),
    "attachments:people": (["structure_pk"], ITS_MANAGERS),
    "attachments:export_people": (["structure_pk", "kind"], ITS_MANAGERS),
    "attachments:attach_person": (["structure_pk"], ITS_MANAGERS),
    "attachments:create_account": (["structure_pk"], ITS_MANAGERS),
    "attachments:import_people": (["structure_pk"], ITS_MANAGERS),
    "attachments:download_people_model": (["structure_pk"], ITS_MANAGERS),
    # No file was applied.
    "attachments:file_applied": (["structure_pk"], (LOGIN, 403, 403, 302, 302, 403, 302)),
    "attachments:download_left_lines": (["structure_pk"], (LOGIN, 403, 403, 302, 302, 403, 302)),
    "attachments:person": (["structure_pk", "place"], ITS_MANAGERS),
    "attachments:change_person": (["structure_pk", "place"], ITS_MANAGERS),
    "attachments:detach_person": (["structure_pk", "place"], ITS_MANAGERS),
    "attachments:duplicate_rights": (["structure_pk", "place"], ITS_MANAGERS),
    "attachments:resend_activation": (["structure_pk", "place"], (LOGIN, *(405,) * 6)),
    "attachments:find_people": ([], (LOGIN, *(200,) * 6)),
    "attachments:export_found": (["kind"], (LOGIN, *(302,) * 6)),
    "attachments:resend_activations": ([], (LOGIN, *(200,) * 6)),
    "attachments:choose_structure_to_attach": ([], (LOGIN, 200, 200, 302, 302, 302, 200)),
    "attachments:choose_structure_for_account": ([], (LOGIN, 200, 200, 302, 302, 302, 200)),
    "attachments:secondary_rights": (["structure_pk"], ITS_PRINCIPAL),
    "attachments:personal_rights": (["structure_pk", "secondary"], ITS_PRINCIPAL),
    "attachments:deputy": (["structure_pk"], ITS_PRINCIPAL),
    "attachments:end_deputy": (["structure_pk"], (LOGIN, 403, 403, 403, 302, 403, 302)),
    # Of a secondary manager: its principal manager's to extend, not a colleague's.
    "attachments:extend": (["secondary"], (LOGIN, 404, 404, 403, 200, 404, 200)),
    # Without anybody ticked, back to the list.
    "attachments:extend_people": (["structure_pk"], (LOGIN, 403, 403, 302, 302, 403, 302)),
    "attachments:history": ([], (LOGIN, 403, 403, 403, 200, 200, 200)),
    "attachments:export_history": (["kind"], (LOGIN, 403, 403, 403, 200, 200, 200)),
    "attachments:structure_history": (["structure_pk"], ITS_PRINCIPAL),
    "attachments:export_structure_history": (["structure_pk", "kind"], ITS_PRINCIPAL),
    "attachments:history_entry": (["line"], (LOGIN, 404, 404, 404, 200, 404, 200)),
    "organisation": ([], (LOGIN, *(200,) * 6)),
    "structures:search": ([], (LOGIN, *(200,) * 6)),
    "structures:export": (["kind"], (LOGIN, *(302,) * 6)),
    "structures:directory_entry": (["directory_entry"], (LOGIN, *(200,) * 6)),
    "structures:my_structures": ([], (*MANY_OR_ONE[:-1], 302)),
    "structures:export_my_structures": (["kind"], (LOGIN, *(200,) * 5, 302)),
    "structures:create_structure": ([], (LOGIN, *(200,) * 6)),
    "structures:structure": (["structure_pk"], (LOGIN, *(200,) * 6)),
    "structures:change_structure": (["structure_pk"], ITS_PRINCIPAL),
    "structures:deactivate_structure": (["structure_pk"], ITS_PRINCIPAL),
    "structures:activate_structure": (["structure_pk"], (LOGIN, *(405,) * 6)),
    "structures:update_from_directory": (["structure_pk"], ITS_PRINCIPAL),
    "structures:change_identifier": (["structure_pk"], ITS_PRINCIPAL),
    "structures:services": (["structure_pk"], (LOGIN, *(200,) * 6)),
    "structures:export_services": (["structure_pk", "kind"], (LOGIN, *(200,) * 6)),
    "structures:create_service": (["structure_pk"], ITS_PRINCIPAL),
    "structures:my_services": ([], MANY_OR_ONE),
    "structures:export_my_services": (["kind"], (LOGIN, *(200,) * 6)),
    "structures:choose_structure_for_service": ([], MANY_OR_ONE),
    "structures:service": (["service"], (LOGIN, *(200,) * 6)),
    "structures:change_service": (["service"], ITS_PRINCIPAL),
    "structures:deactivate_service": (["service"], ITS_PRINCIPAL),
    "structures:activate_service": (["service"], (LOGIN, *(405,) * 6)),
    "structures:bank_accounts": (["structure_pk"], ITS_PEOPLE),
    "structures:export_bank_accounts": (["structure_pk", "kind"], ITS_PEOPLE),
    "structures:create_bank_account": (["structure_pk"], ITS_PRINCIPAL_AMONG_THEM),
    "structures:my_bank_accounts": ([], MANY_OR_ONE),
    "structures:export_my_bank_accounts": (["kind"], (LOGIN, *(200,) * 6)),
    "structures:choose_structure_for_bank_account": ([], MANY_OR_ONE),
    "structures:bank_account": (["bank_account"], ITS_PEOPLE),
    "structures:change_bank_account": (["bank_account"], ITS_PRINCIPAL_AMONG_THEM),
    "structures:deactivate_bank_account": (["bank_account"], ITS_PRINCIPAL_AMONG_THEM),
    "structures:activate_bank_account": (["bank_account"], (LOGIN, *(405,) * 6)),
    "spaces:my_subscriptions": ([], (LOGIN, *(200,) * 6)),
    "spaces:export_my_subscriptions": (["kind"], (LOGIN, *(200,) * 6)),
    "spaces:add_subscription": ([], (LOGIN, *(200,) * 6)),
    # Nothing is ticked.
    "spaces:end_subscriptions": ([], (LOGIN, *(302,) * 6)),
    "spaces:space": (["space"], (LOGIN, *(200,) * 6)),
    "spaces:ask_space": (["space"], (LOGIN, *(405,) * 6)),
    "spaces:subscription_requests": ([], (LOGIN, *(200,) * 6)),
    "spaces:export_subscription_requests": (["kind"], (LOGIN, *(200,) * 6)),
    # Nothing is ticked, nothing was decided.
    "spaces:approve_subscriptions": ([], (LOGIN, *(302,) * 6)),
    "spaces:refuse_subscriptions": ([], (LOGIN, *(302,) * 6)),
    "spaces:decided_subscriptions": ([], (LOGIN, *(302,) * 6)),
    "spaces:decide_subscriptions": (["subscription"], (LOGIN, 404, 404, 200, 200, 404, 200)),
    "spaces:refuse_subscription": (["subscription"], (LOGIN, 404, 404, 200, 200, 404, 200)),
    "spaces:structure_spaces": (["structure_pk"], ITS_MANAGERS),
    "spaces:open_space": (["structure_pk", "space"], ITS_PRINCIPAL),
    "spaces:space_matrix": (["structure_pk"], ITS_MANAGERS),
    "spaces:export_matrix": (["structure_pk", "kind"], ITS_MANAGERS),
    "spaces:change_matrix": (["structure_pk"], ITS_MANAGERS),
    # It is not open there.
    "spaces:close_space": (["structure_pk", "space"], (LOGIN, 403, 403, 403, 302, 403, 302)),
    "own_data": ([], (LOGIN, *(200,) * 6)),
    "download_own_data": ([], (LOGIN, *(200,) * 6)),
    "documents:documents": ([], (LOGIN, *(200,) * 6)),
    "documents:export_list": (["kind"], (LOGIN, *(200,) * 6)),
    "documents:add": ([], (LOGIN, *(200,) * 6)),
    # Nobody else's, support's least of all: its owner is none of ROLES.
    "documents:download": (["document"], (LOGIN, *(404,) * 6)),
    "documents:change": (["document"], (LOGIN, *(404,) * 6)),
    "documents:delete": (["document"], (LOGIN, *(404,) * 6)),
    "documents:download_ticked": ([], (LOGIN, *(302,) * 6)),
    "documents:delete_ticked": ([], (LOGIN, *(302,) * 6)),
    "support:tickets": ([], (LOGIN, *(200,) * 6)),
    "support:choose": ([], (LOGIN, *(200,) * 6)),
    "support:write": (["category"], (LOGIN, *(200,) * 6)),
    "support:reactivation": ([], PUBLIC),
    "support:follow": (["follow"], PUBLIC),
    # Somebody's own, and support's in the admin: its author is none of ROLES, who are tried in tests/support.
    "support:ticket": (["ticket"], (LOGIN, *(404,) * 6)),
    "support:close": (["ticket"], (LOGIN, *(405,) * 6)),
    "support:delete_draft": (["ticket"], (LOGIN, *(405,) * 6)),
    "support:deposit": (["ticket"], (LOGIN, *(405,) * 6)),
    "support:object": (["ticket"], (LOGIN, *(404,) * 6)),
    "support:download_file": (["ticket_file"], (LOGIN, *(404,) * 5, 302)),
    "support:remove_file": (["ticket_file"], (LOGIN, *(405,) * 6)),
    "demo:mailbox": ([], PUBLIC),
    "demo:mail": (["mail"], PUBLIC),
    "demo:mail_html": (["mail"], PUBLIC),
}
# Without a second factor there is nothing to see: they lead to the page where one is set up.
WITHOUT_FACTOR = (
    "accounts:remove_factor",
    "accounts:renew_recovery_codes",
    "accounts:new_recovery_codes",
    "accounts:turn_off_second_factor",
)
# Django's own, for whoever is logged in; the rest of the admin is support's.
ADMIN_FOR_ALL = {"admin:jsi18n", "admin:logout", "admin:password_change", "admin:password_change_done"}
OF_ONE_ROW = (
    "_change",
    "_delete",
    "_history",
    "_rejected_lines",
    "_retry",
    "_cancel",
    "app_list",
    "view_on_site",
    "_take",
    "_issue",
    "_reopen_account",
    "_transfer",
)


def names(resolver, prefix=""):
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            if entry.name:
                yield prefix + entry.name
        else:
            yield from names(entry, f"{prefix}{entry.namespace}:" if entry.namespace else prefix)


def test_every_url_is_in_the_table():
    ours = {name for name in names(get_resolver()) if not name.startswith("admin:")}
    assert ours == TABLE.keys()


@pytest.fixture
def arguments():
    """What stands for each argument of the table."""
    structure = StructureFactory()
    return {
        "structure": structure,
        "structure_pk": structure.pk,
        "service": ServiceFactory(structure=structure).pk,
        "directory_entry": DirectoryEntryFactory().pk,
        "bank_account": BankAccountFactory(structure=structure).pk,
        "contact": make_token(UserFactory(contact_email="bureau@exemple.example"), Purpose.CONTACT),
        "address": make_token(UserFactory(requested_email="nouvelle@exemple.example"), Purpose.ADDRESS),
        "undo": make_token(
            UserFactory(previous_email="ancienne@exemple.example", email_changed_at=timezone.now()),
            Purpose.UNDO_ADDRESS,
        ),
        # Somebody else's.
        "session": OpenSessionFactory().pk,
        "document": SupportingDocumentFactory().pk,
        "passkey": PasskeyFactory().pk,
        "category": "general",
        "ticket": (ticket := TicketFactory()).reference,
        # Its file is in no store: who may have it is sent back to a page that says so.
        "ticket_file": TicketFileFactory(ticket=ticket, message=ticket.messages.get()).pk,
        "follow": follow_link(TicketFactory(author=None, visitor_email="v@exemple.example")).rpartition("suivi/")[2][
            :-1
        ],
        "way": "totp",
        "kind": "csv",
        "space": "engagements",
        "subscription": SubscriptionFactory(
            structure=structure, status="pending", space=Space.objects.get(code="engagements")
        ).reference,
        # A simple user's.
        "place": AttachmentFactory(structure=structure).pk,
        "line": record(Event.STRUCTURE_CHANGED, structure=structure).pk,
        "handover": Handover.objects.create(
            structure=structure, successor=(other := UserFactory()), named_by=other, reference="123456782"
        ).reference,
        "request": AttachmentRequestFactory(structure=structure).reference,
        "secondary": AttachmentFactory(
            structure=structure, role=Role.SECONDARY, ends_on=timezone.localdate() + timedelta(days=9)
        ).pk,
        "captcha": fresh().key,
        "activation": make_token(UserFactory(activating=True), Purpose.ACTIVATION),
        "reset": make_token(UserFactory(), Purpose.RESET),
        "reactivation": make_token(UserFactory(state="disabled", deactivated_at=timezone.now()), Purpose.REACTIVATION),
        "mail": OutgoingMail.objects.create(slug="essai", to="a@exemple.example", subject="Essai").pk,
    }


@pytest.fixture
def unwritten(monkeypatch):
    """Pages are answered without being written: who may see them was decided before."""

    def write_nothing(page, context):
        template_rendered.send(page, template=page, context=context)
        return ""

    monkeypatch.setattr(Template, "_render", write_nothing)


def log_in_as(client, role, structure):
    if role == "visitor":
        return
    if role in ("alone", "staff"):
        user = UserFactory(staff=role == "staff")
    elif role == "stranger":
        user = AttachmentFactory(role=Role.PRINCIPAL).user
    else:
        user = AttachmentFactory(structure=structure, role=Role(role)).user
    client.force_login(user)


@pytest.mark.parametrize("role", ROLES)
def test_access(client, request, arguments, role):
    if role not in ("visitor", "principal", "staff"):
        request.getfixturevalue("unwritten")
    log_in_as(client, role, arguments["structure"])
    expected, given = {}, {}
    for name, (wanted, answers) in TABLE.items():
        answer = client.get(reverse(name, args=[arguments[argument] for argument in wanted]))
        expected[name], given[name] = answers[ROLES.index(role)], answer.status_code
        # One export at a time: it ends once it was read.
        b"".join(answer)
        if role == "visitor" and name.startswith("attachments:"):
            assert answer.url.startswith("/connexion/?next="), name
    assert given == expected


@pytest.mark.parametrize("role", [role for role in ROLES if role != "staff"])
def test_nobody_but_support_enters_the_admin(client, role):
    log_in_as(client, role, StructureFactory())
    for name in names(get_resolver()):
        if name.startswith("admin:") and not name.endswith(OF_ONE_ROW) and name not in ADMIN_FOR_ALL:
            answer = client.get(reverse(name), follow=True)
            assert answer.status_code == 403 or answer.redirect_chain[-1][0].startswith("/connexion/"), name


@pytest.mark.parametrize("model", ["accounts_user", "structures_structure", "attachments_attachmentrequest"])
def test_nobody_but_support_changes_a_row_in_the_admin(client, model):
    client.force_login(UserFactory())
    for tail in ("change", "delete", "history"):
        answer = client.get(reverse(f"admin:{model}_{tail}", args=[1]), follow=True)
        assert answer.status_code == 403


@pytest.mark.parametrize("name", ["accounts:logout", "registration:structure_block", "registration:captcha_block"])
def test_posts_need_the_token_of_a_page_of_ours(name):
    assert Client(enforce_csrf_checks=True).post(reverse(name)).status_code == 403


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, (_, answers) in TABLE.items()
        if answers[1] == HOME and name.startswith(("registration:", "accounts:")) and name not in WITHOUT_FACTOR
    ],
)
def test_whoever_has_an_account_is_sent_home_from_pages_for_visitors(client, arguments, name):
    client.force_login(UserFactory())
    assert client.get(reverse(name, args=[arguments[argument] for argument in TABLE[name][0]])).url == "/"


def answering(gets, posted):
    """What a POST answers where a GET shows the page: `posted`; elsewhere the same."""
    return tuple(posted if status == 200 else status for status in gets)


# name: (what is posted, what each of ROLES gets)
POSTS = {
    # Without a structure and a space: the first step; what each may ask for is tried in tests/spaces.
    "spaces:add_subscription": ({}, (LOGIN, *(200,) * 6)),
    "spaces:end_subscriptions": ({}, (LOGIN, *(302,) * 6)),
    "spaces:ask_space": ({}, (LOGIN, *NOWHERE[1:])),
    "spaces:approve_subscriptions": ({}, (LOGIN, *(302,) * 6)),
    "spaces:refuse_subscriptions": ({}, (LOGIN, *(302,) * 6)),
    "spaces:decide_subscriptions": ({}, (LOGIN, 404, 404, 422, 422, 404, 422)),
    "spaces:refuse_subscription": ({}, (LOGIN, 404, 404, 422, 422, 404, 422)),
    "spaces:open_space": ({}, answering(ITS_PRINCIPAL, 422)),
    "spaces:close_space": ({}, answering(ITS_PRINCIPAL, 302)),
    "spaces:change_matrix": ({}, answering(ITS_MANAGERS, 302)),
    "accounts:logout": ({}, (LOGIN, *(HOME,) * 6)),
    "registration:structure_block": ({"identifier": "20003035100015"}, VISITORS_ONLY),
    "registration:captcha_block": ({"new_captcha": "1"}, VISITORS_ONLY),
    "registration:register": ({}, VISITORS_ONLY),
    "registration:correct_address": ({}, (302,) * 7),
    "accounts:login": ({}, VISITORS_ONLY),
    "accounts:resend_activation": ({"email": "a@exemple.example"}, PUBLIC),
    "accounts:forgotten_password": ({"email": "a@exemple.example"}, PUBLIC),
    "accounts:activate": ({}, PUBLIC),
    "accounts:reset": ({}, PUBLIC),
    "accounts:ask_reactivation": ({"email": "a@exemple.example"}, PUBLIC),
    "accounts:reactivate": ({}, PUBLIC),
    "accounts:deactivate": ({}, (LOGIN, *(422,) * 6)),
    "accounts:confirm_contact": ({}, (302,) * 7),
    "accounts:confirm_address": ({}, (302,) * 7),
    "accounts:restore_address": ({}, (302,) * 7),
    "accounts:oidc_start": ({}, NOWHERE),
    "accounts:oidc_callback": ({}, NOWHERE),
    "accounts:unlink_identity": ({}, (LOGIN, *NOWHERE[1:])),
    "accounts:change_general": ({}, (LOGIN, *(422,) * 6)),
    "accounts:change_postal_address": ({}, (LOGIN, *(302,) * 6)),
    "accounts:change_contact": ({}, (LOGIN, *(302,) * 6)),
    "accounts:resend_contact_confirmation": ({}, (LOGIN, *(302,) * 6)),
    "accounts:change_parameters": ({}, (LOGIN, *(302,) * 6)),
    "accounts:change_password": ({}, (LOGIN, *(422,) * 6)),
    "accounts:change_secret_question": ({}, (LOGIN, *(422,) * 6)),
    "accounts:change_login_address": ({}, (LOGIN, *(422,) * 6)),
    "accounts:cancel_address_request": ({}, (LOGIN, *(302,) * 6)),
    "accounts:second_step": ({}, (302,) * 7),
    "accounts:mail_code": ({}, (302,) * 7),
    "accounts:add_totp": ({}, (LOGIN, *(422,) * 6)),
    "accounts:turn_on_email_code": ({}, (LOGIN, *(422,) * 6)),
    "accounts:add_passkey": ({}, (LOGIN, *(422,) * 6)),
    "accounts:remove_passkey": ({}, (LOGIN, *(404,) * 6)),
    **dict.fromkeys(WITHOUT_FACTOR, ({}, (LOGIN, *(302,) * 6))),
    "accounts:end_session": ({}, (LOGIN, *(404,) * 6)),
    "accounts:end_other_sessions": ({}, (LOGIN, *(302,) * 6)),
    "structures:create_structure": ({}, (LOGIN, *(422,) * 6)),
    "structures:change_structure": ({}, answering(ITS_PRINCIPAL, 422)),
    "structures:deactivate_structure": ({}, answering(ITS_PRINCIPAL, 302)),
    "structures:activate_structure": ({}, answering(ITS_PRINCIPAL, 302)),
    "structures:update_from_directory": ({}, answering(ITS_PRINCIPAL, 422)),
    "structures:change_identifier": ({}, answering(ITS_PRINCIPAL, 422)),
    "structures:create_service": ({}, answering(ITS_PRINCIPAL, 422)),
    "structures:change_service": ({}, answering(ITS_PRINCIPAL, 422)),
    "structures:deactivate_service": ({}, answering(ITS_PRINCIPAL, 302)),
    "structures:activate_service": ({}, answering(ITS_PRINCIPAL, 302)),
    "structures:create_bank_account": ({}, answering(ITS_PRINCIPAL_AMONG_THEM, 422)),
    "structures:change_bank_account": ({}, answering(ITS_PRINCIPAL_AMONG_THEM, 422)),
    "structures:deactivate_bank_account": ({}, answering(ITS_PRINCIPAL_AMONG_THEM, 302)),
    "structures:activate_bank_account": ({}, answering(ITS_PRINCIPAL_AMONG_THEM, 302)),
    "support:write": ({}, (LOGIN, *(422,) * 6)),
    "support:reactivation": ({}, (422,) * 7),
    "support:follow": ({}, (422,) * 7),
    **dict.fromkeys(
        [f"support:{name}" for name in ("ticket", "close", "delete_draft", "deposit", "object", "remove_file")],
        ({}, (LOGIN, *(404,) * 6)),
    ),
    "documents:add": ({}, (LOGIN, *(422,) * 6)),
    "documents:change": ({}, (LOGIN, *(404,) * 6)),
    "documents:delete": ({}, (LOGIN, *(404,) * 6)),
    "documents:delete_ticked": ({}, (LOGIN, *(302,) * 6)),
    "attachments:request_attachment": ({}, (LOGIN, 422, 200, 200, 200, 422, 200)),
    "attachments:approve_together": ({}, (LOGIN, *(302,) * 6)),
    "attachments:refuse_together": ({}, (LOGIN, *(302,) * 6)),
    "attachments:leave_structures": ({}, (LOGIN, *(302,) * 6)),
    "attachments:withdraw_request": ({}, (LOGIN, *(404,) * 6)),
    "attachments:choose_successor": ({}, (302,) * 7),
    "attachments:confirm_succession": ({}, (302,) * 7),
    "attachments:cancel_handover": ({}, (LOGIN, *(404,) * 5, 302)),
    "attachments:undo_transfer": ({}, (LOGIN, *(404,) * 5, 302)),
    "attachments:attach_person": ({}, answering(ITS_MANAGERS, 422)),
    "attachments:create_account": ({}, answering(ITS_MANAGERS, 422)),
    "attachments:import_people": ({}, answering(ITS_MANAGERS, 422)),
    "attachments:change_person": ({}, answering(ITS_MANAGERS, 422)),
    # The first one detaches, and an over place is nobody's to detach.
    "attachments:detach_person": ({}, answering(ITS_MANAGERS, 302)),
    "attachments:duplicate_rights": ({}, answering(ITS_MANAGERS, 302)),
    "attachments:resend_activation": ({}, answering(ITS_MANAGERS, 302)),
    "attachments:resend_activations": ({}, (LOGIN, *(302,) * 6)),
    "attachments:secondary_rights": ({}, answering(ITS_PRINCIPAL, 302)),
    "attachments:personal_rights": ({}, answering(ITS_PRINCIPAL, 422)),
    "attachments:deputy": ({}, answering(ITS_PRINCIPAL, 422)),
    "attachments:end_deputy": ({}, answering(ITS_PRINCIPAL, 302)),
    "attachments:extend": ({"ends_on": ""}, (LOGIN, 404, 404, 403, 302, 404, 302)),
    "attachments:extend_people": ({}, (LOGIN, 403, 403, 302, 302, 403, 302)),
    "attachments:decide_request": ({"role": "simple", "scope": "whole"}, (LOGIN, 404, 404, 302, 302, 404, 302)),
    "attachments:refuse_request": ({"reason": "Non"}, (LOGIN, 404, 404, 302, 302, 404, 302)),
}


def test_every_url_that_takes_a_post_is_in_the_table_of_posts(client, arguments):
    """Any other answers a POST with 405, or for whoever is not logged in with the login page."""
    client.force_login(UserFactory(staff=True))
    for name, (wanted, _) in TABLE.items():
        if name not in POSTS:
            answer = client.post(reverse(name, args=[arguments[argument] for argument in wanted]))
            assert answer.status_code in (405, 302), name
            assert answer.status_code == 405 or answer.url == "/", name


@pytest.mark.parametrize("role", ROLES)
def test_access_by_post(client, arguments, unwritten, role):
    log_in_as(client, role, arguments["structure"])
    cookies = client.cookies.output(header="", sep=";")
    for name in POSTS:
        client.cookies.load(cookies)
        with transaction.atomic():
            _check_post(client, arguments, name, role)
            # Each finds everything as it was.
            transaction.set_rollback(True)


def _check_post(client, arguments, name, role):
    posted, answers = POSTS[name]
    answer = client.post(reverse(name, args=[arguments[argument] for argument in TABLE[name][0]]), posted)
    if (
        role == "visitor"
        and TABLE[name][1][0] == LOGIN
        and not name.startswith(("registration:", "accounts:second_step"))
    ):
        # Not sent away: the login page keeps what was typed.
        assert (answer.status_code, answer.templates[0].name) == (200, "accounts/login.html"), name
        return
    assert answer.status_code == answers[ROLES.index(role)], name
    decides = name in ("attachments:decide_request", "attachments:refuse_request")
    decided = decides and answer.status_code == 302 and role != "visitor"
    assert AttachmentRequest.objects.get().is_pending is not decided, name


# Those who manage a part of a structure: (their own rights, the days of their suppléance from today, what they may).
DECIDE, ATTACH, HISTORY, SEE, LEAD, NOBODY = "decide", "attach", "history", "see", "lead", "nobody"
NO_RIGHT = dict.fromkeys(Right.values, False)
PARTLY = {
    "without requests": ({"decide_requests": False}, None, {ATTACH, SEE}),
    "without attaching": ({"attach_people": False}, None, {DECIDE, SEE}),
    "without subscriptions": ({"decide_subscriptions": False}, None, {DECIDE, ATTACH, SEE}),
    "with subscriptions only": (NO_RIGHT | {"decide_subscriptions": True}, None, {SEE}),
    "with history only": (NO_RIGHT | {"view_history": True}, None, {HISTORY}),
    "without any": (NO_RIGHT, None, set()),
    "deputy": (NO_RIGHT, (0, 0), {DECIDE, ATTACH, HISTORY, SEE, LEAD}),
    "simple deputy": (None, (-3, 3), {DECIDE, ATTACH, HISTORY, SEE, LEAD}),
    "deputy before": (NO_RIGHT, (1, 3), set()),
    "deputy after": (NO_RIGHT, (-3, -1), set()),
}
# name: (what one needs to get there what the principal manager does, what the others get)
NEEDS = {
    # A secondary manager is told that it is not theirs to decide.
    "attachments:decide_request": (DECIDE, 403),
    "attachments:refuse_request": (DECIDE, 403),
    **dict.fromkeys(["attachments:people", "attachments:export_people", "attachments:person"], (SEE, 403)),
    "attachments:attach_person": (ATTACH, 403),
    "attachments:create_account": (ATTACH, 403),
    "attachments:import_people": (ATTACH, 403),
    "attachments:download_people_model": (ATTACH, 403),
    "attachments:file_applied": (ATTACH, 403),
    "attachments:download_left_lines": (ATTACH, 403),
    "attachments:change_person": (ATTACH, 403),
    "attachments:detach_person": (ATTACH, 403),
    "attachments:duplicate_rights": (ATTACH, 403),
    "attachments:resend_activation": (SEE, 403),
    # Without a structure to choose from, the page says so.
    "attachments:choose_structure_to_attach": (ATTACH, 200),
    "attachments:choose_structure_for_account": (ATTACH, 200),
    # Of a secondary manager; one who sees no people does not know of them.
    "attachments:extend": (LEAD, 403),
    "attachments:extend_people": (ATTACH, 403),
    "attachments:history": (HISTORY, 403),
    "attachments:export_history": (HISTORY, 403),
    "attachments:history_entry": (HISTORY, 404),
    "attachments:structure_history": (HISTORY, 403),
    "attachments:export_structure_history": (HISTORY, 403),
    # The principal manager's own, whoever stands in.
    **dict.fromkeys(
        [f"attachments:{name}" for name in ("secondary_rights", "personal_rights", "deputy", "end_deputy")],
        (NOBODY, 403),
    ),
    "structures:change_structure": (NOBODY, 403),
}


def test_whatever_answers_a_simple_user_and_the_principal_otherwise_says_what_it_needs():
    simple, principal = ROLES.index("simple"), ROLES.index("principal")
    differing = {
        name
        for name, (_, answers) in (*TABLE.items(), *POSTS.items())
        if name.startswith("attachments:") and answers[simple] != answers[principal]
    }
    assert differing == {name for name in NEEDS if name.startswith("attachments:")}


@pytest.mark.parametrize("who", PARTLY)
def test_access_of_whoever_manages_a_part(client, arguments, unwritten, who):
    rights, days, held = PARTLY[who]
    structure, role = arguments["structure"], Role.SIMPLE if rights is None else Role.SECONDARY
    me = AttachmentFactory(structure=structure, role=role, **(rights or {})).user
    if days:
        starts_on, ends_on = (timezone.localdate() + timedelta(days=day) for day in days)
        principal = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
        Deputy.objects.create(structure=structure, deputy=me, named_by=principal, starts_on=starts_on, ends_on=ends_on)
    client.force_login(me)
    given, expected = {}, {}
    for name, (needed, refused) in NEEDS.items():
        if name == "attachments:extend" and SEE not in held:
            refused = 404
        path = reverse(name, args=[arguments[argument] for argument in TABLE[name][0]])
        for method, data, answers in (("get", {}, TABLE[name][1]), ("post", *POSTS.get(name, ({}, None)))):
            if answers is None:
                continue
            with transaction.atomic():
                answer = getattr(client, method)(path, data)
                given[name, method] = answer.status_code
                # A file is read to its end: only so many are given at once.
                answer.getvalue()
                transaction.set_rollback(True)
            allowed = needed in held or answers[ROLES.index("simple")] == answers[ROLES.index("principal")]
            expected[name, method] = answers[ROLES.index("principal")] if allowed else refused
    assert given == expected
    # Of a simple user, without end; and nobody's own.
    own, unseen = me.attachments.get().pk, 403 if SEE in held else 404
    for place, answer in ((arguments["place"], 302 if ATTACH in held else unseen), (own, unseen)):
        assert client.get(reverse("attachments:extend", args=[place])).status_code == answer


# What the tables above have nobody for. (name, argument, whose): what a GET and a POST without the password answer.
OWNED = {
    ("accounts:remove_passkey", "passkey", "owner"): (200, 422),
    ("accounts:remove_passkey", "passkey", "another"): (404, 404),
    ("accounts:unlink_identity", None, "owner"): (200, 422),
    ("accounts:unlink_identity", None, "another"): (302, 302),
    ("accounts:oidc_start", None, "visitor"): (302, 405),
    ("accounts:oidc_start", None, "owner"): (302, 405),
    ("accounts:oidc_callback", None, "visitor"): (400, 405),
    ("accounts:oidc_callback", None, "owner"): (302, 405),
}


@pytest.mark.parametrize(("name", "argument", "whose"), OWNED)
def test_what_has_an_owner_where_a_provider_is_set(settings, name, argument, whose):
    with running_provider() as provider:
        settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = provider.issuer, CLIENT, SECRET
        client, passkey = Client(), PasskeyFactory()
        ExternalIdentity.objects.create(user=passkey.user, issuer=provider.issuer, sub="abc")
        if whose != "visitor":
            client.force_login(passkey.user if whose == "owner" else PasskeyFactory().user)
        path = reverse(name, args=[passkey.pk] if argument else [])
        answers = client.get(path), client.post(path)
    assert tuple(answer.status_code for answer in answers) == OWNED[name, argument, whose]
    if name == "accounts:oidc_start":
        assert answers[0].url.startswith(provider.issuer if whose == "visitor" else "/")
    assert (Passkey.objects.filter(pk=passkey.pk).exists(), ExternalIdentity.objects.count()) == (True, 1)


@pytest.mark.parametrize("name", sorted(name for name in TABLE if name.startswith("attachments:")))
def test_a_request_for_a_private_page_comes_back_to_it_after_login(client, arguments, name):
    path = reverse(name, args=[arguments[argument] for argument in TABLE[name][0]])
    assert client.get(path).url == f"/connexion/?next={path}"


def test_support_opens_every_list_of_ours(client):
    client.force_login(UserFactory(staff=True))
    lists = [name for name in names(get_resolver()) if name.endswith("_changelist") and "axes" not in name]
    assert len(lists) >= 8
    for name in lists:
        assert client.get(reverse(name)).status_code == 200, name


def test_nobody_but_a_superuser_sees_who_failed_to_log_in(client):
    client.force_login(UserFactory(staff=True))
    assert client.get(reverse("admin:axes_accessattempt_changelist")).status_code == 403
    client.force_login(UserFactory(staff=True, is_superuser=True))
    assert client.get(reverse("admin:axes_accessattempt_changelist")).status_code == 200


@pytest.mark.parametrize("role", ["alone", "principal"])
def test_the_admin_s_own_posts_are_support_s_too(client, role):
    structure = StructureFactory(legal_name="Inchangée")
    log_in_as(client, role, structure)
    path = reverse("admin:structures_structure_change", args=[structure.pk])
    assert client.post(path, {"legal_name": "Piratée"}, follow=True).status_code == 403
    structure.refresh_from_db()
    assert structure.legal_name == "Inchangée"
