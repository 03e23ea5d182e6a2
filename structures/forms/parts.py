from django import forms

from plumbing.changes import changes
from plumbing.errors import ChangedMeanwhile
from plumbing.forms import NamesEmptyFields


class PartForm(NamesEmptyFields, forms.ModelForm):
    """A service or a bank account of `structure`, or itself: a new one, or `part` as it is to become.

    `version` is that of the part as the page showed it. The part itself is left alone: the form
    fills in a blank one, and an action takes its `values`.
    """

    # Fields that stand side by side.
    PAIRED = ()
    # By field: the width of what it holds (static/css/forms.css).
    WIDTHS = {}

    version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, structure, data=None, *, part=None):
        self.structure, self.part = structure, part
        super().__init__(data, initial=self.shown(part) if part else None)
        if part is None:
            del self.fields["version"]
        for name, width in self.WIDTHS.items():
            self.fields[name].widget.attrs["class"] = f"width-{width}"

    def shown(self, part):
        """What the page starts from."""
        return {name: getattr(part, name) for name in part.EDITABLE} | {"version": part.version}

    @property
    def paired_fields(self):
        return [self[name] for name in self.PAIRED]

    @property
    def values(self):
        """What the action takes."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}

    def refuse(self, refusal):
        """Say why the action refused. When somebody else wrote meanwhile, what is typed stays, beside what is
        there now, which the next submit replaces."""
        differences = []
        if isinstance(refusal, ChangedMeanwhile):
            current = type(self.part).objects.get(pk=self.part.pk)
            differences = [change for change in self.differences(current) if change.name in self.fields]
            self.data = self.data.copy()
            self.data["version"] = current.version
        self.add_error(refusal.field, str(refusal))
        for change in differences:
            self.add_error(change.name, change.overwriting)

    def differences(self, current):
        return changes(current, self.values)
