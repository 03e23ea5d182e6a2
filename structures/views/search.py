"""« Rechercher »: structures and directory in one list, page by page or as a file."""

from urllib.parse import urlencode

from django.core.signing import BadSignature
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.views.decorators.http import require_safe

from plumbing.csv_export import stream_csv
from plumbing.reach import reach
from plumbing.templatetags.components import status_badge
from structures.forms import SearchForm
from structures.models import DirectoryEntry, Establishment, Nature, Structure
from structures.search import TooMany, everything, exists_unseen, find

TOO_MANY = "Trop de réponses pour les trier ainsi : les voici par raison sociale. Précisez votre recherche."
SORTED_BY = [("nom", "Raison sociale"), ("ville", "Ville"), ("identifiant", "Identifiant")]


@require_safe
def search(request):
    form = SearchForm(request.GET)
    page, too_many, query = None, False, asked(request)
    if form.asks_something:
        options = form.options
        marks = {name: request.GET.get(name, "")[:2000] for name in ("before", "after")}
        try:
            page = find(request.user, form.criteria, **options, **marks)
        except BadSignature:
            return redirect(f"{request.path}?{query}")
        except TooMany:
            too_many, options = True, {"order": "nom", "descending": False}
            page, query = find(request.user, form.criteria, **options), asked(request, order="nom", descending="")
    return render(
        request,
        "structures/search.html",
        {
            "form": form,
            "page": page,
            "lines": [] if page is None else _lines(page.results),
            "too_many": TOO_MANY if too_many else "",
            "unseen": page is not None and exists_unseen(request.user, form.criteria),
            "asked": query,
            "orders": [] if page is None else _orders(request, **options),
        },
        status=422 if form.errors else 200,
    )


def asked(request, **changes):
    """The search as a query string, without its page; `changes` replace fields, None removes one."""
    kept = {name: value for name, value in request.GET.items() if name not in ("before", "after")} | changes
    return urlencode({name: value for name, value in kept.items() if value})


def _orders(request, order, descending):
    """(label, address, "ascending", "descending" or "") of each column one may sort by."""
    return [
        (
            label,
            asked(request, order=name, descending="" if name != order or descending else "1"),
            ("descending" if descending else "ascending") if name == order else "",
        )
        for name, label in SORTED_BY
    ]


_NATURES = dict(Nature.choices)
_PRESENCE = {
    state: status_badge(state, label)
    for state, label in (
        ("inactive", "Désactivée"),
        ("active", "Présente"),
        ("closed", "Fermée"),
        ("absent", "Pas encore"),
    )
}


def _lines(results):
    """What the list says of each result. Worked out here: templates take five times as long, for every page."""
    structures, entries = (
        reverse(f"structures:{view}", args=[0]).removesuffix("0/") for view in ("structure", "directory_entry")
    )
    return [
        {
            "address": f"{structures if result.structure else entries}{row.pk}/",
            "name": str(row) if row.is_masked else row.legal_name,
            "label": "" if row.is_masked else row.label,
            "identifier": row.full_identifier,
            "place": "" if row.is_masked else f"{row.postcode} {row.city}".strip(),
            "nature": _NATURES[row.nature],
            "presence": _PRESENCE[_presence(result)],
        }
        for result in results
        for row in [result.establishment]
    ]


def _presence(result):
    if result.structure and not result.structure.is_active:
        return "inactive"
    if result.lives_here:
        return "active"
    return "closed" if result.establishment.closed_on else "absent"


EXPORTED = ("identifier_type", "identifier", "nature", *Establishment.DESCRIPTIVE, "undisclosed")


@require_safe
def export(request):
    """The whole result as a CSV file, sent while it is being read."""
    form = SearchForm(request.GET)
    if not form.asks_something:
        return redirect(f"{reverse('structures:search')}?{asked(request)}")
    header = [*(_title(Structure, name) for name in EXPORTED), "Sur le portail", _title(DirectoryEntry, "closed_on")]
    rows = everything(request.user, form.criteria, **form.options)
    return stream_csv(request, "structures.csv", header, map(_exported, rows))


def _title(model, name):
    return capfirst(model._meta.get_field(name).verbose_name)


def _exported(result):
    row = result.establishment
    structure, closed_on = result.structure, getattr(row, "closed_on", None)
    return [
        row.get_identifier_type_display(),
        # Spaced, it stays text: a spreadsheet would round a SIRET to a number.
        row.spaced_identifier,
        row.get_nature_display(),
        *([""] * len(Establishment.DESCRIPTIVE) if row.is_masked else row.description.values()),
        _yes_no(row.undisclosed),
        "Désactivée" if structure and not structure.is_active else _yes_no(result.lives_here),
        closed_on and date_format(closed_on, "d/m/Y"),
    ]


def _yes_no(value):
    return "Oui" if value else "Non"


@require_safe
def directory_entry(request, pk):
    """What the directory says of an establishment that does not live here, and what to do to work for it."""
    entry = get_object_or_404(DirectoryEntry, pk=pk)
    here = Structure.objects.identified_by(entry.identifier_type, entry.identifier).first()
    if here is not None and Structure.objects.filter(reach("structures.view_structure", request.user), pk=here.pk):
        return redirect("structures:structure", here.pk)
    return render(request, "structures/directory_entry.html", {"entry": entry, "lives_here": here is not None})
