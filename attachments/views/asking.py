"""« Demander un rattachement », for somebody who is logged in."""

from django.conf import settings
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from attachments import actions
from attachments.deciders import is_open_to_first_comer, managers_of
from attachments.forms import AskingForm
from attachments.models import Attachment, AttachmentRequest
from attachments.views.parts import structure_page
from plumbing.reach import reach
from plumbing.references import LENGTH
from plumbing.requests import posted, submit, within
from plumbing.text import of
from structures.models import Structure
from structures.views.workspace import INFORMATIONS, below


@require_http_methods(["GET", "HEAD", "POST"])
def request_attachment(request, pk):
    """Ask for a place in one structure, all of it or some services; or hear why there is nothing to ask."""
    structure = get_object_or_404(Structure.objects.filter(reach("structures.view_structure", request.user)), pk=pk)
    decider = _who_decides(request, structure)
    held = Attachment.objects.lasting().filter(user=request.user, structure=structure).first()
    if not request.user.has_perm("attachments.request_attachment", structure):
        waiting = structure.attachment_requests.pending().filter(user=request.user).first()
        context = {"held": held, "waiting": waiting, "decider": decider}
        return structure_page(request, "attachments/nothing_to_request.html", structure, context)
    held_services = list(held.services.all()) if held else []
    takes_over = is_open_to_first_comer(structure)
    before = _refused_before(request, structure)
    # More services take the dates of the place one has; whoever takes the structure over stays.
    asks_dates = held is None and not takes_over
    form = AskingForm(structure, posted(request), held=held_services, before=before, asks_dates=asks_dates)
    if request.method == "POST" and form.is_valid() and _is_counted(request, form):
        done, sent = submit(form, actions.send_request, request.user, structure, actor=request.user, **form.asked)
        if done:
            messages.success(request, _what_follows(request, sent))
            return redirect(below(request, structure, INFORMATIONS).address)
    context = {
        "form": form,
        "held_services": held_services,
        "takes_over": takes_over,
        "before": before,
        "decider": decider,
    }
    return structure_page(request, "attachments/request_attachment.html", structure, context)


def _refused_before(request, structure):
    """The person's own refused request that this one corrects (« Corriger et renvoyer »), as the address names it."""
    refused = structure.attachment_requests.filter(user=request.user, status=AttachmentRequest.Status.REFUSED)
    return refused.filter(reference=request.GET.get("dossier", "")[:LENGTH]).first()


def _is_counted(request, form):
    """Each request mails several people: a person sends as many as a network address registers."""
    counted = within(request, "asking", settings.REGISTRATION_RATE, key="user")
    if not counted:
        form.add_error(None, "Vous avez envoyé beaucoup de demandes. Attendez une heure, puis recommencez.")
    return counted


def _who_decides(request, structure):
    """Who would decide: a name, managers without one, or support."""
    managers = managers_of(structure)
    others, principal = managers.besides(request.user.pk), managers.acting_principal
    if principal in others:
        return f"{principal}, gestionnaire principal"
    if managers.deputy in others:
        return f"{managers.deputy}, qui supplée le gestionnaire principal"
    return "un gestionnaire secondaire de la structure" if others else "l'assistance du portail"


def _what_follows(request, sent):
    if not sent.is_pending:
        return f"Vous êtes gestionnaire principal {of(sent.structure)}."
    return (
        f"Votre demande de rattachement à {sent.structure} est envoyée ({sent.part}) : "
        f"dossier n° {sent.spaced_reference}. "
        f"La décision revient à {_who_decides(request, sent.structure)}. Un courriel vous dira ce qu'il en est."
    )
