from datetime import timedelta

from django.contrib import admin, messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Exists, OuterRef, When
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actions import reactivate_account
from accounts.models import User, normalised_email
from attachments.deciders import managers_of
from plumbing.admin import ActionAdmin, SupportAdmin, badge, moment, spaced
from plumbing.requests import perform, posted, submit
from plumbing.text import alike
from support import actions
from support.forms import AnswerForm, TransferForm
from support.models import Category, ReadyAnswer, Ticket, TicketFile

Role = TicketFile.Role
# Posted: the page showed that the sitting manager objects.
SAW_OBJECTION = "opposition"
# Posted: the ready answer to put below what is typed, and the button that does.
READY, INSERT = "reponse", "inserer"


class WaitingFilter(admin.SimpleListFilter):
    """How long a ticket has waited for support."""

    title = "attente"
    parameter_name = "waiting"

    def lookups(self, request, model_admin):
        return [("2", "Plus de 2 jours"), ("7", "Plus de 7 jours"), ("30", "Plus de 30 jours")]

    def queryset(self, request, queryset):
        if self.value() not in ("2", "7", "30"):
            return queryset
        return queryset.waiting().filter(waiting_since__lt=timezone.now() - timedelta(days=int(self.value())))


class AssigneeFilter(admin.SimpleListFilter):
    title = "suivi"
    parameter_name = "followed"

    def lookups(self, request, model_admin):
        return [("me", "Par moi"), ("nobody", "Par personne")]

    def queryset(self, request, queryset):
        if self.value() == "me":
            return queryset.filter(assignee=request.user)
        return queryset.filter(assignee=None) if self.value() == "nobody" else queryset


