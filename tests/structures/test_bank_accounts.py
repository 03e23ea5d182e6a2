"""« Créer une coordonnée bancaire », « Gérer une coordonnée bancaire »: IBAN and BIC, actions, form and pages."""

import logging

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from attachments.models import Role
from history.models import HistoryEntry
from plumbing.errors import ActionError, ChangedMeanwhile
from structures.actions import (
    activate_bank_account,
    change_bank_account,
    create_bank_account,
    deactivate_bank_account,
)
from structures.bank_identifiers import clean_bic, clean_iban
from structures.forms import BankAccountForm
from structures.models import BankAccount, Structure
from tests.at_once import at_once
from tests.factories import AttachmentFactory, BankAccountFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.also_sqlite

# Examples that banks print, which belong to nobody.
IBAN = "FR7630006000011234567890189"
SPACED = "FR76 3000 6000 0112 3456 7890 189"
POSTAL = "FR1420041010050500013M02606"
# Of a bank that the public registers do not know.
UNKNOWN_BANK = "BE68539007547034"
VALUES = {
    "label": "Compte principal",
    "holder": "Agent comptable",
    "iban": IBAN,
    "bic": "AGRIFRPPXXX",
    "bank": "CREDIT AGRICOLE SA",
}


def journal():
    return [(entry.event, entry.comment) for entry in HistoryEntry.objects.all()]


# --- IBAN and BIC


@pytest.mark.parametrize(
    "typed", [IBAN, SPACED, f" {IBAN.lower()} ", f"IBAN : {SPACED}", SPACED.replace(" ", "\u202f")]
)
def test_an_iban_is_read_as_people_type_it(typed):
    assert clean_iban(typed) == IBAN


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (IBAN[:-1], "FR compte 27 caractères ; celui-ci en compte 26"),
        (IBAN + "0", "celui-ci en compte 28"),
        (IBAN[:-1] + "8", "un de ses caractères est sans doute mal recopié"),
        ("FR7630006000011234567890198", "deux sont inversés"),
        ("FR76300O6000011234567890189", "mal recopié"),
        ("XX" + IBAN[2:], "Aucun pays n'a d'IBAN qui commence par XX"),
        ("30006000011234567890189", "deux lettres du pays"),
        ("FR76 é", "lettres sans accent"),
        ("FR76ß", "lettres sans accent"),
        ("IBAN", "lettres sans accent"),
    ],
)
def test_what_is_wrong_with_an_iban_is_said_without_repeating_it(typed, sentence):
    with pytest.raises(ValidationError) as refused:
        clean_iban(typed)
    assert sentence in refused.value.messages[0]
    assert typed not in refused.value.messages[0] or typed == "IBAN"


@given(st.integers(4, 26), st.integers(1, 9))
def test_one_wrong_digit_of_an_iban_is_always_caught(position, shift):
    wrong = IBAN[:position] + str((int(IBAN[position]) + shift) % 10) + IBAN[position + 1 :]
    with pytest.raises(ValidationError):
        clean_iban(wrong)


@pytest.mark.parametrize(
    ("typed", "iban", "clean"),
    [
        ("agri fr pp", IBAN, "AGRIFRPP"),
        ("ZZZZFRPP", IBAN, "ZZZZFRPP"),  # well formed, and unknown: not refused
        ("AGRIRERX", IBAN, "AGRIRERX"),  # La Réunion's accounts have French IBANs
        ("GEBABEBB", UNKNOWN_BANK, "GEBABEBB"),
    ],
)
def test_a_bic_is_read_as_people_type_it(typed, iban, clean):
    assert clean_bic(typed, iban) == clean


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("AGRIFRP", "8 ou 11 caractères ; celui-ci en compte 7"),
        ("AGRIXXPP", "« XX », ses 5e et 6e caractères, ne désigne aucun pays"),
        ("AG!IFRPP", "quatre caractères pour la banque"),
        ("ßßßßFRPP", "quatre caractères pour la banque"),
        ("COBADEFF", "d'un autre pays (DE) que l'IBAN (FR)"),
    ],
)
def test_what_is_wrong_with_a_bic_is_said(typed, sentence):
    with pytest.raises(ValidationError, match="BIC") as refused:
        clean_bic(typed, IBAN)
    assert sentence in refused.value.messages[0]


