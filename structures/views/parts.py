"""What the pages of services and of bank accounts have in common."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render

from plumbing.reach import reach
from plumbing.text import folded
from structures.models import Structure

PER_PAGE = 50
# A shorter list is read faster than it is searched.
SEARCHED_FROM = 10
CHANGE = "structures.change_structure"


def within_reach(user, pk, permission, needed=None):
    """The structure, if `user` holds `permission` on it (404 otherwise) and `needed` (403 otherwise)."""
    structure = get_object_or_404(Structure.objects.filter(reach(permission, user)), pk=pk)
    if needed and not Structure.objects.filter(reach(needed, user), pk=pk).exists():
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


def part_list(request, structure, parts, may_change):
    """Context of the page that lists a structure's `parts`: all for its manager, those open today for others."""
    words = request.GET.get("q", "")[:100].strip()
    listed = parts.all() if may_change else parts.open()
    # In Python: databases do not agree on where « Équipement » stands, nor find it under « equipement ».
    listed = sorted((part for part in listed if part.matches(words)), key=lambda part: (folded(part.label), part.pk))
    return {"structure": structure, "may_change": may_change} | _page(request, listed, words)


def choose_structure(request, *, related, go_to, texts, active_only=False):
    """The structures `request.user` manages, each leading to `go_to`; straight there when there is only one.
    Support manages all, and sees those it searches.

    `texts` gives the page its title, lead, the name of what is counted, and what only managers do.
    """
    words = request.GET.get("q", "")[:100].strip()
    mine = Structure.objects.filter(reach(CHANGE, request.user))
    if active_only:
        mine = mine.filter(state=Structure.State.ACTIVE)
    if request.user.is_staff:
        mine = mine if words else mine.none()
    elif not words:
        first_two = mine.values_list("pk", flat=True)[:2]
        if len(first_two) == 1:
            return redirect(go_to, first_two[0])
    matching = (mine.called(words) if words else mine).annotate(part_count=Count(related))
    listed = _page(request, matching.order_by("legal_name_key", "pk"), words)
    if request.user.is_staff:
        listed |= {"searched": True, "count_line": listed["count_line"] if words else ""}
    return render(
        request, "structures/choose_structure.html", {"go_to": go_to, "active_only": active_only} | listed | texts
    )


def _page(request, rows, words):
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    count = page.paginator.count
    return {
        "page": page,
        "words": words,
        "searched": words or count > SEARCHED_FROM,
        "count_line": f"{count} résultat{'s' if count > 1 else ''}" if words else f"{count} en tout",
    }


def deactivation_page(request, part, *, title, first, part_url, facts=(), nobody=""):
    """What follows from switching a service or a bank account off, before the POST that does it.

    `first` always holds; `nobody` is said when there are no `facts`.
    """
    context = {
        "title": title,
        "part": part,
        "structure": part.structure,
        "first": first,
        "facts": facts,
        "nobody": nobody,
        "part_url": part_url,
    }
    return render(request, "structures/deactivate_part.html", context)


def form_page(request, form, *, title, back, submit, lead=""):
    """The page of one form; `back` is the address and the name of where it came from."""
    back_url, back_label = back
    context = {"title": title, "lead": lead, "back_url": back_url, "back_label": back_label, "submit": submit}
    return render(
        request,
        "structures/part_form.html",
        {"form": form, "structure": form.structure} | context,
        status=422 if form.errors else 200,
    )
