"""« Créer une coordonnée bancaire », « Gérer une coordonnée bancaire »."""

from operator import attrgetter

from django.contrib import messages
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbing.exports import Column, download
from plumbing.reach import reach
from plumbing.requests import perform, posted, submit
from structures import actions
from structures.forms import BankAccountForm
from structures.models import BankAccount, Structure
from structures.views import parts
from structures.views.workspace import ACCOUNTS, VIEW_ACCOUNTS


@require_safe
def bank_accounts(request, pk):
    """A structure's bank accounts."""
    structure = parts.within_reach(request.user, pk, VIEW_ACCOUNTS)
    return parts.list_page(request, "structures/bank_accounts.html", structure, ACCOUNTS, structure.bank_accounts)


# As in the lists on screen, nobody gets a whole IBAN.
COLUMNS = [
    Column("Libellé", attrgetter("label")),
    Column("Titulaire", attrgetter("holder")),
    Column("IBAN", attrgetter("masked_iban")),
    Column("BIC", attrgetter("bic")),
    Column("Banque", attrgetter("bank")),
    Column("État", lambda account: account.standing.label),
]


@require_safe
def export_bank_accounts(request, pk, kind):
    """The same list as a file."""
    structure = parts.within_reach(request.user, pk, VIEW_ACCOUNTS)
    may_change = request.user.has_perm(parts.CHANGE, structure)
    listed = parts.part_list(request, structure.bank_accounts, may_change)
    return download(request, kind, f"coordonnees-bancaires-{structure.identifier}", COLUMNS, listed)


@never_cache
@sensitive_post_parameters("iban")
@require_http_methods(["GET", "HEAD", "POST"])
def create_bank_account(request, pk):
    """« Créer une coordonnée bancaire »"""
    structure = parts.within_reach(request.user, pk, VIEW_ACCOUNTS, parts.CHANGE)
    form = BankAccountForm(structure, posted(request))
    if request.method == "POST" and form.is_valid():
        done, created = submit(form, actions.create_bank_account, pk, actor=request.user, values=form.values)
        if done:
            done = f"La coordonnée bancaire {created.label} est créée.{_found_bic(form)}"
            messages.success(request, done)
            return redirect("structures:bank_account", created.pk)
    return parts.form_page(
        request,
        form,
        ACCOUNTS,
        title="Créer une coordonnée bancaire",
        lead="Le compte sur lequel la structure est payée.",
        submit="Créer la coordonnée bancaire",
    )


@never_cache
@require_safe
def bank_account(request, pk):
    """« Consulter »"""
    account = parts.part_within_reach(request.user, BankAccount, pk, VIEW_ACCOUNTS)
    iban = account.spaced_iban if _sees_iban(request.user, account) else ""
    return parts.part_page(request, "structures/bank_account.html", account, ACCOUNTS, iban=iban)


@never_cache
@sensitive_post_parameters("iban")
@require_http_methods(["GET", "HEAD", "POST"])
def change_bank_account(request, pk):
    """« Modifier »"""
    account = parts.part_within_reach(request.user, BankAccount, pk, VIEW_ACCOUNTS, parts.CHANGE)
    shows_iban = _sees_iban(request.user, account)
    form = BankAccountForm(account.structure, posted(request), part=account, shows_iban=shows_iban)
    if request.method == "POST" and form.is_valid():
        seen = form.cleaned_data["version"]
        done, made = submit(form, actions.change_bank_account, pk, actor=request.user, values=form.values, version=seen)
        if done:
            done = f"Les modifications sont enregistrées.{_found_bic(form)}" if made else "Rien n'a changé."
            messages.success(request, done)
            return redirect("structures:bank_account", pk)
    title = f"Modifier la coordonnée bancaire {account.label}"
    return parts.form_page(request, form, ACCOUNTS, title=title, submit="Enregistrer")


def _sees_iban(user, account):
    # Not `has_perm`, which grants superusers everything: support sees no whole IBAN.
    return Structure.objects.filter(reach("structures.view_iban", user), pk=account.structure_id).exists()


def _found_bic(form):
    if not form.found_bic:
        return ""
    bank = form.values["bank"]
    return f" BIC trouvé d'après l'IBAN : {form.found_bic}{f' ({bank})' if bank else ''}. Vérifiez-le."


@require_http_methods(["GET", "HEAD", "POST"])
def deactivate_bank_account(request, pk):
    """« Désactiver »: what will follow, then the POST that does it."""
    account = parts.part_within_reach(request.user, BankAccount, pk, VIEW_ACCOUNTS, parts.CHANGE)
    if request.method == "POST":
        done = f"La coordonnée bancaire {account.label} est désactivée. Vous pourrez l'activer de nouveau."
        perform(request, actions.deactivate_bank_account, pk, actor=request.user, done=done)
    if request.method == "POST" or not (account.is_active and account.structure.is_active):
        return redirect("structures:bank_account", pk)
    return parts.deactivation_page(
        request,
        account,
        ACCOUNTS,
        title=f"Désactiver la coordonnée bancaire {account.label} ?",
        first="Elle ne sert plus à payer la structure ; seuls son gestionnaire principal et l'assistance la voient.",
        button="Désactiver la coordonnée bancaire",
    )


@require_POST
def activate_bank_account(request, pk):
    """« Activer »"""
    account = parts.part_within_reach(request.user, BankAccount, pk, VIEW_ACCOUNTS, parts.CHANGE)
    done = f"La coordonnée bancaire {account.label} est activée."
    perform(request, actions.activate_bank_account, pk, actor=request.user, done=done)
    return redirect("structures:bank_account", pk)


@require_safe
def choose_structure_for_bank_account(request):
    """« Créer une coordonnée bancaire », from « Organisation »: for which structure."""
    texts = {
        "title": "Créer une coordonnée bancaire",
        "lead": "Pour laquelle de vos structures ?",
        "counted": "Coordonnées bancaires",
        "reserved": "crée ses coordonnées bancaires",
    }
    go_to = "structures:create_bank_account"
    return parts.choose_structure(request, related="bank_accounts", go_to=go_to, texts=texts, active_only=True)


@require_safe
def my_bank_accounts(request):
    """« Gérer une coordonnée bancaire », from « Organisation »: of which structure."""
    texts = {
        "title": "Gérer une coordonnée bancaire",
        "lead": "Choisissez la structure : vous verrez ses coordonnées bancaires, pour les consulter, modifier, "
        "activer ou désactiver.",
        "counted": "Coordonnées bancaires",
        "reserved": "gère ses coordonnées bancaires",
        "export": "structures:export_my_bank_accounts",
    }
    return parts.choose_structure(request, related="bank_accounts", go_to="structures:bank_accounts", texts=texts)


@require_safe
def export_my_bank_accounts(request, kind):
    """The bank accounts of the structures of that list as a file."""
    rows = parts.parts_of_managed(request, BankAccount)
    return download(request, kind, "mes-coordonnees-bancaires", [*parts.OF_STRUCTURE, *COLUMNS], rows)
