"""One request: read, approved or refused."""

from functools import wraps

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from attachments import actions
from attachments.colleagues import same_domain
from attachments.deciders import Desk, annotate_deciders, managers_of
from attachments.decisions import tell_decisions
from attachments.forms import DecisionForm, RefusalForm
from attachments.models import MANAGERS, Attachment, AttachmentRequest, Deputy, Role
from attachments.permissions import roles_given_by
from attachments.views.desk import list_address, next_reference
from plumbing.requests import carried, perform, posted
from plumbing.text import of

# « Valider et rattacher un autre utilisateur ».
NEXT, ATTACH = "rattacher", "attachments.attach_people"


def _says_who_decides(view):
    """A manager there who does not, or no longer, decide is told so, and who can; so is who stood in for one.

    To anybody else nothing is there.
    """

    @wraps(view)
    def answer(request, reference):
        try:
            return view(request, reference)
        except Http404:
            asked = AttachmentRequest.objects.filter(reference=reference).exclude(user=request.user).order_by()
            places = request.user.attachments.effective().filter(structure__in=asked.values("structure"))
            stood_in = Deputy.objects.filter(deputy=request.user).order_by()
            places = places.filter(Q(role__in=MANAGERS) | Q(structure__in=stood_in.values("structure")))
            place = places.select_related("structure").first()
            if place is None:
                raise
            deciders = managers_of(place.structure).deciders
            context = {"structure": place.structure, "deciders": deciders, "was_deciding": request.method == "POST"}
            return render(request, "attachments/not_decider.html", context, status=403)

    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@_says_who_decides
def decide_request(request, reference):
    """Consult a request; POST is « Valider »."""
    request.desk = Desk(request.user)
    attachment_request = _within_reach(request.user, reference)
    principal = managers_of(attachment_request.structure).confirmed_principal
    form = DecisionForm(attachment_request, posted(request), roles=_roles(request.user, attachment_request, principal))
    following = next_reference(request, attachment_request)
    if request.method == "POST" and form.is_valid():
        done, attachment = perform(
            request, actions.approve_request, attachment_request.pk, actor=request.user, **form.decision
        )
        if done:
            _say_done(request, _what_it_led_to(attachment, by_support=request.user.is_staff), following)
            if NEXT in request.POST and request.user.has_perm(ATTACH, attachment.structure):
                return redirect("attachments:attach_person", attachment.structure_id)
        return redirect(list_address(request) if done else request.get_full_path())
    annotate_deciders([attachment_request])
    tell_decisions([attachment_request])
    return render(
        request,
        "attachments/decide_request.html",
        {
            "attachment_request": attachment_request,
            "form": form,
            "principal": principal,
            "may_name_principal": Role.PRINCIPAL in dict(form.fields["role"].choices),
            "held": _held(attachment_request),
            "same_domain": same_domain(attachment_request.user, attachment_request.structure)
            if attachment_request.is_pending
            else None,
            "next_reference": following,
            "may_attach": request.user.has_perm(ATTACH, attachment_request.structure),
            "may_activate": request.user.has_perm("structures.change_structure", attachment_request.structure),
            "kept": carried(request),
        },
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@_says_who_decides
def refuse_request(request, reference):
    """« Refuser »: asks why, says what follows; POST refuses."""
    request.desk = Desk(request.user)
    attachment_request = _within_reach(request.user, reference)
    if not attachment_request.is_pending and request.method != "POST":
        return redirect("attachments:decide_request", reference)
    form = RefusalForm([attachment_request], posted(request))
    if request.method == "POST" and form.is_valid():
        following = next_reference(request, attachment_request)
        done, _ = perform(
            request, actions.refuse_request, attachment_request.pk, actor=request.user, reason=form.full_reason
        )
        if done:
            _say_done(request, f"La demande {of(attachment_request.user)} est refusée, et le motif envoyé.", following)
        return redirect(*[list_address(request)] if done else ["attachments:decide_request", reference])
    return render(
        request,
        "attachments/refuse_request.html",
        {
            "attachment_request": attachment_request,
            "form": form,
            "held": _held(attachment_request),
            "kept": carried(request),
        },
        status=422 if form.errors else 200,
    )


def _say_done(request, done, following):
    """`done`, and the way to the request that follows, if there is one."""
    if following:
        address = reverse("attachments:decide_request", args=[following]) + carried(request)
        done = format_html('{} <a href="{}">Demande suivante</a>', done, address)
    messages.success(request, done)


def _what_it_led_to(attachment, *, by_support):
    """What an approval changed, in a sentence; to support, what the structure still lacks."""
    done = (
        f"Rattachement validé : {attachment.user}, {attachment.get_role_display().lower()} {of(attachment.structure)} "
        f"({attachment.extent}). Un courriel l'en informe."
    )
    if not by_support:
        return done
    managers = managers_of(attachment.structure)
    has_principal = managers.principal_place is not None
    lacks = (
        "Personne ne peut encore y décider"
        if has_principal
        else (f"{attachment.structure} n'a toujours pas de gestionnaire principal")
    )
    if not managers.deciders:
        return f"{done} {lacks} : les prochaines demandes reviendront à l'assistance."
    return done if has_principal else f"{done} {lacks}."


def _held(attachment_request):
    """The place the person has in the structure already; None without one."""
    return (
        Attachment.objects.lasting()
        .filter(user=attachment_request.user_id, structure=attachment_request.structure_id)
        .first()
    )


def _roles(user, attachment_request, principal):
    """The roles `user` may give: a principal manager's only where there is none."""
    key = attachment_request.structure_id
    roles = roles_given_by(user, [key], on_request=True)[key]
    return [role for role in roles if principal is None or role != Role.PRINCIPAL]


def _within_reach(user, reference):
    """The request, if `user` may know of it (404 otherwise) and decide it (403 otherwise)."""
    requests = AttachmentRequest.objects.select_related("user", "structure", "decided_by")
    if not user.is_staff:
        requests = requests.for_manager(user)
    attachment_request = get_object_or_404(requests, reference=reference)
    if not user.has_perm("attachments.decide_request", attachment_request):
        raise PermissionDenied
    return attachment_request
