"""« Qui a quoi »: people × spaces of a structure."""

from django.core.paginator import Paginator
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from plumbing.exports import Column, download
from spaces.matrix import Matrix
from spaces.views.openings import SEE, TAB, VIEW
from structures.views.parts import within_reach
from structures.views.workspace import below

PER_PAGE = 50
# A lot of a file: its lines are read together.
AT_ONCE = 500


@require_safe
def space_matrix(request, pk):
    """Who has which space, or waits for it, 50 people a page."""
    structure = within_reach(request.user, pk, SEE, VIEW)
    matrix = Matrix(structure, request.GET)
    page = Paginator(matrix.places, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "structure": structure,
        "workspace": below(request, structure, TAB, ("Espaces", reverse(TAB, args=[pk]))),
        "matrix": matrix,
        "page": page,
        "rows": matrix.told(list(page.object_list)),
    }
    return render(request, "spaces/matrix.html", context)


@require_safe
def export_matrix(request, pk, kind):
    """The same as a file: a line for each person, a column for each space."""
    structure = within_reach(request.user, pk, SEE, VIEW)
    matrix = Matrix(structure, request.GET)
    columns = [
        Column("Nom", lambda row: row[0].user.last_name),
        Column("Prénom", lambda row: row[0].user.first_name),
        Column("Adresse", lambda row: row[0].known_email),
        Column("Rôle", lambda row: row[0].get_role_display()),
        *(Column(str(space), _cell(number)) for number, space in enumerate(matrix.spaces)),
    ]
    return download(request, kind, f"espaces-{structure.identifier}", columns, _told(matrix))


def _cell(number):
    return lambda row: row[1][number].in_words


def _told(matrix):
    for page in Paginator(matrix.places, AT_ONCE):
        yield from matrix.told(list(page.object_list))
