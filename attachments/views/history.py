"""« Historique »: what was done on a structure, or on all those whose history one may read."""

from datetime import date
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.views.decorators.http import require_safe

from attachments import exports
from attachments.forms import HistoryForm
from attachments.models import WHOLE_STRUCTURE, Role
from attachments.standing_in import tell_standing_in
from attachments.views.parts import SEE
from history.data import CAUSES, changes_of, facts_of, services_of
from history.models import HistoryEntry
from history.outcomes import OUTCOMES, Kind, events_of
from plumbing.exports import download
from plumbing.reach import held
from plumbing.references import spaced
from plumbing.requests import came_from
from structures.models import Structure
from structures.views.parts import PER_PAGE, within_reach
from structures.views.workspace import Workspace, below

VIEW_HISTORY = "attachments.view_history"
TAB = "attachments:structure_history"
# What a person's name is made of, and a structure's.
NAMED = ("first_name", "last_name", "anonymised_at")
SHOWN = (
    "created_at", "event", "reference", "data",
    *(f"{person}__{name}" for person in ("actor", "subject") for name in NAMED),
    "structure__legal_name", "structure__label", "structure__identifier",
)  # fmt: skip


def readable(user):
    """The lines `user` may read: of structures only, never of accounts."""
    keys = held(VIEW_HISTORY, user)
    lines = HistoryEntry.objects.filter(event__in=events_of(""))
    return lines.exclude(structure=None) if keys is None else lines.filter(structure__in=keys)


class Listing:
    """What of the history is asked for: of one `structure`, or of all that the person may read."""

    def __init__(self, request, structure=None):
        self.user, self.query, self.structure = request.user, request.GET, structure
        self.form = HistoryForm(request.GET, structures=() if structure else self.structures)

    @cached_property
    def structures(self):
        """(id, name) of those to choose from: support has too many."""
        keys = held(VIEW_HISTORY, self.user)
        if keys is None:
            return []
        return [(row.pk, str(row)) for row in Structure.objects.filter(pk__in=keys).order_by("legal_name_key", "pk")]

    @property
    def names_structures(self):
        return self.structure is None and len(self.structures) != 1

    @property
    def asked(self):
        """The filters as a query string, whichever page or file they are asked as."""
        return urlencode({name: self.query[name] for name in self.form.fields if self.query.get(name)})

    @property
    def entries(self):
        """The lines asked for, the last one first; none when the filters make no sense."""
        if not self.form.is_valid():
            return HistoryEntry.objects.none()
        asked = self.form.cleaned_data
        lines = readable(self.user).between(asked["since"], asked["until"]).naming(asked["person"])
        if asked["kind"]:
            lines = lines.filter(event__in=events_of(asked["kind"]))
        structure = self.structure or asked.get("structure")
        if structure:
            lines = lines.filter(structure=structure)
        return lines.select_related("actor", "subject", "structure").order_by("-created_at", "-pk")

    def page(self):
        """(lines, whether there are newer ones, whether there are older ones), from the line named in the address.

        Keyset pagination: nothing is counted nor skipped, which would take longer, the longer the history is.
        """
        entries = self.entries.only(*SHOWN)
        if self.form.cleaned_data.get("kind") != Kind.ATTACHMENTS:
            entries = entries.folded()
        older, newer = (self._moment_of(self.query.get(name, "")) for name in ("older", "newer"))
        if newer:
            at, pk = newer
            later = entries.filter(Q(created_at__gt=at) | Q(created_at=at, pk__gt=pk), created_at__gte=at)
            lines = list(later.order_by("created_at", "pk")[: PER_PAGE + 1])
            if len(lines) > PER_PAGE:
                return lines[PER_PAGE - 1 :: -1], True, True
            older = None
        elif older:
            at, pk = older
            entries = entries.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=pk), created_at__lte=at)
        lines = list(entries[: PER_PAGE + 1])
        return lines[:PER_PAGE], bool(older and lines), len(lines) > PER_PAGE

    def _moment_of(self, text):
        """Where a line that the person may read stands: (instant, id)."""
        if not (text.isascii() and text.isdecimal()):
            return None
        return readable(self.user).filter(pk=text[:18]).values_list("created_at", "pk").first()


