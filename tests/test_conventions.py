"""The house's conventions, as failing tests."""

import ast
import importlib
import inspect
import re
import subprocess
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.management import call_command
from django.db import models
from django.http import QueryDict
from django.template import Context, Origin, Template, engines

from plumbing.admin import ActionAdmin, FullyCheckedForm
from structures.lookup import DirectoryDifference
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

ROOT = Path(settings.BASE_DIR)
OUR_APPS = (
    "chorus",
    "support",
    "registration",
    "spaces",
    "attachments",
    "structures",
    "directory",
    "documents",
    "accounts",
    "history",
    "notifications",
    "plumbing",
)
SAYS_NOTHING = {"utils", "helpers", "services", "misc", "common", "signals"}
# Django's « Ce champ est obligatoire. »
SAYS_NOT_WHICH = forms.Field.default_error_messages["required"]
LONGEST_FILE, LONGEST_TEMPLATE, LONGEST_LINE = 400, 120, 140
# What goes with its owner when the owner goes.
MAY_CASCADE = {
    "structures.Service.structure",
    "structures.BankAccount.structure",
    "directory.RejectedLine.directory_import",
}
# Found by Django or by the browser under these names.
FOUND_BY_NAME = {"400.html", "403.html", "404.html", "500.html", "403_csrf.html", "portal/field.html"}
DJANGO_ADMIN = Path(admin.__file__).parent / "templates"

tracked = [
    ROOT / name for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).split("\n") if name
]
python_files = [path for path in tracked if path.suffix == ".py" and "migrations" not in path.parts and path.exists()]
app_files = [path for path in python_files if path.relative_to(ROOT).parts[0] in OUR_APPS]
templates = [path for path in tracked if path.is_relative_to(ROOT / "templates") and path.exists()]


text_of = cache(Path.read_text)


def named(paths):
    """Makes of what holds of one path one test of them all (a test a path costs seconds); each that fails is named."""

    def of_all(holds):
        def test():
            broken = []
            for path in paths:
                try:
                    holds(path)
                except AssertionError as error:
                    broken.append(f"{path.relative_to(ROOT)}: {error}")
            assert not broken, "\n".join(broken)

        test.__doc__ = holds.__doc__
        return test

    return of_all


def test_there_is_something_to_check():
    assert len(app_files) > 40
    assert len(templates) > 40


def test_file_names_say_something():
    assert not [path for path in python_files if path.stem in SAYS_NOTHING - noun_of(path)]


def noun_of(path):
    """In a package split by noun, a *service* is one of a structure's."""
    return {"services"} if path.parent.parent.name == "structures" else set()


def test_files_stay_short():
    # The list of settings is searched, not read: it stays whole.
    long = [path for path in app_files if len(path.read_text().splitlines()) > LONGEST_FILE]
    assert not [path for path in long if path.name != "settings.py"]
    assert not [path for path in templates if len(path.read_text().splitlines()) > LONGEST_TEMPLATE]


@named([path for path in templates if path.suffix == ".html"])
def test_lines_of_templates_stay_short(path):
    """Mails in plain text are spared: there a line is one of the mail."""
    assert not [line for line in path.read_text().splitlines() if len(line) > LONGEST_LINE]


def test_nothing_is_left_for_later():
    later = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    assert not [path for path in (*python_files, *templates) if later.search(path.read_text())]


