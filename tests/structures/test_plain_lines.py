"""What people type of a structure reaches mails and pages of others: it holds no link and nothing invisible."""

import pytest
from django.contrib import admin
from django.test import RequestFactory

from structures.forms import BankAccountForm, FoundingForm, ServiceForm, StructureForm
from structures.models import Structure
from tests.factories import StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

LINES = ("legal_name", "label", "address", "complement_1", "complement_2", "city", "country")


def errors_in_admin(row, data):
    request = RequestFactory().get("/")
    request.user = UserFactory(staff=True)
    form = admin.site.get_model_admin(type(row)).get_form(request, row, change=True)(data, instance=row)
    return form.errors


FORMS = {
    "founding": (lambda data: FoundingForm(data | {"identifier": "99990011100017"}).errors, LINES),
    "change": (lambda data: StructureForm(StructureFactory(private=True), data).errors, LINES),
    "service": (lambda data: ServiceForm(StructureFactory(), data).errors, ("label", "code")),
    "bank account": (lambda data: BankAccountForm(StructureFactory(), data).errors, ("label", "holder")),
    "admin": (lambda data: errors_in_admin(StructureFactory(), data), LINES),
    "person in the admin": (lambda data: errors_in_admin(UserFactory(), data), ("first_name", "last_name")),
}


@pytest.mark.parametrize("typed", ["Gagnez sur mal.example", "\u3164"])
@pytest.mark.parametrize("form", FORMS)
def test_no_line_holds_a_link_or_only_what_nobody_sees(form, typed):
    errors_of, names = FORMS[form]
    assert errors_of(dict.fromkeys(names, typed)).keys() >= set(names)


@pytest.mark.parametrize("errors_of", [errors_in_admin, lambda row, data: StructureForm(row, data).errors])
def test_a_name_taken_from_the_directory_may_stay_while_something_else_changes(errors_of):
    structure = StructureFactory(private=True, legal_name="CDISCOUNT.COM", label="CDISCOUNT.FR")
    data = {name: getattr(structure, name) for name in Structure.DESCRIPTIVE} | {"city": "Bordeaux"}
    assert not errors_of(structure, data).keys() & set(Structure.DESCRIPTIVE)
    assert errors_of(structure, data | {"label": "MAL.FR"}).keys() & set(Structure.DESCRIPTIVE) == {"label"}
