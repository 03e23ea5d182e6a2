"""« Qui a quoi »: people × spaces of a structure."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from plumbing.exports import Column, download
from plumbing.requests import perform
from spaces import actions
from spaces.matrix import Editing, Matrix
from spaces.views.openings import SEE, TAB, VIEW
from structures.views.parts import within_reach
from structures.views.workspace import below

PER_PAGE = 50
# Two boxes of each space and person are sent: far below what a form may hold.
EDITED_PER_PAGE = 25
DECIDE = "attachments.decide_subscriptions"
CONFIRMED = "confirme"
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
        "may_change": structure.is_active and request.user.has_perm(DECIDE, structure),
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


@require_http_methods(["GET", "HEAD", "POST"])
def change_matrix(request, pk):
    """The same with ticks; POST shows what will change, and does it once confirmed."""
    structure = within_reach(request.user, pk, SEE, DECIDE)
    matrix = Matrix(structure, request.GET)
    page = Paginator(matrix.places, EDITED_PER_PAGE).get_page(request.GET.get("page"))
    editing = Editing(matrix, list(page.object_list), editor=request.user)
    table = reverse("spaces:space_matrix", args=[pk])
    context = {
        "structure": structure,
        "workspace": below(request, structure, TAB, ("Espaces", reverse(TAB, args=[pk])), ("Qui a quoi", table)),
        "matrix": matrix,
        "page": page,
        "editing": editing,
    }
    if request.method != "POST":
        return render(request, "spaces/change_matrix.html", context)
    ticked, seen = request.POST.getlist("cases"), request.POST.get("version", "")
    given, taken = editing.changes(ticked)
    if seen == editing.version and (given or taken) and CONFIRMED not in request.POST:
        return render(
            request, "spaces/confirm_matrix.html", context | {"given": given, "taken": taken, "ticked": ticked}
        )
    if seen == editing.version and not (given or taken):
        messages.info(request, "Rien n'est changé : cochez ou décochez des accès.")
        return redirect(request.get_full_path())
    done, result = perform(request, actions.change_cells, editing.page, **_change(request, editing, given, taken, seen))
    if done:
        _say(request, result)
    return redirect(f"{table}?{matrix.query}" if done else request.get_full_path())


def _change(request, editing, given, taken, seen):
    structure, service = editing.matrix.structure, editing.service
    lines = [actions.Line(place.user, structure, space, service, access) for place, space, access in given]
    return {"actor": request.user, "given": lines, "taken": [line.pk for _place, line in taken], "seen": seen}


def _say(request, result):
    ended = sum(not row.is_live for row in result.done)
    begun = len(result.done) - ended
    messages.success(request, f"Accès donnés : {begun} ; retirés : {ended}. Un courriel en informe chaque personne.")
    if result.skipped:
        messages.warning(request, f"Laissés de côté : {len(result.skipped)}. {result.skipped[0][1]}")
