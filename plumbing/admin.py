from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest, ValidationError
from django.core.paginator import Paginator
from django.db import models, transaction
from django.forms.models import model_to_dict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.text import capfirst

from plumbing.changes import version_of
from plumbing.errors import ActionError
from plumbing.forms import NamesEmptyFields
from plumbing.templatetags.components import status_badge
from plumbing.typography import NO_BREAK_SPACE


class FullyCheckedForm(NamesEmptyFields, forms.ModelForm):
    """Checks every constraint, also those on columns that are read-only on the page, and that the page still
    shows what is there (optimistic lock): no edit silently undoes a colleague's."""

    seen_version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        shown = model_to_dict(self.instance, self.fields)
        self.version = version_of({name: str(value) for name, value in shown.items()})
        self.initial["seen_version"] = self.version

    def clean(self):
        super().clean()
        seen = self.cleaned_data.pop("seen_version", "")
        if self.instance.pk and seen and seen != self.version:
            raise ValidationError(
                "Quelqu'un d'autre a modifié ces informations pendant que cette page était ouverte : "
                "rechargez-la avant de recommencer."
            )
        return self.cleaned_data

    def _post_clean(self):
        super()._post_clean()
        if not self.errors:
            try:
                self.instance.validate_constraints()
            except ValidationError as error:
                self.add_error(None, ValidationError(error.messages))


# What the filters on screen ask of a column; the days of a calendar are asked of the others.
FILTER_LOOKUPS = {"exact", "in", "isnull"}
CALENDAR_LOOKUPS = {"year", "month", "day"}


def names_row(model, text):
    """Whether `text` can be a primary key of `model`."""
    try:
        model._meta.pk.to_python(text)
    except ValidationError:
        return False
    return "\x00" not in text


class TriedFilter(admin.SimpleListFilter):
    """Work (DeferredWork) that was tried in vain."""

    title = "essais"
    parameter_name = "tries"

    def lookups(self, request, model_admin):
        return [("failed", "Essayées en vain")]

    def queryset(self, request, queryset):
        return queryset.failing() if self.value() == "failed" else queryset


def badge(model, name):
    """A column that shows the status `name` of a `model` as the site does."""

    @admin.display(description=model._meta.get_field(name).verbose_name, ordering=name)
    def shown(row):
        return status_badge(getattr(row, name), getattr(row, f"get_{name}_display")())

    shown.__name__ = f"{name}_badge"
    return shown


def spaced(name, description):
    """A column of numbers read in groups: the property `spaced_…` of the field `name`."""

    @admin.display(description=description, ordering=name)
    def shown(row):
        return getattr(row, f"spaced_{name}").replace(" ", NO_BREAK_SPACE)

    shown.__name__ = f"spaced_{name}"
    return shown


def moment(model, name):
    """A column of instants, short enough not to be cut."""

    @admin.display(description=model._meta.get_field(name).verbose_name, ordering=name)
    def shown(row):
        instant = getattr(row, name)
        return instant and date_format(timezone.localtime(instant), r"j N Y, G \h i").replace(" ", NO_BREAK_SPACE)

    shown.__name__ = f"moment_of_{name}"
    return shown


