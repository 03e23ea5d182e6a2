"""What the pages of services and of bank accounts have in common."""

from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from plumbing.exports import Column
from plumbing.reach import held_on, reach
from plumbing.text import folded, grouped
from structures.models import Structure
from structures.models.validity import open_today
from structures.views.workspace import ACCOUNTS, CHANGE, SERVICES, Workspace, below

PER_PAGE = 50
# A shorter list is read faster than it is searched.
SEARCHED_FROM = 10
BY_NAME = ("legal_name_key", "pk")
LISTS = {SERVICES: "Services", ACCOUNTS: "Coordonnées bancaires"}
PAGES = {SERVICES: "structures:service", ACCOUNTS: "structures:bank_account"}


def within_reach(user, pk, permission, needed=None):
    """The structure, if `user` holds `permission` on it (404 otherwise) and `needed` (403 otherwise)."""
    structure = get_object_or_404(Structure.objects.filter(reach(permission, user)), pk=pk)
    if needed and not held_on(structure, user, [needed]):
        raise PermissionDenied
    return structure


def part_within_reach(user, model, pk, permission, needed=None):
    """The service or bank account, on a structure within reach; one out of service is only its manager's to see."""
    part = get_object_or_404(model, pk=pk)
    part.structure = within_reach(user, part.structure_id, permission, needed)
    part.may_change = user.has_perm(CHANGE, part.structure)
    if part.standing != model.Standing.OPEN and not part.may_change:
        raise Http404
    return part


def part_list(request, parts, may_change):
    """A structure's `parts` that match the words of the filter: all for its manager, those open today for others."""
    words = searched_words(request)
    listed = parts.all() if may_change else parts.open()
    # In Python: databases do not agree on where « Équipement » stands, nor find it under « equipement ».
    return sorted((part for part in listed if part.matches(words)), key=lambda part: (folded(part.label), part.pk))


def list_page(request, template, structure, tab, parts):
    """The page of a tab that lists a structure's `parts`."""
    workspace = Workspace(request, structure, tab)
    listed = part_list(request, parts, workspace.may_change)
    context = {"structure": structure, "workspace": workspace}
    return render(request, template, context | paged(request, listed))


def choose_structure(request, *, related, go_to, texts, active_only=False):
    """The structures `request.user` manages, each leading to `go_to`; straight there when there is only one.
    Support manages all, and sees those it searches.

    `texts` gives the page its title, lead, the name of what is counted, what only managers do and, where what is
    counted can be downloaded, the name of the view that does it.
    """
    words = searched_words(request)
    matching = managed(request)
    if active_only:
        matching = matching.filter(state=Structure.State.ACTIVE)
    if not request.user.is_staff and not words:
        first_two = matching.values_list("pk", flat=True)[:2]
        if len(first_two) == 1:
            return redirect(go_to, first_two[0])
    in_service = Count(related, filter=open_today(related))
    listed = paged(request, matching.annotate(part_count=in_service).order_by(*BY_NAME))
    if request.user.is_staff:
        listed |= {"searched": True, "count_line": listed["count_line"] if words else ""}
    return render(
        request, "structures/choose_structure.html", {"go_to": go_to, "active_only": active_only} | listed | texts
    )


def managed(request):
    """The structures `request.user` manages that match the words of the filter; for support, none without words."""
    words = searched_words(request)
    mine = Structure.objects.filter(reach(CHANGE, request.user))
    if request.user.is_staff and not words:
        return mine.none()
    return mine.called(words) if words else mine


def parts_of_managed(request, model):
    """The services or bank accounts of those structures, each with its structure, one structure after the other."""
    listed = model.objects.filter(structure__in=managed(request).order_by().values("pk")).select_related("structure")
    return listed.order_by("structure__legal_name_key", "structure", "label", "pk").iterator(chunk_size=1_000)


OF_STRUCTURE = [
    Column("Structure", lambda part: str(part.structure)),
    Column("Type d'identifiant", lambda part: part.structure.get_identifier_type_display()),
    Column("Identifiant", lambda part: part.structure.identifier),
]


def searched_words(request):
    """What was typed in the filter above a list."""
    return request.GET.get("q", "")[:100].strip()


def paged(request, rows):
    """Context of a list: its page of `rows`, and the filter above it where there are enough to need one."""
    page, words = Paginator(rows, PER_PAGE).get_page(request.GET.get("page")), searched_words(request)
    count = page.paginator.count
    return {
        "page": page,
        "words": words,
        "searched": words or count > SEARCHED_FROM,
        "count_line": f"{grouped(count)} résultat{'s' if count > 1 else ''}" if words else "",
        "query": urlencode({"q": words}) if words else "",
    }


def deactivation_page(request, part, tab, *, title, first, button, facts=(), nobody=""):
    """What follows from switching a service or a bank account off, before the POST that does it.

    `first` always holds; `nobody` is said when there are no `facts`.
    """
    context = {
        "title": title,
        "structure": part.structure,
        "workspace": below(request, part.structure, tab, *trail_to(part, tab)),
        "first": first,
        "facts": facts,
        "nobody": nobody,
        "last": "Rien n'est effacé : vous pouvez activer de nouveau quand vous voulez.",
        "back_url": reverse(PAGES[tab], args=[part.pk]),
        "button": button,
    }
    return render(request, "structures/deactivate.html", context)


def part_page(request, template, part, tab, **more):
    """« Consulter » a part of a structure."""
    list_of_parts = trail_to_list(part.structure, tab)
    context = {
        "structure": part.structure,
        "part": part,
        "workspace": below(request, part.structure, tab, list_of_parts),
    }
    return render(request, template, context | more)


def trail_to_list(structure, tab):
    """(label, address) of the list of the structure's parts."""
    return LISTS[tab], reverse(tab, args=[structure.pk])


def trail_to(part, tab):
    """(label, address) of the pages that lead from the structure to what is done to `part`."""
    return trail_to_list(part.structure, tab), (part.label, reverse(PAGES[tab], args=[part.pk]))


def form_page(request, form, tab, *, title, submit, lead=""):
    """The page of the form of a part of a structure."""
    structure, part = form.structure, form.part
    trail = [trail_to_list(structure, tab)] if part is None else trail_to(part, tab)
    context = {
        "form": form,
        "structure": structure,
        "workspace": below(request, structure, tab, *trail),
        "title": title,
        "lead": lead,
        "back_url": trail[-1][1],
        "submit": submit,
    }
    return render(request, "structures/part_form.html", context, status=422 if form.errors else 200)
