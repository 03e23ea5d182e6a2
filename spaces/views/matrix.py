"""« Qui a quoi »: people × spaces of a structure."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from plumbing.exports import Column, download
from plumbing.requests import perform, posted
from plumbing.text import is_key
from spaces import actions
from spaces.forms import TakingForm
from spaces.matrix import NOBODY, Editing, Matrix, Picks, namesakes
from spaces.views.openings import KNOW, SEE, TAB, VIEW
from structures.views.parts import within_reach
from structures.views.workspace import below

PER_PAGE = 50
# Two boxes of each space and person are sent: far below what a form may hold.
EDITED_PER_PAGE = 25
DECIDE = "attachments.decide_subscriptions"
TABLE = "spaces:space_matrix"
CONFIRMED, FROM_PAGE, TO_PAGE, CAME_FROM = "confirme", "depuis", "vers", "venu"
# A lot of a file: its lines are read together.
AT_ONCE = 500


@require_safe
def space_matrix(request, pk):
    """Who has which space, or waits for it, 50 people a page."""
    structure = within_reach(request.user, pk, SEE, VIEW)
    matrix = Matrix(structure, request.GET)
    page = Paginator(matrix.places, PER_PAGE).get_page(request.GET.get("page"))
    may_know = request.user.has_perm(KNOW, structure)
    context = {
        "structure": structure,
        "workspace": below(request, structure, TAB, ("Espaces", reverse(TAB, args=[pk]))),
        "may_know": may_know,
        "matrix": matrix,
        "page": page,
        "rows": matrix.told(places := list(page.object_list)),
        "namesakes": namesakes(place.user for place in places) if may_know else (),
        # As many people a page where they are changed as half of this one.
        "edited_page": (page.start_index() or 1) // EDITED_PER_PAGE + 1,
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
        *([Column("Adresse", lambda row: row[0].known_email)] if request.user.has_perm(KNOW, structure) else []),
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
    """The same with ticks, kept from page to page; POST shows what will change, and does it once confirmed."""
    matrix = Matrix(within_reach(request.user, pk, SEE, DECIDE), request.GET)
    pages = Paginator(matrix.places, EDITED_PER_PAGE)
    if request.method != "POST":
        return _grid(request, matrix, pages.get_page(request.GET.get("page")), NOBODY)
    picks = _picks(request, matrix, pages)
    if TO_PAGE in request.POST:
        return _grid(request, matrix, pages.get_page(request.POST[TO_PAGE]), picks)
    editing, form = _edited(request, matrix, picks), TakingForm(posted(request) if CONFIRMED in request.POST else None)
    if form.is_valid() and any(editing.changes()):
        done, result = perform(request, actions.change_cells, editing.sheet, **_change(request, editing, form))
        if done:
            _say(request, result)
            return redirect(_table_address(matrix, request.POST.get(CAME_FROM, "")))
        # A colleague was faster: what is still to change is shown anew.
        editing = _edited(request, matrix, picks)
    return _confirm(request, matrix, editing, form)


def _table_address(matrix, edited_page):
    """The table where this page of boxes is, filters kept."""
    number = int(edited_page) if is_key(edited_page) else 1
    page = {"page": (number - 1) * EDITED_PER_PAGE // PER_PAGE + 1} if number > 1 else {}
    return f"{reverse(TABLE, args=[matrix.structure.pk])}?{urlencode(matrix.asked | page)}"


def _picks(request, matrix, pages):
    """What was chosen on this page, when it comes from one, and on those before."""
    if FROM_PAGE not in request.POST:
        return Picks.posted(request.POST, ())
    shown = list(pages.get_page(request.POST[FROM_PAGE]).object_list)
    return Picks.posted(request.POST, Editing(matrix, shown, editor=request.user).values)


def _edited(request, matrix, picks):
    places = list(matrix.everybody.filter(user__in=picks.people))
    return Editing(matrix, places, editor=request.user, picks=picks)


def _below(request, structure):
    table = reverse(TABLE, args=[structure.pk])
    return below(request, structure, TAB, ("Espaces", reverse(TAB, args=[structure.pk])), ("Qui a quoi", table))


def _grid(request, matrix, page, picks):
    editing = Editing(matrix, list(page.object_list), editor=request.user, picks=picks)
    values = set(editing.values)
    plus, minus = picks.plus - values, picks.minus - values
    context = {
        "structure": matrix.structure,
        "workspace": _below(request, matrix.structure),
        "matrix": matrix,
        "page": page,
        "editing": editing,
        # Whoever decides knows who is there.
        "namesakes": namesakes(place.user for place in editing.places),
        "plus": sorted(plus),
        "minus": sorted(minus),
        "kept": len(plus) + len(minus),
        "chosen": len(picks.plus) + len(picks.minus),
        "table_address": _table_address(matrix, str(page.number)),
    }
    return render(request, "spaces/change_matrix.html", context)


def _confirm(request, matrix, editing, form):
    given, taken = editing.changes()
    if not given and not taken:
        messages.info(request, "Rien n'est changé : ces accès sont déjà ainsi.")
        return redirect(request.get_full_path())
    context = {
        "structure": matrix.structure,
        "workspace": _below(request, matrix.structure),
        "editing": editing,
        "namesakes": namesakes(place.user for place in editing.places),
        "given": given,
        "taken": taken,
        "form": form,
        "from_page": request.POST.get(FROM_PAGE) or request.POST.get(CAME_FROM, "1"),
    }
    return render(request, "spaces/confirm_matrix.html", context, status=422 if form.errors else 200)


def _change(request, editing, form):
    structure, service = editing.matrix.structure, editing.service
    given, taken = editing.changes()
    return {
        "actor": request.user,
        "given": [actions.Line(place.user, structure, space, service, access) for place, space, access in given],
        "taken": [line.pk for _place, line in taken],
        "seen": request.POST.get("version", ""),
        "reason": form.cleaned_data["reason"],
    }


def _say(request, result):
    ended = sum(not row.is_live for row in result.done)
    begun = len(result.done) - ended
    counts = {"donné": begun, "retiré": ended}
    said = [f"{count} accès {word}{'s' if count > 1 else ''}" for word, count in counts.items() if count]
    if said:
        messages.success(request, f"{' et '.join(said)}. Un courriel en informe chaque personne.")
    if result.skipped:
        messages.warning(request, f"Laissés de côté : {len(result.skipped)}. {result.skipped[0][1]}")