@admin.register(Ticket)
class TicketAdmin(SupportAdmin):
    """Everything but drafts. One page a ticket: what was asked, what was written, and the answer to write."""

    purpose = "Ce que les gens demandent à l'assistance : répondre, établir une attestation, faire un transfert."
    list_display = [
        spaced("reference", "dossier n°"),
        "title_of_row",
        "about",
        "who",
        badge(Ticket, "status"),
        "what_came",
        moment(Ticket, "waiting_since"),
        "assignee",
    ]
    list_display_links = ["title_of_row"]
    list_filter = ["status", "category", WaitingFilter, AssigneeFilter]
    list_select_related = ["author", "assignee", "structure"]
    search_fields = ["reference", "subject", "author__email", "author__last_name", "visitor_email", "answers"]
    # As the first page promises: what waits for support first, the oldest of it before.
    # What is closed comes after all the rest, the last closed first.
    ordering = [
        Case(When(status=Ticket.Status.IN_PROGRESS, then=0), When(status=Ticket.Status.SOLVED, then=2), default=1),
        "waiting_since",
        "-closed_at",
        "id",
    ]
    actions = ["assign_to_me"]

    def get_queryset(self, request):
        signed = TicketFile.objects.ready().filter(role=Role.SIGNED, ticket=OuterRef("pk")).exclude(message=None)
        return super().get_queryset(request).sent().annotate(is_signed=Exists(signed.order_by()))

    @admin.display(description="sujet", ordering="subject")
    def title_of_row(self, ticket):
        return str(ticket)

    @admin.display(description="structure", ordering="structure__legal_name")
    def about(self, ticket):
        return ticket.structure_name

    @admin.display(description="de", ordering="author__last_name")
    def who(self, ticket):
        return ticket.asker

    @admin.display(description="changement demandé")
    def what_came(self, ticket):
        """Of an open claim, what support is to see first."""
        if not ticket.is_open or not ticket.is_claim:
            return ""
        came = ["opposition reçue"] if ticket.objected_at else []
        return ", ".join(came + (["attestation revenue"] if ticket.is_signed else [])).capitalize()

    @admin.action(description="Me les attribuer")
    def assign_to_me(self, request, tickets):
        def take(row):
            actions.assign(row.pk, actor=request.user)

        self.perform_each(request, tickets, take, "Sollicitations attribuées")

    def get_urls(self):
        guarded = self.admin_site.admin_view
        return [
            path("<int:pk>/prendre/", guarded(self.take), name="support_ticket_take"),
            path("<int:pk>/rouvrir/", guarded(self.reopen_account), name="support_ticket_reopen_account"),
            path("<int:pk>/attestation/", guarded(self.issue), name="support_ticket_issue"),
            path("<int:pk>/transfert/", guarded(self.transfer), name="support_ticket_transfer"),
            *super().get_urls(),
        ]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """The ticket, and the answer to it. Nothing of it is typed over."""
        ticket = self.get_object(request, object_id)
        if ticket is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        thread = list(ticket.messages.thread())
        # Nothing is chosen of what comes next: a question sent as « garder la main » would wait for nobody.
        initial = {"seen": thread[-1].pk}
        if INSERT in request.POST:
            form = AnswerForm(initial=request.POST.dict() | {"text": _with_ready(request.POST, ticket)})
            return self._page(request, ticket, thread, form)
        form = AnswerForm(posted(request), request.FILES or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            done, _ = submit(form, actions.answer, ticket.pk, actor=request.user, **form.cleaned_data)
            if done:
                self.message_user(request, "La réponse est envoyée.", messages.SUCCESS)
                return redirect(self._list_address(request))
            # What a colleague wrote meanwhile is on the page now: sent again, the answer has taken it in.
            thread = list(ticket.messages.thread())
            form.data = form.data.copy()
            form.data["seen"] = thread[-1].pk
            ticket.refresh_from_db()
        return self._page(request, ticket, thread, form)

    def _list_address(self, request):
        """The list as it was filtered when this page was opened from it."""
        kept = {"opts": self.opts, "preserved_filters": self.get_preserved_filters(request)}
        return add_preserved_filters(kept, reverse("admin:support_ticket_changelist"))

    def _page(self, request, ticket, thread, form):
        claim = _standing(ticket) if ticket.is_claim else None
        context = {
            **self.admin_site.each_context(request),
            "title": str(ticket),
            "page": self,
            "opts": self.opts,
            "list_address": self._list_address(request),
            "original": ticket,
            "ticket": ticket,
            "thread": thread,
            "form": form,
            "unsent": ticket.files.unsent(request.user),
            "ready": ReadyAnswer.objects.fitting(ticket.category),
            "picked": request.POST.get(READY, ""),
            "closed_account": self._account_meant(ticket),
            "claim": claim,
            "facts": _untold(ticket, claim) if claim else ticket.facts,
        }
        return render(request, "admin/support/ticket/change_form.html", context, status=422 if form.errors else 200)

    def _account_meant(self, ticket):
        """The account whose owner asks for it back."""
        if ticket.category != Category.REACTIVATION or not ticket.visitor_email:
            return None
        return User.objects.with_email(ticket.visitor_email).first()

    @method_decorator(require_POST)
    def take(self, request, pk):
        """« Me l'attribuer »"""
        perform(request, actions.assign, pk, actor=request.user, done="Vous suivez cette sollicitation.")
        return self._to_page(pk)

    @method_decorator(require_POST)
    def reopen_account(self, request, pk):
        """« Rouvrir le compte » that a reactivation ticket asks for."""
        account = self._account_meant(get_object_or_404(Ticket, pk=pk))
        if account is None:
            raise Http404
        if not self.admin_site.get_model_admin(User).has_change_permission(request, account):
            raise PermissionDenied
        perform(request, reactivate_account, account.pk, actor=request.user, done="Le compte est rouvert.")
        return self._to_page(pk)

    @method_decorator(require_POST)
    def issue(self, request, pk):
        """« Envoyer l'attestation »"""
        perform(request, actions.issue_certificate, pk, actor=request.user, done="L'attestation est envoyée.")
        return self._to_page(pk)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def transfer(self, request, pk):
        """« Effectuer le transfert »: from whom, to whom and by what, then the POST that does it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ticket = get_object_or_404(Ticket.objects.select_related("structure", "author"), pk=pk)
        if not ticket.is_claim or not ticket.is_open:
            done = "Le transfert est déjà fait" if ticket.transferred_at else "Cette sollicitation est déjà clôturée"
            messages.info(request, f"{done} : il n'y a plus rien à faire ici.")
            return self._to_page(pk)
        form = TransferForm(posted(request), is_held_back=bool(ticket.held_back))
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            terms = {"actor": request.user, "reason": reason, "saw_objection": SAW_OBJECTION in request.POST}
            done, _ = submit(form, actions.carry_out_transfer, pk, **terms)
            if done:
                self.message_user(request, "Le transfert est fait, la sollicitation est clôturée.", messages.SUCCESS)
                return self._to_page(pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Effectuer le transfert",
            "opts": self.opts,
            "ticket": ticket,
            "form": form,
            "claim": _standing(ticket),
        }
        return render(request, "admin/support/ticket/transfer.html", context, status=422 if form.errors else 200)

    def _to_page(self, pk):
        return redirect(reverse("admin:support_ticket_change", args=[pk]))


def _standing(ticket):
    """Where a claim stands: who manages today, whose account is named, what came back signed."""
    files = ticket.files.ready().exclude(message=None)
    target = actions.named_target(ticket)
    certificate, spent = (files.filter(role=role).last() for role in (Role.CERTIFICATE, Role.SPENT))
    others = Ticket.objects.open().filter(category=ticket.category, structure=ticket.structure).exclude(pk=ticket.pk)
    return {
        "named_otherwise": target and not alike(ticket.answers.get("target_name", ""), str(target)),
        "others": others.select_related("author").order_by("pk"),
        "principal": managers_of(ticket.structure).principal_place,
        "target": target,
        "certificate": None if certificate and spent and certificate.pk < spent.pk else certificate,
        "spent": spent,
        "signed": files.filter(role=Role.SIGNED).last(),
    }


def _untold(ticket, claim):
    """The facts of a claim that its standing does not tell already, in the same words or in its own."""
    answers, principal = ticket.answers, claim["principal"] and claim["principal"].user
    told = {"target_login"} if claim["target"] else set()
    known = {"legal_name": ticket.structure, "target_name": claim["target"], "principal_name": principal}
    told |= {name for name, row in known.items() if row and alike(answers.get(name, ""), str(row))}
    if principal and normalised_email(answers.get("principal_login", "")) == principal.email:
        told.add("principal_login")
    return [fact for name, fact in ticket.told.items() if name not in told]


def _with_ready(data, ticket):
    """What is typed already, then the ready answer that is picked."""
    picked = ReadyAnswer.objects.fitting(ticket.category).filter(pk=_number(data.get(READY))).first()
    return "\n\n".join(filter(None, (data.get("text", "").strip(), picked and picked.text)))


def _number(text):
    return int(text) if text and text.isdecimal() and len(text) < 19 else None


@admin.register(ReadyAnswer)
class ReadyAnswerAdmin(ActionAdmin):
    purpose = "Ce que l'assistance écrit souvent : à choisir, compléter, puis envoyer."
    adding = "Ajouter une réponse type"
    list_display = ["title", "category"]
    list_filter = ["category"]
    editable = ("title", "text", "category")

    def has_add_permission(self, request):
        return self.has_module_permission(request)

    def has_delete_permission(self, request, obj=None):
        return self.has_module_permission(request)

    def add_row(self, request, values):
        return actions.create_ready_answer(actor=request.user, values=values)

    def change_row(self, request, ready, values):
        actions.change_ready_answer(ready.pk, actor=request.user, values=values)

    def delete_row(self, request, ready):
        actions.delete_ready_answer(ready.pk, actor=request.user)
