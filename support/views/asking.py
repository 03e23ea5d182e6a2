"""« Sollicitations »: what somebody asked of support, and asking anew. Nobody else's; support answers in the admin."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from documents.exports import file_response
from plumbing.errors import ActionError, AlreadyDone
from plumbing.requests import KEPT, perform, posted, submit, within
from support import actions
from support.filled import filled_in
from support.forms import FORMS, ReplyForm, SignedForm
from support.models import ANSWERS, Category, Ticket, TicketFile

PER_PAGE = 20
Status = Ticket.Status
# The tabs, by what their address says.
TABS = {
    "actions": (Status.ACTION_REQUIRED, "Actions requises"),
    "cours": (Status.IN_PROGRESS, "En cours"),
    "cloturees": (Status.SOLVED, "Clôturées"),
    "brouillons": (Status.DRAFT, "Brouillons"),
}
TOO_MANY = "Vous avez envoyé beaucoup de sollicitations : réessayez dans une heure."


@require_safe
def tickets(request):
    """« Sollicitations »: the four tabs, the first that holds something unless one is asked for."""
    mine = Ticket.objects.of(request.user)
    counts = mine.counts()
    first = next((name for name, (status, _) in TABS.items() if counts.get(status)), "cours")
    shown = request.GET.get("vue", first)
    status, label = TABS.get(shown, TABS[first])
    page = Paginator(mine.filter(status=status).select_related("structure"), PER_PAGE).get_page(request.GET.get("page"))
    tabs = [(name, label, counts.get(kind, 0), kind == status) for name, (kind, label) in TABS.items()]
    against = Ticket.objects.against(request.user).select_related("structure")
    context = {"page": page, "tabs": tabs, "label": label, "status": status, "against": against}
    return render(request, "support/tickets.html", context)


@require_safe
def choose(request):
    """« Saisir une sollicitation »: its category first."""
    return render(request, "support/choose.html", {"structure": request.GET.get("structure", "")[:20]})


@require_http_methods(["GET", "HEAD", "POST"])
def write(request, category):
    """« Saisir une sollicitation »: the form of its category."""
    if category not in FORMS:
        raise Http404
    options = _options(request)
    coming_from = (request.GET.get("structure", ""), request.GET.get("dossier", ""))
    initial = filled_in(request.user, category, *coming_from)
    form = FORMS[category](posted(request), request.FILES or None, initial=initial, user=request.user, **options)
    return _written(request, form, None) or _form_page(request, form)


def _options(request):
    looked_up = request.method == "POST"
    allowed = not looked_up or within(request, "prefill", settings.PREFILL_RATE, key="user")
    return {"is_draft": "draft" in request.POST, "lookups_allowed": allowed}


def _written(request, form, ticket):
    """Keep or send what a valid form says; where to go then, or None to show the form again."""
    if request.method != "POST" or not form.is_valid():
        return None
    sends = not form.is_draft
    if not may_send(request):
        form.add_error(None, TOO_MANY)
        return None
    try:
        kept = actions.write_ticket(
            ticket,
            actor=request.user,
            category=form.category,
            values=form.values,
            file=form.cleaned_data.get("file"),
            send=sends,
        )
    except AlreadyDone as refusal:
        messages.info(request, str(refusal))
        going = Ticket.objects.of(request.user).open().filter(category=form.category, structure=form.structure).last()
        if not going or not going.is_claim:
            return redirect("support:tickets")
        if refusal.code == "claim_open":
            _carry_over(request, form, going)
        return redirect("support:ticket", going.reference)
    except ActionError as refusal:
        form.refuse(refusal)
        return None
    messages.success(request, "Votre sollicitation est envoyée." if sends else "Le brouillon est enregistré.")
    return redirect("support:ticket", kept.reference)


def _carry_over(request, form, going):
    """What was typed waits in the answer to the claim that is open, with what it names otherwise."""
    answers = form.values["answers"].items()
    changed = [f"{ANSWERS[name]} : {value}" for name, value in answers if value != going.answers.get(name)]
    data = urlencode({"text": "\n".join([form.values["text"], *changed])})
    request.session[KEPT] = {"path": reverse("support:ticket", args=[going.reference]), "data": data}


def may_send(request):
    """All that mails support, or brings it files, counts against one rate."""
    return within(request, "ticket", settings.TICKET_RATE, key="user")


def _form_page(request, form, ticket=None):
    form.ask_all()
    context = {
        "form": form,
        "ticket": ticket,
        "files": ticket.files.unsent(request.user) if ticket else [],
        "title": form.category.label,
        "is_claim": form.category == Category.MANAGER_GONE,
        "objection_hours": settings.OBJECTION_HOURS,
    }
    return render(request, "support/write.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def ticket(request, reference):
    """One of one's own: a draft to go on with, or what both sides wrote and the next message."""
    found = own(request, reference)
    if found.is_draft:
        form = FORMS[found.category].of(found, posted(request), request.FILES or None, **_options(request))
        return _written(request, form, found) or _form_page(request, form, found)
    form = ReplyForm(posted(request), request.FILES or None)
    if request.method == "POST" and form.is_valid():
        values = {"text": form.cleaned_data["text"], "file": form.cleaned_data["file"]}
        if not may_send(request):
            form.add_error(None, TOO_MANY)
        elif submit(form, actions.reply, found.pk, actor=request.user, **values)[0]:
            messages.success(request, "Votre message est envoyé.")
            return redirect("support:ticket", reference)
    return ticket_page(request, found, form)


def ticket_page(request, found, form, signed_form=None):
    context = {
        "ticket": found,
        "thread": found.messages.thread(),
        "form": form,
        "signed_form": signed_form or SignedForm(),
        "to_sign": found.certificate_to_sign,
        "unsent": found.files.unsent(request.user),
    }
    wrong = form.errors or (signed_form and signed_form.errors)
    return render(request, "support/ticket.html", context, status=422 if wrong else 200)


@require_POST
def close(request, reference):
    """« Clore »: one needs nothing more."""
    found = own(request, reference)
    if may_send(request):
        perform(request, actions.close_own, found.pk, actor=request.user, done="La sollicitation est clôturée.")
    else:
        messages.error(request, TOO_MANY)
    return redirect("support:ticket", reference)


@require_POST
def delete_draft(request, reference):
    found = own(request, reference)
    perform(request, actions.delete_draft, found.pk, actor=request.user, done="Le brouillon est supprimé.")
    return redirect(f"{reverse('support:tickets')}?vue=brouillons")


@require_safe
def download_file(request, pk):
    """For whoever asks, and for support; always as a download."""
    file = get_object_or_404(TicketFile.objects.ready().select_related("ticket"), pk=pk)
    if not request.user.has_perm("support.read_file", file):
        raise Http404
    try:
        return file_response(file)
    except ActionError as refusal:
        messages.error(request, str(refusal))
        return redirect("support:ticket", file.ticket.reference)


@require_POST
def remove_file(request, pk):
    """« Retirer » a file not sent yet, one's own."""
    file = get_object_or_404(TicketFile.objects.ready().select_related("ticket"), pk=pk, added_by=request.user)
    perform(request, actions.remove_file, pk, actor=request.user, done="Le fichier est retiré.")
    if file.ticket.author_id != request.user.pk:
        if not request.user.is_staff:
            raise PermissionDenied
        return redirect("admin:support_ticket_change", file.ticket_id)
    return redirect("support:ticket", file.ticket.reference)


def own(request, reference):
    return get_object_or_404(Ticket.objects.of(request.user).select_related("structure"), reference=reference)
