"""The screen components that decide something; how they look is seen in the browser walks."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django import forms
from django.template import Context, Template
from django.test import RequestFactory

from plumbing.forms import ExplainedChoices, LimitedForm
from plumbing.templatetags.components import age, back_here, breakable, crumbs, definition, form_errors

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("L'Haÿ <b>", "L&#x27;Haÿ &lt;b&gt;"),
        (["1, rue A", "", None, "<2>"], "1, rue A<br>&lt;2&gt;"),
        (1.5, "1,5"),
        (0, "0"),
    ],
    ids=str,
)
def test_a_definition_shows(value, shown):
    assert definition("Ville", value) == f"<dt>Ville</dt><dd>{shown}</dd>"


@pytest.mark.parametrize("nothing", ["", None, [], [""]])
def test_what_is_empty_takes_no_line_unless_there_is_something_to_say_of_it(nothing):
    assert definition("Ville", nothing) == ""
    assert definition("Ville", nothing, "Aucune") == '<dt>Ville</dt><dd class="muted">Aucune</dd>'


@time_machine.travel(datetime(2026, 11, 25, 10, tzinfo=PARIS), tick=False)
@pytest.mark.parametrize(
    ("since", "shown"),
    [
        (datetime(2026, 11, 25, 8, 41, tzinfo=PARIS), "Aujourd'hui</b> <span>à 8 h 41"),
        (datetime(2026, 11, 24, 23, 59, tzinfo=PARIS), '"age"><b>1 jour</b> <span>depuis le 24 nov.'),
        (datetime(2026, 11, 22, 9, tzinfo=PARIS), '"age"><b>3 jours'),
        (datetime(2026, 11, 21, 9, tzinfo=PARIS), "age-wait"),
        (datetime(2026, 11, 16, 9, tzinfo=PARIS), "age-wait"),
        (datetime(2026, 11, 15, 9, tzinfo=PARIS), "age-late"),
    ],
)
def test_an_age_is_told_in_days_and_toned(since, shown):
    assert shown in age(since)


def at(path):
    return {"request": RequestFactory().get(path)}


def test_a_row_leads_back_to_its_list_with_filters_and_page():
    assert back_here(at("/demandes/")) == ""
    link = "/demandes/1/" + back_here(at("/demandes/?q=%C3%A9t%C3%A9&page=2"))
    back = crumbs(at(link), "Demandes", "/demandes/")
    assert '<a href="/demandes/?q=%C3%A9t%C3%A9&amp;page=2">Demandes</a>' in back


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://ailleurs.example/?a=1",
        "/autre/?a=1",
        "//ailleurs.example/demandes/?a",
        "x",
        "//[",
        "//℀?",
        "/demandes/?q=%2500",
    ],
)
def test_nobody_is_led_elsewhere(elsewhere):
    assert re.search(
        r'href="/demandes/(\?a)?"', crumbs(at(f"/demandes/1/?retour={elsewhere}"), "Demandes", "/demandes/")
    )


def test_one_count_agrees_with_all_that_is_to_be_put_right():
    class Form(forms.Form):
        name = forms.CharField(label="Nom")
        code = forms.CharField(label="Code")

    form = Form({"name": "x"})
    assert form_errors(form)["title"] == "1 point à corriger"
    assert form_errors(form)["lines"][0][0] == "id_code"
    form.add_error(None, "Les deux ne vont pas ensemble.")
    assert form_errors(form)["title"] == "2 points à corriger"
    form.add_error(None, forms.ValidationError("Modifié par Anne.", code="changed_meanwhile"))
    assert form_errors(form)["title"] == "Modifié entre-temps : relisez"


def test_what_is_empty_is_named_once():
    class Form(LimitedForm):
        REQUIRED = {"first_name": "Écrivez votre prénom."}
        first_name = forms.CharField(label="Prénom")
        code = forms.CharField(label="Code")
        town = forms.CharField(label="Ville", max_length=2)

    said = [text for _, text in form_errors(Form({"town": "Brest"}))["lines"]]
    assert said[:2] == ["Écrivez votre prénom.", "Renseignez « Code »."]
    assert said[2].startswith("Ville : ")


def test_what_was_emptied_is_not_said_to_be_kept():
    class Form(forms.Form):
        name = forms.CharField()

    class SecretForm(Form):
        password = forms.CharField(widget=forms.PasswordInput)

    assert form_errors(Form({}))["is_kept"]
    assert not form_errors(SecretForm({}))["is_kept"]


def test_one_choice_is_said_and_sent_without_a_button():
    class Form(forms.Form):
        role = forms.ChoiceField(choices=[("simple", "Utilisateur simple")], widget=ExplainedChoices)

    page = Template("{{ form.role|as_crispy_field }}").render(Context({"form": Form()}))
    assert "Utilisateur simple" in page
    assert 'type="hidden" name="role" value="simple"' in page
    assert "radio" not in page


def test_an_address_breaks_behind_its_at_sign():
    assert breakable("a<b@c.fr") == "a&lt;b@<wbr>c.fr"