def _told(entries):
    """The lines, each with the word that says what became of it, and whom its author stood in for."""
    tell_standing_in(entries)
    for entry in entries:
        entry.outcome = OUTCOMES[entry.event]
    return entries


def _gist(data):
    """The one thing to know of a line at a glance: its own page says all."""
    if "reason" in data:
        return data["reason"]
    if changes := changes_of(data):
        label, before, after = changes[0]
        more = len(changes) - 1
        return f"{label} : {before or 'vide'} → {after or 'vide'}" + (f", et {more} de plus" if more else "")
    if "name" in data:
        return data["name"]
    values = data.get("values", {})
    role = Role(values["role"]).label if values.get("role") in Role.values else ""
    part = WHOLE_STRUCTURE if values.get("whole_structure") else ", ".join(services_of(data))
    return " · ".join(filter(None, [role, part, _period(values), CAUSES.get(data.get("cause"))]))


def _period(values):
    """« du … au … », of a line that says both days."""
    days = [values.get(name) for name in ("starts_on", "ends_on")]
    begins, ends = (day and date_format(date.fromisoformat(day), "j F Y") for day in days)
    return f"du {begins} au {ends}" if begins and ends else ""


def _list_page(request, template, listing, **context):
    lines, has_newer, has_older = listing.page()
    for line in lines:
        line.gist = _gist(line.data)
    context |= {
        "listing": listing,
        "form": listing.form,
        "rows": _told(lines),
        "newer": lines[0].pk if has_newer else None,
        "older": lines[-1].pk if has_older else None,
    }
    return render(request, template, context, status=422 if listing.form.errors else 200)


def _within_reach(request, pk):
    return within_reach(request.user, pk, SEE, VIEW_HISTORY)


@require_safe
def structure_history(request, pk):
    """The tab of a structure."""
    structure = _within_reach(request, pk)
    context = {"structure": structure, "workspace": Workspace(request, structure, TAB)}
    return _list_page(request, "attachments/structure_history.html", Listing(request, structure), **context)


@require_safe
def export_structure_history(request, pk, kind):
    """The same list as a file."""
    structure = _within_reach(request, pk)
    listing, here = Listing(request, structure), reverse(TAB, args=[pk])
    return _file(request, kind, f"historique-{structure.identifier}", listing, here)


@require_safe
def history(request):
    """All the structures whose history one may read, in one list."""
    return _list_page(request, "attachments/history.html", _everywhere(request))


@require_safe
def export_history(request, kind):
    """The same list as a file."""
    return _file(request, kind, "historique", _everywhere(request), reverse("attachments:history"))


def _everywhere(request):
    listing = Listing(request)
    if not (listing.structures or request.user.is_staff):
        raise PermissionDenied
    return listing


def _file(request, kind, name, listing, list_address):
    if listing.form.errors:
        return redirect(f"{list_address}?{listing.asked}")
    rows = exports.told(listing.entries.only(*SHOWN, "structure__identifier_type"), _told)
    return download(request, kind, name, exports.HISTORY, rows)


@require_safe
def history_entry(request, pk):
    """One line, with what was there before and after."""
    lines = readable(request.user).select_related("actor", "subject", "structure")
    entry = get_object_or_404(lines, pk=pk)
    everywhere, here = reverse("attachments:history"), reverse(TAB, args=[entry.structure_id])
    back = came_from(request, everywhere) or came_from(request, here) or here
    _told([entry])
    return render(
        request,
        "attachments/history_entry.html",
        {
            "entry": entry,
            "structure": entry.structure,
            "reference": spaced(entry.reference),
            "workspace": below(request, entry.structure, TAB, ("Historique", back)),
            "facts": facts_of(entry.data),
            "changes": changes_of(entry.data),
            "followed": readable(request.user).following(entry).order_by("pk"),
        },
    )