class SupportAdmin(admin.ModelAdmin):
    """What support staff see of a table: everything, changed only where the class says so.

    `purpose` is what the first page says one does there, `adding` the button that adds a row, `list_title` the
    list's name where the model has none in French.
    """

    form = FullyCheckedForm
    formfield_overrides = {
        models.DateField: {"widget": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "width-date"})},
    }
    empty_value_display = ""
    editable = ()
    purpose = adding = list_title = ""
    show_full_result_count = False
    list_per_page = 50

    def has_module_permission(self, request):
        return request.user.is_active and request.user.is_staff

    def has_view_permission(self, request, obj=None):
        return self.has_module_permission(request)

    def has_change_permission(self, request, obj=None):
        return bool(self.editable) and self.has_module_permission(request)

    def lookup_allowed(self, lookup, value, request=None):
        """Only the filters on screen: any other would let one guess hidden columns bit by bit."""
        name, _, asked = lookup.partition("__")
        filters = [getattr(offered, "parameter_name", offered) for offered in self.list_filter]
        offered = dict.fromkeys(filters, FILTER_LOOKUPS) | {self.date_hierarchy: CALENDAR_LOOKUPS}
        return name in offered and (not asked or asked in offered[name])

    def to_field_allowed(self, request, to_field):
        """Rows are named by their primary key."""
        return to_field == self.opts.pk.name

    def get_object(self, request, object_id, from_field=None):
        return super().get_object(request, object_id, from_field or None)

    @property
    def title(self):
        return self.list_title or capfirst(self.opts.verbose_name_plural)

    @property
    def media(self):
        """None of Django's scripts: nothing here needs one."""
        return forms.Media()

    @admin.display(description="cocher")
    def action_checkbox(self, obj):
        tick = '<input type="checkbox" class="action-select" name="{}" value="{}" aria-label="Cocher : {}">'
        return format_html(tick, ACTION_CHECKBOX_NAME, obj.pk, self.row_title(obj))

    def row_title(self, row):
        """What the page of `row` is called."""
        return str(row)

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"title": self.title, "page": self} | (extra_context or {}))

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        context = {"page": self, **context, "title": self.adding if add else self.row_title(obj), "subtitle": ""}
        return super().render_change_form(request, context, add, change, form_url, obj)

    def history_view(self, request, object_id, extra_context=None):
        return super().history_view(request, object_id, {"page": self} | (extra_context or {}))

    def delete_view(self, request, object_id, extra_context=None):
        return super().delete_view(request, object_id, {"page": self} | (extra_context or {}))

    def response_add(self, request, obj, post_url_continue=None):
        self.message_user(request, f"« {self.row_title(obj)} » est enregistré.", messages.SUCCESS)
        return self.response_post_save_add(request, obj)

    def response_change(self, request, obj):
        self.message_user(request, f"« {self.row_title(obj)} » est modifié.", messages.SUCCESS)
        return self.response_post_save_change(request, obj)

    def response_delete(self, request, obj_display, obj_id):
        self.message_user(request, f"« {obj_display} » est supprimé.", messages.SUCCESS)
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def get_changelist_instance(self, request):
        """A year no calendar has is a wrong filter: Django leaves it out and says so."""
        try:
            return super().get_changelist_instance(request)
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error

    def response_action(self, request, queryset):
        if not all(names_row(self.model, text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise BadRequest("Not a row")
        return super().response_action(request, queryset)

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        """A plain list of choices, without the windows Django opens beside it; to choose nothing is said in words."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        nothing = "Choisissez" if field and field.required else "Aucun"
        if isinstance(field, forms.ModelChoiceField):
            field.empty_label = field.empty_label and nothing
        elif isinstance(field, forms.ChoiceField):
            field.choices = [(value, label if value else nothing) for value, label in field.choices]
        return field

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_fields(self, request, obj=None):
        """Which state of the row the page shows matters to who can change it, and is nothing to read."""
        names = super().get_fields(request, obj)
        hidden = () if self.has_change_permission(request, obj) else ("seen_version",)
        return [name for name in names if name not in hidden]

    def get_readonly_fields(self, request, obj=None):
        """Numbers the database gave are nothing to read."""
        columns = (*self.opts.fields, *self.opts.many_to_many)
        fields = [field.name for field in columns if field.editable and not isinstance(field, models.AutoField)]
        shown_otherwise = {*self.editable, *(self.exclude or ())}
        return [name for name in fields if name not in shown_otherwise] + list(self.readonly_fields)

    def perform_each(self, request, rows, action, done):
        """Run `action` on each ticked row; says how many went through (`done`) and why others did not."""
        count = 0
        for row in rows:
            try:
                action(row)
            except ActionError as refusal:
                self.message_user(request, f"{row} : {refusal}", messages.WARNING)
            else:
                count += 1
        self.message_user(request, f"{done} : {count}.", messages.SUCCESS if count else messages.INFO)


class ActionAdmin(SupportAdmin):
    """A table that support changes through the app's actions only, which lock and journal."""

    def change_row(self, request, row, values):
        """Change `row` by an action: give it `values`, by field name, those the person changed."""
        raise NotImplementedError

    def add_row(self, request, values):
        """Create a row with these `values` by an action: the row. Only where adding is allowed."""
        raise NotImplementedError

    def delete_row(self, request, row):
        """Delete `row` by an action. Only where deleting is allowed."""
        raise NotImplementedError

    def delete_model(self, request, obj):
        self.delete_row(request, obj)

    def delete_queryset(self, request, queryset):
        with transaction.atomic():
            for row in queryset:
                self.delete_row(request, row)

    def save_model(self, request, obj, form, change):
        if change:
            changed = [name for name in form.changed_data if name in form.cleaned_data]
            self.change_row(request, obj, {name: getattr(obj, name) for name in changed})
        else:
            filled_in = [field.name for field in self.opts.fields if field.name in form.cleaned_data]
            obj.pk = self.add_row(request, {name: getattr(obj, name) for name in filled_in}).pk

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ActionError as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(request.get_full_path())

    def delete_view(self, request, object_id, extra_context=None):
        try:
            return super().delete_view(request, object_id, extra_context)
        except ActionError as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", object_id)

    def changelist_view(self, request, extra_context=None):
        try:
            return super().changelist_view(request, extra_context)
        except ActionError as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(request.get_full_path())


class FirstRowsPaginator(Paginator):
    """The first 10,000 rows: counting millions takes far longer than reading a page of them."""

    MOST = 10_000

    @cached_property
    def count(self):
        return self.object_list.order_by()[: self.MOST].count()


class LargeTableAdmin(SupportAdmin):
    """A table of millions of rows: nothing on its list may read them all.

    A subclass orders and searches by columns an index gives, and offers no filter that few rows pass.
    """

    paginator = FirstRowsPaginator
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
