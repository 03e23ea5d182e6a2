"""What a claim (« gestionnaire parti ») adds: the signed certificate, and the sitting manager's objection."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from plumbing.requests import posted, submit
from support import actions
from support.forms import ObjectionForm, ReplyForm, SignedForm
from support.models import Ticket
from support.views.asking import TOO_MANY, may_send, own, ticket_page


@require_POST
def deposit(request, reference):
    """« Déposer l'attestation signée »"""
    found = own(request, reference)
    form = SignedForm(request.POST, request.FILES)
    if form.is_valid():
        if not may_send(request):
            form.add_error("file", TOO_MANY)
        elif submit(form, actions.deposit_signed, found.pk, form.cleaned_data["file"], actor=request.user)[0]:
            messages.success(request, "L'attestation signée est déposée : l'assistance la vérifie.")
            return redirect("support:ticket", reference)
    return ticket_page(request, found, ReplyForm(), form)


@require_http_methods(["GET", "HEAD", "POST"])
def object_to(request, reference):
    """The sitting manager says that they are there; nobody else sees the page."""
    against_me = Ticket.objects.filter(sitting_manager=request.user).select_related("structure", "author")
    found = get_object_or_404(against_me, reference=reference)
    form = ObjectionForm(posted(request))
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        done, _ = submit(form, actions.object_to_claim, found.pk, actor=request.user, reason=reason)
        if done:
            return redirect("support:object", reference)
    # The account, whose name may be another than the one typed.
    context = {"ticket": found, "form": form, "successor": actions.named_target(found)}
    return render(request, "support/object.html", context, status=422 if form.errors else 200)
