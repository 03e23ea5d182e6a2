"""« Créer un service », « Gérer un service »."""

from operator import attrgetter

from django.contrib import messages
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbing.exports import Column, download
from plumbing.facts import gather
from plumbing.requests import perform, posted, submit
from structures import actions, events
from structures.forms import ServiceForm
from structures.models import Service
from structures.views import parts
from structures.views.workspace import SERVICES

VIEW = "structures.view_structure"


@require_safe
def services(request, pk):
    """A structure's services."""
    structure = parts.within_reach(request.user, pk, VIEW)
    return parts.list_page(request, "structures/services.html", structure, SERVICES, structure.services)


COLUMNS = [
    Column("Libellé", attrgetter("label")),
    Column("Code", attrgetter("code")),
    Column("Description", attrgetter("description")),
    Column("Date de début d'activation", attrgetter("valid_from")),
    Column("Date de fin d'activation", attrgetter("valid_until")),
    Column("Numéro d'engagement obligatoire", lambda service: "Oui" if service.requires_commitment else "Non"),
    Column("État", lambda service: service.standing.label),
]


@require_safe
def export_services(request, pk, kind):
    """The same list as a file."""
    structure = parts.within_reach(request.user, pk, VIEW)
    may_change = request.user.has_perm(parts.CHANGE, structure)
    listed = parts.part_list(request, structure.services, may_change)
    return download(request, kind, f"services-{structure.identifier}", COLUMNS, listed)


@require_http_methods(["GET", "HEAD", "POST"])
def create_service(request, pk):
    """« Créer un service »"""
    structure = parts.within_reach(request.user, pk, VIEW, parts.CHANGE)
    form = ServiceForm(structure, posted(request))
    if request.method == "POST" and form.is_valid():
        done, created = submit(form, actions.create_service, pk, actor=request.user, values=form.values)
        if done:
            messages.success(request, f"Le service {created.label} est créé.")
            return redirect("structures:service", created.pk)
    return parts.form_page(
        request,
        form,
        SERVICES,
        title="Créer un service",
        lead="Les factures s'adressent à un service, et les personnes s'y rattachent, au lieu de la structure entière.",
        submit="Créer le service",
    )


@require_safe
def service(request, pk):
    """« Consulter »"""
    service = parts.part_within_reach(request.user, Service, pk, VIEW)
    return parts.part_page(request, "structures/service.html", service, SERVICES)


@require_http_methods(["GET", "HEAD", "POST"])
def change_service(request, pk):
    """« Modifier »"""
    service = parts.part_within_reach(request.user, Service, pk, VIEW, parts.CHANGE)
    form = ServiceForm(service.structure, posted(request), part=service)
    if request.method == "POST" and form.is_valid():
        seen = form.cleaned_data["version"]
        done, made = submit(form, actions.change_service, pk, actor=request.user, values=form.values, version=seen)
        if done:
            messages.success(request, "Les modifications sont enregistrées." if made else "Rien n'a changé.")
            return redirect("structures:service", pk)
    return parts.form_page(request, form, SERVICES, title=f"Modifier le service {service.label}", submit="Enregistrer")


@require_http_methods(["GET", "HEAD", "POST"])
def deactivate_service(request, pk):
    """« Désactiver »: what will follow and for whom, then the POST that does it."""
    service = parts.part_within_reach(request.user, Service, pk, VIEW, parts.CHANGE)
    if request.method == "POST":
        done = f"Le service {service.label} est désactivé. Vous pouvez l'activer de nouveau quand vous voulez."
        perform(request, actions.deactivate_service, pk, actor=request.user, done=done)
    if request.method == "POST" or not (service.is_active and service.structure.is_active):
        return redirect("structures:service", pk)
    return parts.deactivation_page(
        request,
        service,
        SERVICES,
        title=f"Désactiver le service {service.label} ?",
        first="Il n'est plus proposé à qui cherche un service de la structure.",
        facts=gather(events.service_deactivating, service=service),
        nobody="Personne n'est rattaché à ce seul service, et aucune demande en cours ne le nomme.",
        button="Désactiver le service",
    )


@require_POST
def activate_service(request, pk):
    """« Activer »"""
    parts.part_within_reach(request.user, Service, pk, VIEW, parts.CHANGE)
    done, activated = perform(request, actions.activate_service, pk, actor=request.user)
    if done:
        messages.success(request, f"Le service {activated.label} est activé.{_what_dates_say(activated)}")
    return redirect("structures:service", pk)


def _what_dates_say(service):
    if service.standing == Service.Standing.UPCOMING:
        return f" Il servira à partir du {service.valid_from:%d/%m/%Y}."
    if service.standing == Service.Standing.OVER:
        return " Mais sa date de fin est passée : modifiez-la pour qu'il serve de nouveau."
    return ""


@require_safe
def choose_structure_for_service(request):
    """« Créer un service », from « Organisation »: for which structure."""
    texts = {
        "title": "Créer un service",
        "lead": "Pour laquelle de vos structures ?",
        "counted": "Services",
        "reserved": "crée ses services",
    }
    go_to = "structures:create_service"
    return parts.choose_structure(request, related="services", go_to=go_to, texts=texts, active_only=True)


@require_safe
def my_services(request):
    """« Gérer un service », from « Organisation »: of which structure."""
    texts = {
        "title": "Gérer un service",
        "lead": "Choisissez la structure : vous verrez ses services, pour les consulter, modifier, activer ou "
        "désactiver.",
        "counted": "Services",
        "reserved": "gère ses services",
        "export": "structures:export_my_services",
    }
    return parts.choose_structure(request, related="services", go_to="structures:services", texts=texts)


@require_safe
def export_my_services(request, kind):
    """The services of the structures of that list as a file."""
    rows = parts.parts_of_managed(request, Service)
    return download(request, kind, "mes-services", [*parts.OF_STRUCTURE, *COLUMNS], rows)