@named(app_files)
def test_no_import_hides_in_a_function(path):
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    hidden = [
        node for function in functions for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not hidden


READING = {"views", "pages", "forms", "permissions", "emails", "receivers", "admin"}


@named([path for path in app_files if READING & {path.stem, path.parent.name}])
def test_only_actions_change_state(path):
    writes = {"save", "create", "delete", "update_or_create", "get_or_create", "bulk_create", "bulk_update"}
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not [c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr in writes]


def test_what_support_edits_in_the_admin_goes_through_actions():
    editing = [model for model, shown in admin.site._registry.items() if getattr(shown, "editable", ())]
    assert editing
    assert not [model for model in editing if not isinstance(admin.site._registry[model], ActionAdmin)]


@named([path for path in app_files if "forms" in {path.stem, path.parent.name}])
def test_forms_check_and_call_no_action(path):
    modules = [node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    assert not [module for module in modules if "actions" in module.split(".")]
    # Trying a password is counted: a form that is only shown again must not try it.
    assert "authenticate" not in path.read_text()


@named([path for path in app_files if {"views", "admin"} & {path.stem, path.parent.name}])
def test_what_a_session_left_typed_is_never_acted_on(path):
    """`posted` binds a form on a GET too, after a session ended: only a POST may go on with a valid one."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and "posted(request)" in (code := ast.unparse(node)):
            assert "is_valid()" not in code or "request.method" in code, node.name


def our_forms():
    """Every form of our apps' forms modules that a page can show."""
    for path in app_files:
        if "forms" in {path.stem, path.parent.name}:
            module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            classes = [value for value in vars(module).values() if inspect.isclass(value)]
            own = [value for value in classes if value.__module__ == module.__name__]
            yield from (form for form in own if issubclass(form, forms.BaseForm) and is_whole(form))


def is_whole(form):
    return not issubclass(form, forms.ModelForm) or form._meta.model is not None


@pytest.mark.django_db
@pytest.mark.parametrize("form", list(our_forms()), ids=lambda form: form.__name__)
def test_an_empty_field_is_named_and_says_what_to_do(form):
    structure = StructureFactory()
    known = {
        "structure": structure,
        "user": UserFactory(),
        "attachment_request": AttachmentRequestFactory(structure=structure),
        "requests": [AttachmentRequestFactory(structure=structure, user=UserFactory())],
        "difference": DirectoryDifference(structure),
        "current": "ici@exemple.example",
        "attachment": (held := AttachmentFactory(structure=structure, ends_on=date(2099, 8, 31))),
        "attachments": [held],
        "places": structure.attachments.all(),
    }
    asked = {name: known[name] for name in inspect.signature(form).parameters if name in known}
    said_of_nothing_typed = form(data=QueryDict(""), **asked).errors.values()
    assert not [errors for errors in said_of_nothing_typed if SAYS_NOT_WHICH in errors]


@pytest.mark.django_db
def test_an_empty_field_of_the_admin_is_named(rf):
    request = rf.get("/")
    request.user = UserFactory(staff=True)
    for model, shown in admin.site._registry.items():
        if model.__module__.split(".")[0] in OUR_APPS:
            assert issubclass(shown.form, FullyCheckedForm), shown
            for row in (None, model()):
                errors = shown.get_form(request, row)(QueryDict(""), instance=row).errors
                assert not [name for name, lines in errors.items() if SAYS_NOT_WHICH in lines], shown


MAILING = {"apps", "emails", "actions", "tasks", "workers", "loader"}


@named([path for path in app_files if not MAILING & {path.stem, path.parent.name}])
def test_mails_are_decided_in_actions(path):
    assert not re.search(r"\b(notify|send_(?!request\()[a-z_]+)\(", re.sub(r"def \w+\(.*", "", path.read_text()))


def template_name(path):
    return str(path.relative_to(ROOT / "templates"))


def quoted(path):
    """The words between quotes; of "emails/welcome.html", « welcome.html » and « welcome »."""
    words = {word.removeprefix("emails/") for word in re.findall(r"""["']([\w./-]+)""", text_of(path))}
    return words | {word.partition(".")[0] for word in words}


@cache
def times_quoted():
    return Counter(word for path in (*app_files, *templates) for word in quoted(path))


@named(templates)
def test_every_template_is_used(path):
    name = template_name(path)
    if name in FOUND_BY_NAME or (DJANGO_ADMIN / name).exists():
        return
    if path.parent.name == "facts" or (
        path.parent.name == "emails" and path.stem not in ("base", "button", "structure")
    ):
        name = path.stem
    assert times_quoted()[name.removeprefix("emails/")] > (name in quoted(path))


def test_names_are_elided_where_they_are_shown():
    """« d'Émilie »: {{ name|of }}"""
    unelided = re.compile(r"\bde \{\{ (?:[a-z_]+\.)*(?:user|person|structure|deputy|principal|actor) \}\}")
    assert not [path for path in templates if unelided.search(path.read_text())]


@named([path for path in templates if path.suffix == ".html" and path.parent.name != "emails"])
def test_templates_hold_no_inline_script_or_style(path):
    text = path.read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=\"|<style|<script(?![^>]*\bsrc=)|javascript:", text)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text), "third-party address"


