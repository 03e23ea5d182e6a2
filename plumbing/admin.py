from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.forms.models import model_to_dict
from django.shortcuts import redirect
from django.utils.functional import cached_property

from plumbing.changes import version_of
from plumbing.errors import ActionError


class FullyCheckedForm(forms.ModelForm):
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


class SupportAdmin(admin.ModelAdmin):
    """What support staff see of a table: everything, changed only where the class says so."""

    form = FullyCheckedForm
    editable = ()
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
        filters = [getattr(offered, "parameter_name", offered) for offered in self.list_filter]
        offered = [*filters, *filter(None, [self.date_hierarchy])]
        return any(lookup == name or lookup.startswith(f"{name}__") for name in offered)

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_readonly_fields(self, request, obj=None):
        fields = [field.name for field in (*self.opts.fields, *self.opts.many_to_many) if field.editable]
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

    def write(self, request, row, values):
        """Change `row` by an action: give it `values`, by field name, those the person changed."""
        raise NotImplementedError

    def create(self, request, values):
        """Create a row with these `values` by an action: the row. Only where adding is allowed."""
        raise NotImplementedError

    def save_model(self, request, obj, form, change):
        if change:
            changed = [name for name in form.changed_data if name in form.cleaned_data]
            self.write(request, obj, {name: getattr(obj, name) for name in changed})
        else:
            filled_in = [field.name for field in self.opts.fields if field.name in form.cleaned_data]
            obj.pk = self.create(request, {name: getattr(obj, name) for name in filled_in}).pk

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
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
