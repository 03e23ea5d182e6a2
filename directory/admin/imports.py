from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.formats import number_format
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST

from directory import actions as imports
from directory.forms import ImportForm
from directory.models import DirectoryImport
from directory.tasks import queue_import
from plumbing.admin import SupportAdmin, moment
from plumbing.exports import stream_csv
from plumbing.requests import perform, posted, submit
from plumbing.templatetags.components import status_badge

SHOWN = 20


def counted(name):
    """The count `name` of an import, in thousands as people read them."""

    @admin.display(description=DirectoryImport._meta.get_field(name).verbose_name)
    def count(directory_import):
        return number_format(getattr(directory_import, name), force_grouping=True)

    count.__name__ = f"count_of_{name}"
    return count


COUNTS = tuple(counted(name) for name in ("lines", "created", "updated", "unchanged", "rejected"))


@admin.register(DirectoryImport)
class DirectoryImportAdmin(SupportAdmin):
    """A file is given here and imported by a worker; the import's page tells how far it is."""

    purpose = "Charger un fichier public dans l'annuaire, suivre sa lecture."
    adding = "Importer un fichier"
    list_filter = ["state"]
    list_display = [
        "file_name",
        "standing",
        *(count for count in COUNTS if count.__name__ != "count_of_unchanged"),
        moment(DirectoryImport, "created_at"),
        "kind",
        "started_by",
    ]
    list_select_related = ["started_by"]
    fields = [
        "standing",
        "progress",
        *COUNTS,
        "kind",
        "file_size",
        "created_at",
        "started_by",
        "started_at",
        "ended_at",
    ]
    readonly_fields = ["standing", "progress", *COUNTS, "file_size"]
    add_form_template = "admin/directory/directoryimport/add_form.html"
    change_form_template = "admin/directory/directoryimport/change_form.html"

    def row_title(self, row):
        return row.file_name

    def get_fields(self, request, obj=None):
        """No counts of a file that was not read."""
        unread = obj and not obj.lines and obj.state in (DirectoryImport.State.CANCELLED, DirectoryImport.State.REFUSED)
        return [name for name in self.fields if not (unread and name in ("progress", *COUNTS))]

    @admin.display(description="état", ordering="state")
    def standing(self, directory_import):
        words = directory_import.get_state_display()
        if directory_import.state in (DirectoryImport.State.RUNNING, DirectoryImport.State.FAILED):
            words += f", {directory_import.percent}\u00a0%"
        return status_badge(directory_import.state, words)

    @admin.display(description="avancement")
    def progress(self, directory_import):
        return format_html(
            '<progress max="100" value="{percent}" aria-label="Avancement">{percent} %</progress> {percent} %',
            percent=directory_import.percent,
        )

    @admin.display(description="taille du fichier")
    def file_size(self, directory_import):
        return filesizeformat(directory_import.size)

    def has_add_permission(self, request):
        return self.has_module_permission(request)

    def get_urls(self):
        guarded = self.admin_site.admin_view
        name = "directory_directoryimport"
        return [
            path("<int:pk>/lignes-rejetees.csv", guarded(self.rejected_lines), name=f"{name}_rejected_lines"),
            path("<int:pk>/reprendre/", guarded(self.retry), name=f"{name}_retry"),
            path("<int:pk>/annuler/", guarded(self.cancel), name=f"{name}_cancel"),
            *super().get_urls(),
        ]

    def add_view(self, request, form_url="", extra_context=None):
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(posted(request), request.FILES or None)
        if request.method == "POST" and form.is_valid():
            received, directory_import = submit(
                form, imports.receive_import, *form.cleaned_data.values(), actor=request.user
            )
            if received:
                queue_import(directory_import.pk)
                self.message_user(request, "Fichier reçu.", messages.SUCCESS)
                return self._to_page(directory_import.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Importer un fichier dans l'annuaire",
            "adminform": helpers.AdminForm(form, [(None, {"fields": [*form.fields]})], {}, model_admin=self),
            "inline_admin_formsets": [],
            "errors": helpers.AdminErrorList(form, []),
            "media": self.media,
            "original": None,
        }
        page = self.render_change_form(request, context, add=True)
        page.status_code = 422 if form.errors else 200
        return page

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if change:
            under_way = obj.state in DirectoryImport.UNDER_WAY
            context |= {
                "under_way": under_way,
                "refreshed": under_way and "immobile" not in request.GET,
                "failed": obj.state == DirectoryImport.State.FAILED,
                "refused": obj.state == DirectoryImport.State.REFUSED,
                "over": obj.state in (DirectoryImport.State.CANCELLED, DirectoryImport.State.REFUSED),
                "rejected_lines": obj.rejected_lines.order_by("line", "id")[:SHOWN],
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def rejected_lines(self, request, pk):
        """All rejected lines, for a spreadsheet."""
        lines = get_object_or_404(DirectoryImport, pk=pk).rejected_lines.order_by("line", "id")
        rows = lines.values_list("line", "identifier", "reason").iterator(chunk_size=2000)
        return stream_csv(request, f"lignes-rejetees-{pk}.csv", ["Ligne", "Identifiant lu", "Motif"], rows)

    @method_decorator(require_POST)
    def retry(self, request, pk):
        """Have an interrupted import start again from where it stopped."""
        directory_import = get_object_or_404(DirectoryImport, pk=pk)
        if directory_import.may_be_retried:
            queue_import(pk)
            self.message_user(
                request,
                "Reprise demandée. Rechargez cette page dans une minute ; si rien ne bouge, reprenez à nouveau.",
                messages.SUCCESS,
            )
        else:
            self.message_user(
                request, "Seul un import interrompu, dont le fichier est ici, peut être repris.", messages.ERROR
            )
        return self._to_page(pk)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def cancel(self, request, pk):
        """Stop an import that waits or runs: what will follow, then the POST that does it."""
        directory_import = get_object_or_404(DirectoryImport, pk=pk)
        if request.method == "POST":
            perform(request, imports.cancel_import, pk, actor=request.user, done="L'import est annulé.")
        if request.method == "POST" or directory_import.state not in DirectoryImport.UNDER_WAY:
            return self._to_page(pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Annuler l'import",
            "original": directory_import,
            "opts": self.opts,
        }
        return render(request, "admin/directory/directoryimport/cancel.html", context)

    def _to_page(self, pk):
        return redirect(reverse("admin:directory_directoryimport_change", args=[pk]))
