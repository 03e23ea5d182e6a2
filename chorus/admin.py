"""Support's admin: its first page starts with what waits, then lists its tables by work."""

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator

from accounts.models import LinkRequest, User
from attachments.deciders import Desk
from attachments.models import Attachment, AttachmentRequest, Deputy
from chorus import pages
from chorus.errands import changelist, errands, requests_errand
from directory.models import DirectoryEntry, DirectoryImport, LegalUnit
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from registration.models import AddressCorrection, Submission
from spaces.models import Space
from structures.models import BankAccount, Referent, Structure
from support.models import ReadyAnswer, Ticket

# The tables as the first page groups them.
WORKS = {
    "Sollicitations": [Ticket, ReadyAnswer],
    "Structures": [Structure, BankAccount, Referent],
    "Personnes": [User, Submission, AddressCorrection, LinkRequest, AccessAttempt],
    "Rattachements": [AttachmentRequest, Attachment, Deputy],
    "Espaces": [Space],
    "Annuaire": [DirectoryImport, DirectoryEntry, LegalUnit],
    "Courriels": [OutgoingMail],
    "Historique": [HistoryEntry],
}


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
        requests = requests_errand(Desk(request.user).waiting)
        context = self.each_context(request) | {
            "title": self.index_title,
            "waiting": [requests, *errands()] if requests.count else errands(),
            "works": self._works(request),
        }
        return render(request, "admin/index.html", context)

    def _works(self, request):
        """(kind of work, the page and address of each of its tables) for whoever asks."""
        for work, models in WORKS.items():
            pages_of_work = [(self._registry[model], changelist(model)) for model in models]
            yield work, [pair for pair in pages_of_work if pair[0].has_module_permission(request)]