# Classes put together where they are used (a tone, a field's name), or written by Django's admin.
PUT_TOGETHER = re.compile(r"(age|badge|note|hint|field|status)-|this-page")


def test_style_sheets_and_pages_speak_of_the_same_classes():
    sheets = "".join(path.read_text() for path in tracked if path.suffix == ".css" and path.exists())
    rules = re.sub(r"/\*.*?\*/|url\([^)]*\)|\{[^{}]*\}", "", sheets, flags=re.DOTALL)
    drawn = {name for name in re.findall(r"\.([a-zA-Z][\w-]*)", rules) if not PUT_TOGETHER.match(name)}
    pages = "".join(path.read_text() for path in (*templates, *app_files) if path.parent.name != "emails")
    pages += "".join(path.read_text() for path in tracked if path.suffix == ".js" and path.exists())
    assert not [name for name in drawn if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", pages)]
    written = {re.sub(r"\{[%{].*?[%}]\}", " ", text) for text in re.findall(r'class="([^"]*)"', pages)}
    used = {name for text in written for name in re.findall(r"(?<![\w-])[a-zA-Z][\w-]*(?![\w-])", text)}
    assert not [name for name in used - drawn if not PUT_TOGETHER.match(name)]


@named([path for path in templates if path.suffix == ".html" and 'extends "base.html"' in path.read_text()])
def test_every_page_has_a_title_and_one_h1(path):
    text = path.read_text()
    assert "{% block title %}" in text
    assert "page_header" in text or text.count("<h1") == 1


def test_an_undefined_variable_in_our_templates_is_an_error():
    engine = engines["django"].engine
    ours = Origin(str(ROOT / "templates/x.html"), template_name="x.html")
    with pytest.raises(AssertionError, match=r"« nothing\.at_all »"):
        Template("{{ nothing.at_all }}", origin=ours, engine=engine).render(Context({}))
    assert Template("{{ nothing }}|", engine=engine).render(Context({})) == "|"
    assert Template("{% if nothing %}x{% endif %}|", origin=ours, engine=engine).render(Context({})) == "|"


def our_relations():
    for model in apps.get_models(include_auto_created=False):
        if model.__module__.split(".")[0] in OUR_APPS:
            for field in model._meta.local_fields:
                if isinstance(field, models.ForeignKey):
                    yield f"{model._meta.label}.{field.name}", field.remote_field.on_delete


def test_nothing_disappears_by_surprise():
    cascading = {name for name, on_delete in our_relations() if on_delete is models.CASCADE}
    assert cascading == MAY_CASCADE


def test_constraints_speak_french():
    for model in apps.get_models():
        if model.__module__.split(".")[0] in OUR_APPS:
            for constraint in model._meta.constraints:
                technical = constraint.name.endswith("_reference_unique")
                default = constraint.violation_error_message == constraint.default_violation_error_message
                assert technical or not default, constraint.name


@pytest.mark.django_db
def test_migrations_are_up_to_date():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@named(sorted((ROOT / "requirements").glob("*.txt")))
def test_lock_files_hold_hashes_and_no_address(path):
    text = path.read_text()
    assert "--hash=sha256:" in text
    assert not re.search(r"://|^--|file:| @ ", text, re.MULTILINE)


def test_nothing_points_at_this_machine():
    # A clone may lie straight in a folder that every machine has.
    home = ROOT if str(ROOT.parent) in {"/", "/home", "/opt", "/root", "/srv", "/tmp", "/var"} else ROOT.parent
    for path in tracked:
        if path.suffix in {".py", ".md", ".toml", ".yml", ".html", ".txt", ".sh", ""} and path.is_file():
            text = path.read_text(errors="ignore")
            assert f"{home}/" not in text, path
            assert "../" + "shared" not in text, path
