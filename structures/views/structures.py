"""A structure's own pages."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbing.facts import gather
from plumbing.reach import reach
from plumbing.requests import perform, posted, submit, within
from structures import actions, events
from structures.forms import FoundingForm, IdentifierForm, StructureForm, UpdateForm
from structures.lookup import DirectoryDifference
from structures.models import Structure
from structures.views.parts import CHANGE, within_reach

PER_PAGE = 50
VIEW = "structures.view_structure"


@require_safe
def structure(request, pk):
    """« Consulter »: what whoever may see the structure sees of it."""
    structure = within_reach(request.user, pk, VIEW)
    return render(
        request,
        "structures/structure.html",
        {
            "structure": structure,
            "services": structure.services.open()[:10],
            "service_count": structure.services.open().count(),
            "account_count": structure.bank_accounts.open().count(),
            "may_change": request.user.has_perm(CHANGE, structure),
            "may_view_bank_accounts": request.user.has_perm("structures.view_bank_accounts", structure),
        },
    )


@require_safe
def my_structures(request):
    """« Gérer une structure »: those this person may change. Support may change all, and searches."""
    if request.user.is_staff:
        return redirect("structures:search")
    mine = Structure.objects.filter(reach(CHANGE, request.user))
    page = Paginator(
        mine.annotate(
            service_count=Count("services", filter=Q(services__is_active=True)),
        ).order_by("legal_name_key", "id"),
        PER_PAGE,
    ).get_page(request.GET.get("page"))
    if page.paginator.count == 1:
        return redirect("structures:structure", page[0].pk)
    return render(request, "structures/my_structures.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
def create_structure(request):
    """« Créer une structure »: private; whoever creates it becomes its principal manager."""
    allowed = within(request, "prefill", settings.PREFILL_RATE, key="user")
    if request.method != "POST" or "find_structure" in request.POST:
        form = FoundingForm.typed_so_far(posted(request) or request.GET, lookups_allowed=allowed)
        return _founding_page(request, form)
    form = FoundingForm(request.POST, lookups_allowed=allowed)
    if not form.is_valid():
        return _founding_page(request, form, status=422)
    done, created = perform(
        request,
        actions.found_structure,
        identifier_type=form.lookup.identifier_type,
        identifier=form.lookup.identifier,
        described=form.described,
        actor=request.user,
    )
    if not done:
        return _founding_page(request, form, status=422)
    messages.success(request, f"La structure {created} est créée : vous en êtes gestionnaire principal.")
    return redirect("structures:structure", created.pk)


def _founding_page(request, form, status=200):
    known = form.lookup and form.lookup.structure
    may_view = known is not None and request.user.has_perm(VIEW, known)
    context = {"form": form, "lookup": form.lookup, "may_view": may_view}
    return render(request, "structures/create_structure.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def change_structure(request, pk):
    """« Modifier »"""
    structure = within_reach(request.user, pk, VIEW, CHANGE)
    form = StructureForm(structure, posted(request))
    if request.method == "POST" and form.is_valid():
        seen = form.cleaned_data["version"]
        done, changed = submit(form, actions.change_structure, pk, actor=request.user, values=form.values, version=seen)
        if done:
            messages.success(request, "Les modifications sont enregistrées." if changed else "Rien n'a changé.")
            return redirect("structures:structure", pk)
    return render(
        request,
        "structures/change_structure.html",
        {"structure": structure, "form": form},
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def deactivate_structure(request, pk):
    """« Désactiver »: what will follow, then the POST that does it."""
    structure = within_reach(request.user, pk, VIEW, CHANGE)
    if request.method == "POST":
        perform(
            request,
            actions.deactivate_structure,
            pk,
            actor=request.user,
            done=f"La structure {structure} est désactivée. Vous pouvez l'activer de nouveau quand vous voulez.",
        )
    if request.method == "POST" or not structure.is_active:
        return redirect("structures:structure", pk)
    facts = gather(events.structure_deactivating, structure=structure)
    services = structure.services.open().count()
    return render(
        request,
        "structures/deactivate_structure.html",
        {"structure": structure, "facts": facts, "service_count": services},
    )


@require_POST
def activate_structure(request, pk):
    structure = within_reach(request.user, pk, VIEW, CHANGE)
    done = f"La structure {structure} est activée."
    perform(request, actions.activate_structure, pk, actor=request.user, done=done)
    return redirect("structures:structure", pk)


@require_http_methods(["GET", "HEAD", "POST"])
def update_from_directory(request, pk):
    """« Mettre à jour depuis l'annuaire »: before and after, then the POST that applies what is ticked."""
    structure = within_reach(request.user, pk, VIEW, CHANGE)
    difference = DirectoryDifference(structure)
    form = UpdateForm(difference, posted(request))
    if request.method == "POST" and form.is_valid():
        done, _ = perform(
            request,
            actions.update_from_directory,
            pk,
            actor=request.user,
            names=form.cleaned_data["names"],
            version=form.cleaned_data["version"],
            done="La structure est à jour de l'annuaire.",
        )
        return redirect("structures:structure" if done else "structures:update_from_directory", pk)
    return render(
        request,
        "structures/update_from_directory.html",
        {"structure": structure, "entry": difference.entry, "form": form},
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def change_identifier(request, pk):
    """« Modifier l'identifiant »: the new number, then what is carried over, then the POST that does it."""
    structure = within_reach(request.user, pk, VIEW, CHANGE)
    if not structure.is_active:
        return redirect("structures:structure", pk)
    form = IdentifierForm(structure, posted(request))
    checked = request.method == "POST" and form.is_valid()
    if checked and "confirm" in request.POST:
        done, renewed = perform(
            request,
            actions.change_identifier,
            pk,
            actor=request.user,
            **form.cleaned_data,
            done="L'identifiant est modifié : voici la nouvelle structure. L'ancienne est désactivée.",
        )
        return redirect("structures:structure", renewed.pk if done else pk)
    if checked:
        carried = gather(events.identifier_change_asked, structure=structure)
        return render(
            request,
            "structures/confirm_identifier.html",
            {"structure": structure, "form": form, "lookup": form.lookup, "carried": carried, **_copied(structure)},
        )
    return render(
        request,
        "structures/change_identifier.html",
        {"structure": structure, "form": form},
        status=422 if form.errors else 200,
    )


def _copied(structure):
    return {"service_count": structure.services.count(), "bank_account_count": structure.bank_accounts.count()}
