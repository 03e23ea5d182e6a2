"""« Fichier d'utilisateurs »: a CSV tried line by line, then applied."""

from collections import Counter

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe

from attachments import actions
from attachments.forms import FileForm
from attachments.importers import COLUMNS, EXAMPLE, WHY, FileRefused, read_lines, read_text
from attachments.models import Role
from attachments.permissions import roles_given_by
from attachments.views.parts import ATTACH, CREATE, SEE, TAB, active_within_reach, people_page
from plumbing.exports import csv_chunks
from plumbing.requests import within, within_many
from structures.views.parts import within_reach

# The file as the trial showed it comes back with the button that applies it: nothing is kept in between.
TEXT = "texte"
# Posted with it: the lines to correct are wanted, as a file.
TO_CORRECT = "corriger"
# Where the session keeps what became of the last file.
RESULT = "file_applied"
SHOWN_AT_ONCE = 20


@require_http_methods(["GET", "HEAD", "POST"])
def import_people(request, pk):
    """The file is chosen; then what it would do, line by line; then it is applied."""
    structure = active_within_reach(request, pk, ATTACH)
    if structure is None:
        return redirect(TAB, pk)
    if request.method == "POST" and TEXT in request.POST:
        return _apply(request, structure, request.POST[TEXT])
    if request.method != "POST":
        return _trial(request, structure, FileForm())
    form = FileForm(request.POST, request.FILES)
    return _trial(request, structure, form, *_read_file(request, structure, form))


def _read_file(request, structure, form):
    """The text of the file chosen, and its Lines; neither, and the form says why, when it is refused."""
    if not form.is_valid():
        return "", None
    try:
        text = read_text(form.cleaned_data["file"].read())
        return text, _read(request, structure, text)
    except FileRefused as refusal:
        form.add_error("file", str(refusal))
        return "", None


def _apply(request, structure, text):
    """Do what the trial of `text` showed, or give back the lines to correct."""
    try:
        lines = _read(request, structure, text)
    except FileRefused as refusal:
        messages.error(request, str(refusal))
        return _trial(request, structure, FileForm(), text, None)
    if TO_CORRECT in request.POST:
        return _csv("lignes-a-corriger.csv", [*COLUMNS, WHY], [[*row, why] for _, row, why in _faulty(lines)])
    to_do = [line.wanted for line in lines if line.is_to_do]
    if not _is_counted(request, len(to_do)):
        return _trial(request, structure, FileForm(), text, lines)
    _keep(request, structure, actions.attach_from_file(structure, to_do, actor=request.user), lines)
    return redirect("attachments:file_applied", structure.pk)


def _read(request, structure, text):
    return read_lines(text, structure, roles_given_by(request.user, [structure.pk])[structure.pk])


def _trial(request, structure, form, text="", lines=None):
    """What a file would do, line by line; without `lines`, where one is chosen."""
    lines = lines or []
    to_do = [line for line in lines if line.is_to_do]
    roles = Counter(line.place["role"] for line in to_do)
    context = {
        "form": form,
        "lines": lines,
        "text": text,
        "to_do": to_do,
        "roles": [(Role(role).label, roles[role]) for role in Role.values if roles[role]],
        "faulty": [line for line in lines if line.faults],
        "held": [line for line in lines if line.held],
        "columns": COLUMNS,
        "services": structure.services.open(),
        "may_create": request.user.has_perm(CREATE, structure),
    }
    return people_page(request, "attachments/import_people.html", structure, context)


@require_safe
def file_applied(request, pk):
    """What became of the last file this person applied there; kept in their session."""
    structure = within_reach(request.user, pk, SEE, ATTACH)
    kept = request.session.get(RESULT)
    if kept is None or kept["structure"] != pk:
        return redirect("attachments:import_people", pk)
    places = structure.attachments.filter(pk__in=kept["done"]).select_related("user").prefetch_related("services")
    done = list(places.order_by("user__last_name", "user__first_name", "pk"))
    context = {
        "first": done[:SHOWN_AT_ONCE],
        "others": done[SHOWN_AT_ONCE:],
        "done_count": len(kept["done"]),
        "newcomers": sum(not place.user.was_ever_active for place in done),
        "left": kept["left"],
        "held_count": kept["held"],
        "answered_count": kept.get("answered", 0),
    }
    return people_page(request, "attachments/file_applied.html", structure, context)


@require_safe
def left_lines(request, pk):
    """« Télécharger les lignes à corriger » of the last file applied: the model's columns, and why."""
    within_reach(request.user, pk, SEE, ATTACH)
    kept = request.session.get(RESULT)
    if kept is None or kept["structure"] != pk:
        return redirect("attachments:import_people", pk)
    return _csv("lignes-a-corriger.csv", [*COLUMNS, WHY], [[*row, why] for _, row, why in kept["left"]])


@require_safe
def people_model(request, pk):
    """The model of the file: its columns, and an example."""
    within_reach(request.user, pk, SEE, ATTACH)
    return _csv("modele-utilisateurs.csv", list(COLUMNS), [EXAMPLE])


def _csv(name, header, rows):
    response = HttpResponse(b"".join(csv_chunks(header, rows)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


def _is_counted(request, count):
    """A person applies as many files as a network address registers; and each of their `count` lines mails somebody."""
    if not within(request, "files", settings.REGISTRATION_RATE, key="user"):
        messages.error(request, "Vous avez appliqué beaucoup de fichiers. Attendez une heure, puis recommencez.")
        return False
    if not within_many(request, "file_lines", settings.FILE_LINES_RATE, count, key="user"):
        said = "Vous avez rattaché beaucoup de personnes par fichier. Recommencez demain, ou avec moins de lignes."
        messages.error(request, said)
        return False
    return True


def _faulty(lines):
    """(number, cells, why) of each line to correct."""
    return [(line.number, line.row, " ".join(line.faults)) for line in lines if line.faults]


def _keep(request, structure, given, lines):
    """What became of a file, for the page that says so."""
    refused = {address: str(refusal) for address, refusal in given.skipped}
    left = [(line.number, line.row, refused[line.email]) for line in lines if line.email in refused and line.is_to_do]
    request.session[RESULT] = {
        "structure": structure.pk,
        "done": [place.pk for place in given.done],
        "left": sorted(_faulty(lines) + left),
        "held": sum(line.held is not None for line in lines),
        "answered": sum(bool(place.answered) for place in given.done),
    }
