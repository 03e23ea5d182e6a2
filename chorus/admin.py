"""Support's admin: its first page starts with what waits, then lists its tables by work."""

from dataclasses import dataclass

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator

from accounts.models import LinkRequest, User
from attachments.models import Attachment, AttachmentRequest
from chorus import pages
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from registration.models import AddressCorrection, Submission
from structures.models import BankAccount, DirectoryEntry, DirectoryImport, LegalUnit, Referent, Structure

# The tables as the first page groups them.
WORKS = {
    "Structures": [Structure, BankAccount, Referent],
    "Personnes": [User, Submission, AddressCorrection, LinkRequest, AccessAttempt],
    "Rattachements": [AttachmentRequest, Attachment],
    "Annuaire": [DirectoryImport, DirectoryEntry, LegalUnit],
    "Courriels": [OutgoingMail],
    "Historique": [HistoryEntry],
}


@dataclass(frozen=True)
class Waiting:
    """What waits for support: how many, in words, what to do about it, and the list of exactly those."""

    count: int
    words: str
    advice: str
    address: str


class SupportSite(admin.AdminSite):
    site_header = site_title = settings.PORTAL_NAME
    index_title = "Assistance"

    @method_decorator(login_not_required)
    def login(self, request, extra_context=None):
        """One door for everybody: our login page, with its lockout."""
        return pages.staff_only(request)

    def password_change(self, request, extra_context=None):
        """The admin's own page would change a password without history or mail."""
        return pages.change_password(request)

    def autocomplete_view(self, request):
        """No field is completed as one types: whoever asks is guessing."""
        raise Http404

    def app_index(self, request, app_label, extra_context=None):
        """Tables are listed by work, not by the app that holds them."""
        return redirect("admin:index")

    def index(self, request, extra_context=None):
        context = self.each_context(request) | {
            "title": self.index_title,
            "waiting": [line for line in _waiting(request.user) if line.count],
            "works": self._works(request),
        }
        return render(request, "admin/index.html", context)

    def _works(self, request):
        """(kind of work, the page and address of each of its tables) for whoever asks."""
        for work, models in WORKS.items():
            pages_of_work = [(self._registry[model], _list(model)) for model in models]
            yield work, [pair for pair in pages_of_work if pair[0].has_module_permission(request)]


def _list(model, filters=""):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + filters


def _waiting(user):
    def line(rows, one, many, advice, address):
        count = rows.count()
        return Waiting(count, one if count == 1 else many, advice, address)

    unseen = Attachment.objects.current().principal().filter(user__activated_at=None)
    imports = DirectoryImport.objects
    return [
        line(
            AttachmentRequest.objects.awaiting(user),
            "demande attend votre décision",
            "demandes attendent votre décision",
            "Personne d'autre ne peut en décider.",
            reverse("attachments:pending_requests"),
        ),
        line(
            unseen,
            "gestionnaire principal n'a jamais activé son compte",
            "gestionnaires principaux n'ont jamais activé leur compte",
            f"Le rôle est retiré au bout de {settings.PRINCIPAL_ACTIVATION_DAYS} jours : "
            "le lien d'activation se renvoie depuis le compte.",
            _list(Attachment, "?account=unseen"),
        ),
        line(
            imports.filter(state__in=DirectoryImport.UNDER_WAY),
            "import de l'annuaire est en attente ou en cours",
            "imports de l'annuaire sont en attente ou en cours",
            "Rien à faire : chaque import avance sans vous.",
            _list(DirectoryImport, "?state__in=waiting,running"),
        ),
        line(
            imports.filter(state=DirectoryImport.State.FAILED),
            "import de l'annuaire s'est interrompu",
            "imports de l'annuaire se sont interrompus",
            "Reprenez-le depuis sa page : il continue là où il s'est arrêté.",
            _list(DirectoryImport, "?state__exact=failed"),
        ),
        line(
            OutgoingMail.objects.filter(state=OutgoingMail.State.FAILED),
            "courriel n'a pas pu partir",
            "courriels n'ont pas pu partir",
            "Lisez l'erreur, corrigez l'adresse s'il le faut, puis renvoyez.",
            _list(OutgoingMail, "?state__exact=failed"),
        ),
        line(
            Submission.objects.failing(),
            "inscription n'a pas pu être traitée",
            "inscriptions n'ont pas pu être traitées",
            "Le portail réessaie seul ; si cela dure, prévenez l'exploitant.",
            _list(Submission, "?tries=failed"),
        ),
        line(
            LinkRequest.objects.failing(),
            "demande de lien n'a pas pu être traitée",
            "demandes de lien n'ont pas pu être traitées",
            "Le portail réessaie seul ; si cela dure, prévenez l'exploitant.",
            _list(LinkRequest, "?tries=failed"),
        ),
    ]
