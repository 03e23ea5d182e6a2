"""« Rechercher »: structures and directory in one list, page by page or as a file."""

import re
from urllib.parse import urlencode

import rules
from django.core.signing import BadSignature
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from directory.identifiers import IdentifierType, identifier_key, is_siret, spaced_identifier
from directory.models import DirectoryEntry, Nature
from plumbing.exports import Column, download
from plumbing.reach import reach
from structures.forms import SearchForm
from structures.models import Structure
from structures.search import everything, exists_unseen, find, reading
from structures.views.columns import description_columns, title_of
from structures.views.workspace import ASK

SORTED_BY = [("nom", "raison sociale"), ("ville", "ville"), ("identifiant", "identifiant")]


@require_safe
def search(request):
    form, page = SearchForm(request.GET), None
    if form.asks_something:
        marks = {name: request.GET.get(name, "") for name in ("before", "after")}
        try:
            page = find(request.user, form.criteria, **form.options, **marks)
        except BadSignature:
            return redirect(f"{request.path}?{asked(request)}")
    context = {"form": form, "page": page, "most": reading.MOST, "asked": asked(request)}
    if page:
        context |= _number(form, page) | {
            "lines": _lines(request.user, page.results, form.criteria),
            "unseen": exists_unseen(request.user, form.criteria),
            "orders": _orders(request, **form.options),
        }
    return render(request, "structures/search.html", context, status=422 if form.errors else 200)


def _number(form, page):
    """The identifier that was asked for and found nothing, whether it is a SIRET that cannot be one, or a
    postcode cut short."""
    number = "" if page.results else form.criteria.only_identifier
    is_wrong = bool(re.fullmatch(r"\d{14}", number)) and not is_siret(number)
    return {
        "number": spaced_identifier(IdentifierType.SIRET, number),
        "number_is_wrong": is_wrong,
        "may_be_postcode": bool(re.fullmatch(r"\d{1,4}", number)),
    }


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
# What a result is on the portal. Of a private structure of others, one learns that it is there, no more.
PRESENCE = {
    "active": "Active",
    "inactive": "Inactive",
    "here": "Présente",
    "closed": "Fermée",
    "absent": "Pas encore présente",
}


def _lines(user, results, criteria):
    """What the list says of each result."""
    mine = _own(user, [result.structure.pk for result in results if result.structure])
    number = identifier_key(criteria.identifier)
    return [_line(user, result, mine=mine, number=number) for result in results]


def _line(user, result, *, mine, number):
    row, presence = result.establishment, _presence(result)
    is_mine = result.structure is not None and row.pk in mine
    return {
        "result": result,
        "name": str(row) if row.is_masked else row.legal_name,
        "place": "" if row.is_masked else f"{row.postcode} {row.city}".strip(),
        "presence": presence,
        "presence_label": PRESENCE[presence],
        "tone": "active" if presence == "here" else presence,
        "is_mine": is_mine,
        "is_named": row.identifier == number,
        "asks": presence == "active" and not is_mine and not user.is_staff and rules.perm_exists(ASK),
        "founding": _founding(row) if presence == "absent" and not row.is_public else "",
    }


def _own(user, ids):
    """Those of these structures that `user` is attached to. Support belongs everywhere, and is attached nowhere."""
    if user.is_staff or not ids:
        return set()
    own = Structure.objects.filter(reach("structures.belong_to", user), pk__in=ids)
    return set(own.order_by().values_list("pk", flat=True))


def _founding(entry):
    """What « Créer une structure » starts from."""
    return urlencode({"identifier_type": entry.identifier_type, "identifier": entry.identifier})


def _presence(result):
    if result.structure:
        return "active" if result.structure.is_active else "inactive"
    if result.lives_here:
        return "here"
    return "closed" if result.establishment.closed_on else "absent"


COLUMNS = [
    *description_columns(lambda result: result.establishment),
    Column("Sur le portail", lambda result: PRESENCE[_presence(result)]),
    Column(title_of("closed_on", DirectoryEntry), lambda result: getattr(result.establishment, "closed_on", None)),
]


@require_safe
def export(request, kind):
    """The whole result as a file, sent while it is being read."""
    form = SearchForm(request.GET)
    if not form.asks_something:
        return redirect(f"{reverse('structures:search')}?{asked(request)}")
    rows = everything(request.user, form.criteria, **form.options)
    return download(request, kind, "structures", COLUMNS, rows)


@require_safe
def directory_entry(request, pk):
    """What the directory says of an establishment that does not live here, and what to do to work for it."""
    entry = get_object_or_404(DirectoryEntry, pk=pk)
    here = Structure.objects.identified_by(entry.identifier_type, entry.identifier).first()
    if here is not None and Structure.objects.filter(reach("structures.view_structure", request.user), pk=here.pk):
        return redirect("structures:structure", here.pk)
    presence = "here" if here else "closed" if entry.closed_on else "absent"
    context = {
        "entry": entry,
        "lives_here": here is not None,
        "presence": ("active" if here else presence, PRESENCE[presence]),
        "creates": _founding(entry) if presence == "absent" and not entry.is_public else "",
        "mail_subject": f"Créer la structure {entry.full_identifier}",
    }
    return render(request, "structures/directory_entry.html", context)
