"""A structure's own pages."""

from operator import attrgetter

from django.conf import settings
from django.contrib import messages
from django.db.models import Count
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbing.exports import Column, download
from plumbing.facts import gather
from plumbing.requests import perform, posted, submit, within
from structures import actions, events
from structures.forms import FoundingForm, IdentifierForm, StructureForm, UpdateForm
from structures.lookup import DirectoryDifference
from structures.models import Structure
from structures.models.validity import open_today
from structures.views import parts
from structures.views.columns import description_columns
from structures.views.parts import within_reach
from structures.views.workspace import CHANGE, INFORMATIONS, Workspace, below

VIEW = "structures.view_structure"


# (issues, receives)
_INVOICES = {
    (True, True): "Elle en émet et en reçoit.",
    (True, False): "Elle en émet.",
    (False, True): "Elle en reçoit.",
    (False, False): "Elle n'en émet ni n'en reçoit.",
}


@require_safe
def structure(request, pk):
    """« Consulter »: what whoever may see the structure sees of it."""
    structure = within_reach(request.user, pk, VIEW)
    context = {
        "structure": structure,
        "workspace": Workspace(request, structure, INFORMATIONS),
        # A country alone is no address.
        "address": structure.address_lines if structure.address or structure.city else [],
        "invoices": _INVOICES[structure.issues_invoices, structure.receives_invoices],
    }
    return render(request, "structures/structure.html", context)


@require_safe
def my_structures(request):
    """« Gérer une structure »: those this person may change. Support may change all, and searches."""
    if request.user.is_staff:
        return redirect("structures:search")
    mine = parts.managed(request).annotate(
        service_count=Count("services", filter=open_today("services"), distinct=True),
        account_count=Count("bank_accounts", filter=open_today("bank_accounts"), distinct=True),
    )
    listed = parts.paged(request, mine.order_by(*parts.BY_NAME))
    if listed["page"].paginator.count == 1 and not listed["words"]:
        return redirect("structures:structure", listed["page"][0].pk)
    page = listed["page"]
    waiting = gather(events.waiting_asked, structures=[structure.pk for structure in page])
    for structure in page:
        structure.waiting = [fact for fact in waiting if structure.pk in fact.who]
    # What needs this person first.
    page.object_list = sorted(page, key=lambda structure: not structure.waiting)
    return render(request, "structures/my_structures.html", listed)


@require_safe
def export_my_structures(request, kind):
    """The same list as a file."""
    if request.user.is_staff:
        return redirect("structures:search")
    mine = parts.managed(request).annotate(service_count=Count("services", filter=open_today("services")))
    columns = [
        *description_columns(lambda structure: structure),
        Column("État", lambda structure: structure.get_state_display()),
        Column("Services", attrgetter("service_count")),
    ]
    return download(request, kind, "mes-structures", columns, mine.order_by(*parts.BY_NAME).iterator(chunk_size=1_000))


@require_http_methods(["GET", "HEAD", "POST"])
def create_structure(request):
    """« Créer une structure »: private; whoever creates it becomes its principal manager."""
    if "other_structure" in request.POST:
        return redirect("structures:create_structure")
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
    context = {
        "form": form,
        "lookup": form.lookup,
        "may_view": may_view,
        "place": gather(events.place_asked, structure=known, user=request.user) if may_view else [],
        "may_create": form.found is not None and form.may_found,
        "mail_subject": f"Créer la structure {form.lookup.full_identifier}" if form.lookup else "",
    }
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
        {"structure": structure, "form": form, "workspace": below(request, structure, INFORMATIONS)},
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
            done=f"La structure {structure} est inactive. Vous pouvez l'activer de nouveau quand vous voulez.",
        )
    if request.method == "POST" or not structure.is_active:
        return redirect("structures:structure", pk)
    services = structure.services.open().count()
    gone = f"{services} services ne seront plus proposés." if services > 1 else "1 service ne sera plus proposé."
    context = {
        "title": "Désactiver la structure ?",
        "structure": structure,
        "workspace": below(request, structure, INFORMATIONS),
        "first": "Plus personne ne peut demander à y être rattaché.",
        "facts": gather(events.structure_deactivating, structure=structure),
        "nobody": "",
        "also": gone if services else "",
        "last": "Rien n'est effacé : vous pourrez activer la structure de nouveau, et tout revient comme avant.",
        "back_url": reverse("structures:structure", args=[pk]),
        "button": "Désactiver la structure",
    }
    return render(request, "structures/deactivate.html", context)


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
        {
            "structure": structure,
            "workspace": below(request, structure, INFORMATIONS),
            "entry": difference.entry,
            "form": form,
            "unchanged": len(Structure.DESCRIPTIVE) - len(form.changes),
        },
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
            done="L'identifiant est modifié : voici la nouvelle structure. L'ancienne est inactive.",
        )
        return redirect("structures:structure", renewed.pk if done else pk)
    if checked:
        carried = gather(events.identifier_change_asked, structure=structure)
        return render(
            request,
            "structures/confirm_identifier.html",
            {
                "structure": structure,
                "workspace": below(request, structure, INFORMATIONS, ("Modifier l'identifiant", request.path)),
                "form": form,
                "lookup": form.lookup,
                "carried": carried,
                **_copied(structure),
            },
        )
    return render(
        request,
        "structures/change_identifier.html",
        {"structure": structure, "form": form, "workspace": below(request, structure, INFORMATIONS)},
        status=422 if form.errors else 200,
    )


def _copied(structure):
    return {"service_count": structure.services.count(), "bank_account_count": structure.bank_accounts.count()}
