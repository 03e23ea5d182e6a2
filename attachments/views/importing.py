"""« Fichier d'utilisateurs »: a CSV tried line by line, then applied."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe

from attachments import actions
from attachments.forms import FileForm
from attachments.importers import COLUMNS, EXAMPLE, FileRefused, read_lines, read_text
from attachments.permissions import roles_given_by
from attachments.views.attaching import active_within_reach
from attachments.views.people import ATTACH, CREATE, SEE, TAB
from attachments.views.person import MOST_SAID
from plumbing.exports import csv_chunks
from plumbing.requests import within, within_many
from structures.views.parts import within_reach
from structures.views.workspace import below

# The file as the trial showed it comes back with the button that applies it: nothing is kept in between.
TEXT = "texte"


@require_http_methods(["GET", "HEAD", "POST"])
def import_people(request, pk):
    """The file is chosen; then what it would do, line by line; then it is applied."""
    structure = active_within_reach(request, pk, ATTACH)
    if structure is None:
        return redirect(TAB, pk)
    applies = request.method == "POST" and TEXT in request.POST
    form = FileForm(*([request.POST, request.FILES] if request.method == "POST" and not applies else []))
    lines, text = None, ""
    if applies or (request.method == "POST" and form.is_valid()):
        text = request.POST[TEXT] if applies else read_text(form.cleaned_data["file"].read())
        try:
            lines = read_lines(text, structure, roles_given_by(request.user, [pk])[pk])
        except FileRefused as refusal:
            form.add_error("file", str(refusal)) if form.is_bound else messages.error(request, str(refusal))
    wanted = [line.wanted for line in lines or () if line.is_to_do]
    if applies and lines is not None and _is_counted(request, len(wanted)):
        _say(request, structure, actions.attach_from_file(structure, wanted, actor=request.user))
        return redirect(TAB, pk)
    address = reverse(TAB, args=[pk])
    context = {
        "structure": structure,
        "workspace": below(request, structure, TAB, ("Personnes", address)),
        "back_url": address,
        "form": form,
        "lines": lines,
        "text": text,
        "to_do": len(wanted),
        "faulty": sum(bool(line.faults) for line in lines or ()),
        "columns": COLUMNS,
        "may_create": request.user.has_perm(CREATE, structure),
        "services": structure.services.open(),
    }
    return render(request, "attachments/import_people.html", context, status=422 if form.errors else 200)


@require_safe
def people_model(request, pk):
    """The model of the file: its columns, and an example."""
    within_reach(request.user, pk, SEE, ATTACH)
    response = HttpResponse(b"".join(csv_chunks(list(COLUMNS), [EXAMPLE])), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, "modele-utilisateurs.csv")
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


def _say(request, structure, given):
    count = len(given.done)
    if count:
        messages.success(request, f"{count} personne{'s' if count > 1 else ''} de plus à {structure}.")
    else:
        messages.info(request, "Rien n'a changé : toutes ces personnes sont déjà rattachées.")
    for address, refusal in given.skipped[:MOST_SAID]:
        messages.error(request, f"{address} : {refusal}")
    if len(given.skipped) > MOST_SAID:
        messages.error(request, f"{len(given.skipped)} adresses en tout n'ont pas pu être rattachées.")
