"""« Mes pièces jointes »: everybody's own, and nobody else's."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from documents import actions, exports
from documents.forms import DocumentForm, NewDocumentForm
from documents.models import SupportingDocument
from plumbing.errors import ActionError
from plumbing.requests import came_from, posted, submit
from plumbing.text import bytes_in_words, grouped

PER_PAGE = 50
# A shorter list is read faster than it is searched.
SEARCHED_FROM = 10
TICKED = "piece"


@require_safe
def documents(request):
    """The list, with what is done to one or to several."""
    library, words = SupportingDocument.objects.of(request.user), _words(request)
    page = Paginator(library.matching(words), PER_PAGE).get_page(request.GET.get("page"))
    count, taken = page.paginator.count, library.bytes_taken()
    context = {
        "page": page,
        "words": words,
        "query": urlencode({"q": words}) if words else "",
        "searched": words or count > SEARCHED_FROM,
        "count_line": f"{grouped(count)} résultat{'s' if count > 1 else ''}" if words else "",
        "taken": bytes_in_words(taken) if taken else "",
        "most": bytes_in_words(settings.DOCUMENTS_MAX_BYTES),
        "largest": bytes_in_words(settings.DOCUMENT_MAX_BYTES),
    }
    return render(request, "documents/documents.html", context)


@require_safe
def export_list(request, kind):
    """The same list as a file."""
    return exports.list_response(request, kind, SupportingDocument.objects.of(request.user).matching(_words(request)))


@require_http_methods(["GET", "HEAD", "POST"])
def add(request):
    """« Ajouter une pièce jointe »"""
    form = NewDocumentForm(posted(request), request.FILES or None)
    if request.method == "POST" and form.is_valid():
        done, added = submit(form, actions.add_document, form.cleaned_data["file"], owner=request.user, **form.values)
        if done:
            messages.success(request, f"La pièce jointe {added} est ajoutée.")
            return redirect("documents:documents")
    return render(request, "documents/add.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
def download(request, pk):
    """« Télécharger »"""
    document = _mine(request, pk)
    try:
        return exports.file_response(document)
    except ActionError as refusal:
        messages.error(request, str(refusal))
        return redirect("documents:documents")


@require_http_methods(["GET", "HEAD", "POST"])
def change(request, pk):
    """« Modifier »: what it is called and what it is, not the file."""
    document = _mine(request, pk)
    form = DocumentForm.of(document, posted(request))
    if request.method == "POST" and form.is_valid():
        done, made = submit(form, actions.change_document, pk, actor=request.user, values=form.values)
        if done:
            messages.success(request, "Les modifications sont enregistrées." if made else "Rien n'a changé.")
            return redirect(_list(request))
    context = {"form": form, "document": document, "back_url": _list(request)}
    return render(request, "documents/change.html", context, status=422 if form.errors else 200)


@require_safe
def download_ticked(request):
    """« Télécharger » those ticked, in one ZIP."""
    ticked = _ticked(request, request.GET)
    return exports.zip_response(request, ticked) if ticked else _nothing_ticked(request)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request, pk):
    """« Supprimer » one"""
    return _deletion(request, [_mine(request, pk)])


@require_http_methods(["GET", "HEAD", "POST"])
def delete_ticked(request):
    """« Supprimer » those ticked"""
    ticked = _ticked(request, request.POST if request.method == "POST" else request.GET)
    return _deletion(request, ticked) if ticked else _nothing_ticked(request)


def _deletion(request, documents):
    """Which ones and what follows, then the POST that does it."""
    if request.method == "POST":
        count = actions.delete_documents([document.pk for document in documents], actor=request.user)
        done = f"{count} pièces jointes sont supprimées." if count > 1 else "La pièce jointe est supprimée."
        messages.success(request, done)
        return redirect(_list(request))
    size = bytes_in_words(sum(document.size for document in documents))
    context = {"doomed": documents, "size": size, "back_url": _list(request)}
    return render(request, "documents/delete.html", context)


def _words(request):
    """What was typed in the filter above the list."""
    return request.GET.get("q", "")[:100].strip()


def _mine(request, pk):
    return get_object_or_404(SupportingDocument.objects.of(request.user), pk=pk)


def _list(request):
    """The list, as it was filtered."""
    address = reverse("documents:documents")
    return came_from(request, address) or address


def _ticked(request, data):
    """Those of the person's own that `data` names, in the order of the list."""
    wanted = {int(text) for text in data.getlist(TICKED) if text.isdecimal() and len(text) < 19}
    return list(SupportingDocument.objects.of(request.user).filter(pk__in=wanted))


def _nothing_ticked(request):
    if TICKED in request.GET or TICKED in request.POST:
        messages.warning(request, "Ces pièces jointes ne sont plus dans la liste.")
    else:
        messages.warning(request, "Rien n'est coché : cochez au moins une pièce jointe de la liste.")
    return redirect(_list(request))