like_an_iban = st.one_of(
    st.text(max_size=70),
    st.from_regex(r"[A-Z]{2}[0-9]{2}[A-Z0-9 ]{8,30}", fullmatch=True),
    st.sampled_from([IBAN, POSTAL, UNKNOWN_BANK]),
)
like_a_bic = st.one_of(st.text(max_size=40), st.from_regex(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2,5}", fullmatch=True))


@given(iban=like_an_iban, bic=like_a_bic)
@settings(max_examples=150)
def test_any_text_typed_is_cleaned_or_refused(iban, bic):
    form = BankAccountForm(StructureFactory.build(), {"label": "Un", "holder": "Deux", "iban": iban, "bic": bic})
    if form.is_valid():
        cleaned = form.values
        assert clean_iban(cleaned["iban"]) == cleaned["iban"]
        assert clean_bic(cleaned["bic"], cleaned["iban"]) == cleaned["bic"]
        assert BankAccount(structure_id=1, **cleaned).clean_fields(exclude=["structure"]) is None
    else:
        assert set(form.errors) <= {"iban", "bic", "label", "holder"}


# --- Form


def form_for(part=None, *, shows_iban=True, **typed):
    data = {"label": "Un", "holder": "Deux", "iban": IBAN, "bic": ""} | typed
    return BankAccountForm(StructureFactory.build(), data, part=part, shows_iban=shows_iban)


@pytest.mark.parametrize(
    ("iban", "bic", "bank"), [(IBAN, "AGRIFRPPXXX", "CREDIT AGRICOLE SA"), (POSTAL, "PSSTFRPP", "LA BANQUE POSTALE")]
)
def test_the_bank_is_found_from_the_iban(iban, bic, bank):
    form = form_for(iban=iban)
    assert form.is_valid()
    assert (form.values["bic"], form.values["bank"], form.found_bic) == (bic, bank, bic)


def test_an_unknown_bank_s_bic_must_be_typed():
    assert "recopiez son BIC" in form_for(iban=UNKNOWN_BANK).errors["bic"][0]
    typed = form_for(iban=UNKNOWN_BANK, bic="ABCDBEBB")
    assert typed.is_valid()
    assert (typed.values["bank"], typed.found_bic) == ("", "")


@pytest.mark.parametrize("name", ["label", "holder"])
def test_no_text_that_others_see_holds_the_iban(name):
    assert "N'écrivez pas l'IBAN ici" in form_for(**{name: f"Compte {SPACED.lower()}"}).errors[name][0]


def test_a_bic_left_alone_follows_a_new_iban():
    account = BankAccountFactory.build(iban=IBAN, bic="AGRIFRPPXXX")
    form = form_for(account, iban=POSTAL, bic="AGRIFRPPXXX")
    assert form.is_valid()
    assert form.values["bic"] == form.found_bic == "PSSTFRPP"


def test_whoever_sees_no_iban_leaves_it_as_it_is():
    account = BankAccountFactory.build(iban=IBAN, bic="AGRIFRPPXXX")
    empty = BankAccountForm(account.structure, part=account, shows_iban=False)
    assert empty["iban"].value() == ""
    assert IBAN not in "".join(str(empty).split())
    form = form_for(account, shows_iban=False, iban="", bic="AGRIFRPPXXX")
    assert form.is_valid()
    assert form.values["iban"] == IBAN


# --- Actions


@pytest.fixture
def actor(db):
    return UserFactory()


def test_an_account_is_created_and_journaled_without_its_iban(actor):
    structure = StructureFactory()
    account = create_bank_account(structure.pk, actor=actor, values=VALUES)
    account.refresh_from_db()
    assert {name: getattr(account, name) for name in VALUES} == VALUES
    entry = HistoryEntry.objects.get()
    assert (entry.event, entry.actor, entry.structure) == ("bank_account_created", actor, structure)
    assert entry.comment.splitlines()[0] == "Compte principal (FR•• •••• 0189)"
    assert "Titulaire : Agent comptable" in entry.comment
    assert account.iban not in str(entry.data)


def test_nothing_is_created_on_an_inactive_structure(actor):
    with pytest.raises(ActionError, match="est inactive"):
        create_bank_account(StructureFactory(state="inactive").pk, actor=actor, values=VALUES)
    assert not BankAccount.objects.exists()


@pytest.mark.parametrize("act", [activate_bank_account, deactivate_bank_account, change_bank_account])
@pytest.mark.parametrize("is_active", [True, False])
def test_nothing_moves_in_an_inactive_structure(actor, act, is_active):
    account = BankAccountFactory(structure__state="inactive", is_active=is_active)
    before = BankAccount.objects.values().get()
    changed = {"values": {"label": "Autre"}, "version": account.version} if act is change_bank_account else {}
    with pytest.raises(ActionError, match="est inactive") as refused:
        act(account.pk, actor=actor, **changed)
    assert refused.value.code == "structure_inactive"
    assert BankAccount.objects.values().get() == before
    assert not HistoryEntry.objects.exists()


def test_a_structure_has_an_iban_once(actor):
    account = BankAccountFactory(iban=IBAN)
    with pytest.raises(ActionError, match="déjà une coordonnée bancaire avec cet IBAN") as refused:
        create_bank_account(account.structure_id, actor=actor, values=VALUES)
    assert refused.value.field == "iban"
    create_bank_account(StructureFactory().pk, actor=actor, values=VALUES)


@pytest.mark.django_db(transaction=True)
def test_of_two_people_giving_one_iban_at_once_one_is_told():
    structure, actor = StructureFactory(), UserFactory()
    answers = at_once(*[lambda: create_bank_account(structure.pk, actor=actor, values=VALUES)] * 2)
    assert {type(answer) for answer in answers} == {ActionError, BankAccount}
    assert BankAccount.objects.count() == len(journal()) == 1


def test_a_change_is_journaled_with_the_end_of_each_iban(actor):
    account = BankAccountFactory(**VALUES)
    changed = {"iban": POSTAL, "bic": "PSSTFRPP", "bank": "LA BANQUE POSTALE"}
    change_bank_account(account.pk, actor=actor, values=changed, version=account.version)
    assert journal() == [
        (
            "bank_account_changed",
            "Compte principal (FR•• •••• 0189)\nIBAN : FR•• •••• 0189 → FR•• •••• 2606\n"
            "BIC : AGRIFRPPXXX → PSSTFRPP\nBanque : CREDIT AGRICOLE SA → LA BANQUE POSTALE",
        )
    ]


def test_what_somebody_else_wrote_is_not_overwritten(actor):
    account = BankAccountFactory(**VALUES)
    seen = account.version
    change_bank_account(account.pk, actor=actor, values={"label": "Un"}, version=seen)
    with pytest.raises(ChangedMeanwhile):
        change_bank_account(account.pk, actor=actor, values={"iban": POSTAL}, version=seen)
    account.refresh_from_db()
    assert (account.label, account.iban) == ("Un", IBAN)


def test_an_account_is_switched_off_and_on_each_once(actor):
    account = BankAccountFactory(**VALUES)
    deactivate_bank_account(account.pk, actor=actor)
    with pytest.raises(ActionError, match="déjà hors service"):
        deactivate_bank_account(account.pk, actor=actor)
    assert activate_bank_account(account.pk, actor=actor).is_active
    with pytest.raises(ActionError, match="déjà en service"):
        activate_bank_account(account.pk, actor=actor)
    assert [event for event, _ in journal()] == ["bank_account_activated", "bank_account_deactivated"]


# --- Pages


@pytest.fixture
def account(db):
    return BankAccountFactory(**VALUES)


def log_in(client, account, role):
    if role in ("staff", "superuser"):
        user = UserFactory(staff=True, is_superuser=role == "superuser")
    else:
        user = AttachmentFactory(structure=account.structure, role=role).user
    client.force_login(user)
    return user


def texts_of(client, *paths):
    return ["".join(client.get(path, follow=True).text.split()) for path in paths]


def test_its_principal_manager_sees_the_whole_iban_on_its_pages_only(client, account):
    log_in(client, account, Role.PRINCIPAL)
    own = texts_of(client, f"/coordonnees-bancaires/{account.pk}/", f"/coordonnees-bancaires/{account.pk}/modifier/")
    assert all(IBAN in page for page in own)
    others = texts_of(client, "/coordonnees-bancaires/", f"/coordonnees-bancaires/{account.pk}/desactiver/")
    assert not any(IBAN in page for page in others)
    assert client.get(f"/coordonnees-bancaires/{account.pk}/")["Cache-Control"].startswith("max-age=0")


@pytest.mark.parametrize("role", [Role.SECONDARY, Role.SIMPLE, "staff", "superuser"])
def test_nobody_else_sees_it_anywhere(client, account, role):
    log_in(client, account, role)
    base = f"/coordonnees-bancaires/{account.pk}/"
    admin = "/admin/structures/bankaccount/"
    paths = [
        base,
        f"{base}modifier/",
        f"{base}desactiver/",
        f"/structures/{account.structure_id}/coordonnees-bancaires/",
    ]
    paths += [admin, f"{admin}{account.pk}/change/", f"{admin}{account.pk}/history/"]
    pages = texts_of(client, *paths)
    assert "FR••••••0189" in pages[0]
    assert not any(IBAN in page for page in pages)


def test_support_changes_the_rest_without_seeing_the_iban(client, account):
    log_in(client, account, "staff")
    path = f"/coordonnees-bancaires/{account.pk}/modifier/"
    seen = client.get(path).context["form"]["version"].value()
    client.post(path, {"label": "Corrigé", "holder": "H", "iban": "", "bic": account.bic, "version": seen})
    account.refresh_from_db()
    assert (account.label, account.iban) == ("Corrigé", IBAN)


def test_an_account_is_created_on_the_site_and_its_bank_found(client, db, caplog):
    attachment = AttachmentFactory(role=Role.PRINCIPAL)
    client.force_login(attachment.user)
    path = f"/structures/{attachment.structure_id}/coordonnees-bancaires/nouvelle/"
    with caplog.at_level(logging.DEBUG):
        page = client.post(path, {"label": "Un", "holder": "Deux", "iban": SPACED, "bic": ""}, follow=True).text
    assert "La coordonnée bancaire Un est créée." in page
    assert "BIC trouvé d'après l'IBAN : AGRIFRPPXXX (CREDIT AGRICOLE SA)" in page
    assert BankAccount.objects.get().iban == IBAN
    logged = [r.getMessage() for r in caplog.records if not r.name.startswith("django.db")]
    assert not [line for line in logged if "30006" in line]


def test_an_iban_the_structure_has_is_said_beside_it_and_kept(client, account):
    log_in(client, account, Role.PRINCIPAL)
    path = f"/structures/{account.structure_id}/coordonnees-bancaires/nouvelle/"
    answer = client.post(path, {"label": "Autre", "holder": "Deux", "iban": SPACED, "bic": ""})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["iban"]
    assert f'value="{SPACED}"' in answer.text


def test_an_edit_over_somebody_else_s_shows_only_the_end_of_the_iban(client, account):
    log_in(client, account, Role.PRINCIPAL)
    path = f"/coordonnees-bancaires/{account.pk}/modifier/"
    seen = client.get(path).context["form"]["version"].value()
    other = "FR1730006000019999999999931"
    BankAccount.objects.update(iban=other)
    answer = client.post(path, {"label": "Un", "holder": "Deux", "iban": POSTAL, "bic": "", "version": seen})
    assert answer.status_code == 422
    assert "Valeur actuelle : FR•• •••• 9931." in answer.text
    assert other not in answer.text
    account.refresh_from_db()
    assert account.iban == other


def test_an_account_out_of_service_is_only_its_manager_s_to_see(client, account):
    BankAccount.objects.update(is_active=False)
    paths = f"/coordonnees-bancaires/{account.pk}/", f"/structures/{account.structure_id}/coordonnees-bancaires/"
    log_in(client, account, Role.PRINCIPAL)
    assert "Hors service" in client.get(paths[0]).text
    assert account.label in client.get(paths[1]).text
    log_in(client, account, Role.SIMPLE)
    assert client.get(paths[0]).status_code == 404
    assert account.label not in client.get(paths[1]).text


def test_an_account_is_deactivated_and_activated_on_the_site(client, account):
    log_in(client, account, Role.PRINCIPAL)
    base = f"/coordonnees-bancaires/{account.pk}/"
    assert "Rien n'est effacé" in client.get(f"{base}desactiver/").text
    assert "est désactivée" in client.post(f"{base}desactiver/", follow=True).text
    assert client.get(f"{base}desactiver/").url == base
    assert "est activée" in client.post(f"{base}activer/", follow=True).text
    assert "déjà en service" in client.post(f"{base}activer/", follow=True).text


def test_an_account_of_an_inactive_structure_is_read_and_not_moved(client, account):
    log_in(client, account, Role.PRINCIPAL)
    Structure.objects.update(state="inactive")
    base = f"/coordonnees-bancaires/{account.pk}/"
    page = client.get(base).text
    assert "Cette structure est inactive" in page
    assert f"{base}modifier/" not in page
    assert "Enregistrer" not in client.get(f"{base}modifier/").text
    assert client.get(f"{base}desactiver/").url == base
    for verb in ("desactiver", "activer"):
        assert "Cette structure est inactive" in client.post(f"{base}{verb}/", follow=True).text
    assert BankAccount.objects.get().is_active


def test_bank_accounts_cannot_be_added_changed_or_guessed_in_the_admin(client, account):
    client.force_login(UserFactory(staff=True, is_superuser=True))
    admin = "/admin/structures/bankaccount/"
    assert client.get(f"{admin}add/").status_code == 403
    assert client.post(f"{admin}{account.pk}/change/", {"label": "Forgé"}).status_code == 403
    assert client.get(admin, {"iban__startswith": "FR"}).status_code == 400
    assert not client.get(admin, {"q": IBAN}).context["cl"].result_count


def test_the_version_on_the_page_gives_the_iban_away_to_nobody(account, settings):
    seen = account.version
    settings.SECRET_KEY = "autre"
    assert account.version != seen
