"""The portal's screen components, available in every template without {% load %}."""

from functools import lru_cache
from urllib.parse import quote

from django import template
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import FileInput, PasswordInput
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from plumbing.facts import sentence
from plumbing.icons import ICONS
from plumbing.moments import moment
from plumbing.requests import RETURN
from plumbing.requests import came_from as list_came_from
from plumbing.text import grouped, of
from plumbing.typography import french_html

register = template.Library()
register.filter(moment)
register.filter(of)
register.filter(grouped)

_BREAK = SafeString("<br>")
# One tone and icon per status value, whatever the model: the word carries the meaning, the rest helps.
WAIT, GOOD, BAD, OFF, MINE = ("wait", "clock"), ("ok", "check"), ("late", "cross"), ("off", "dash"), ("me", "person")
TONES = {
    "pending": WAIT,
    "awaiting_approval": WAIT,
    "activating": WAIT,
    "waiting": WAIT,
    "action_required": WAIT,
    "upcoming": WAIT,
    "ending": WAIT,
    "running": WAIT,
    "approved": GOOD,
    "active": GOOD,
    "in_force": GOOD,
    "open": GOOD,
    "solved": GOOD,
    "sent": GOOD,
    "done": GOOD,
    "refused": BAD,
    "failed": BAD,
    "closed": BAD,
    "mine": MINE,
    "in_progress": MINE,
}
# What is typed in these is asked again after an error.
NEVER_SENT_BACK = (PasswordInput, FileInput)
# Days after which something that waits is shown as waiting, then as late.
WAITING_DAYS, LATE_DAYS = 4, 10


@register.simple_block_tag(end_name="end_french")
def french(content):
    """The page with French typography: see plumbing/typography.py."""
    return mark_safe(french_html(content))


@register.filter
def breakable(address):
    """An e-mail address that, where it has no room, goes on behind its « @ »."""
    name, at, host = address.partition("@")
    return format_html("{}{}<wbr>{}", name, at, host)


@register.filter
def is_fixed(field):
    """Radio buttons that leave nothing to choose."""
    # Tick boxes are radio buttons to Django.
    return getattr(field.field.widget, "input_type", "") == "radio" and len(field.field.choices) == 1


@register.simple_tag
def icon(name):
    return ICONS[name]


@register.inclusion_tag("components/page_header.html")
def page_header(title, lead=""):
    """The page's only h1, and what the page is for."""
    return {"title": title, "lead": lead}


@register.simple_tag(takes_context=True)
def crumbs(context, *pairs):
    """Where one is: (label, address) of each page above this one. The list one came from gets its filters back."""
    request = context["request"]
    steps = [
        (list_came_from(request, address) or address, label)
        for label, address in zip(pairs[::2], pairs[1::2], strict=True)
    ]
    return format_html(
        '<nav aria-label="Fil d\'Ariane"><ol class="crumbs">{}</ol></nav>',
        format_html_join("", '<li><a href="{}">{}</a></li>', steps),
    )


@register.simple_tag(takes_context=True)
def back_here(context):
    """To put behind the address of a row's page: it will lead back to this list, filters and page kept."""
    request = context["request"]
    return f"?{RETURN}={quote(request.get_full_path(), safe='')}" if request.GET else ""


@register.simple_tag(takes_context=True)
def came_from(context, view_name):
    """The address, filters kept, of the list named `view_name` if that is where one came from; else empty."""
    return list_came_from(context["request"], reverse(view_name))


@register.simple_tag
def tab(label, address, *, current=False, count=None, hot=False):
    """One link of `<nav class="tabs">`; `hot` marks a count that waits for somebody."""
    counted = (
        ""
        if count is None
        else format_html('<span class="count{}">{}</span>', " count-hot" if hot else "", grouped(count))
    )
    marked = mark_safe(' aria-current="page"') if current else ""
    return format_html('<a href="{}"{}>{} {}</a>', address, marked, label, counted)


@register.simple_tag
def status_badge(value, label):
    """A status as its label, toned by its value. Lists show many: no template is opened for each."""
    tone, drawing = TONES.get(str(value), OFF)
    return format_html('<span class="badge badge-{}">{}{}</span>', tone, ICONS[drawing], label)


@register.simple_tag
def age(since):
    """How long something has waited: in days, with the day it began; toned when that is long."""
    since = timezone.localtime(since)
    days = (timezone.localdate() - since.date()).days
    if days == 0:
        when = f"{since.hour} h {since.minute:02}"
        return format_html('<span class="age"><b>Aujourd\'hui</b> <span>à {}</span></span>', when)
    tone = "late" if days >= LATE_DAYS else "wait" if days >= WAITING_DAYS else ""
    return format_html(
        '<span class="age{}"><b>{}{}</b> <span>depuis le {}</span></span>',
        f" age-{tone}" if tone else "",
        {"late": ICONS["warning"], "wait": ICONS["clock"]}.get(tone, ""),
        "1 jour" if days == 1 else f"{days} jours",
        _day(since.date(), "j N" if days < 300 else "j N Y"),
    )


@lru_cache(maxsize=1000)
def _day(day, pattern):
    """Kept: a list shows the same few days again and again."""
    return date_format(day, pattern)


@register.simple_tag
def days_since(since):
    """« 16 jours », in a sentence."""
    days = (timezone.localdate() - timezone.localdate(since)).days
    return "aujourd'hui" if days == 0 else "hier" if days == 1 else f"{days} jours"


@register.simple_tag
def definition(label, value, empty=""):
    """One line of a `<dl class="facts">`, none without value; a list or tuple takes one line per item."""
    lines = value if isinstance(value, list | tuple) else [value]
    lines = [[localize(line)] for line in lines if line not in (None, "")]
    if lines:
        return format_html("<dt>{}</dt><dd>{}</dd>", label, format_html_join(_BREAK, "{}", lines))
    return format_html('<dt>{}</dt><dd class="muted">{}</dd>', label, empty) if empty else ""


@register.simple_tag
def fact_sentence(fact):
    """A Fact in French."""
    return sentence(fact)


@register.simple_block_tag(end_name="end_note")
def note(content, tone="info", title="", role=""):
    """Something to know before acting: `tone` is info, ok, wait or late; `role` announces it (status, alert)."""
    drawing = {"info": "info", "ok": "check", "wait": "clock", "late": "warning"}[tone]
    return format_html(
        '<div class="note note-{}"{}>{}<div>{}{}</div></div>',
        tone,
        format_html(' role="{}"', role) if role else "",
        ICONS[drawing],
        format_html("<h2>{}</h2>", title) if title else "",
        content,
    )


@register.inclusion_tag("components/stepper.html")
def stepper(current, *labels):
    """Where the person stands among `labels`; steps are numbered from 1, `current` is the live one."""
    steps = [
        {"number": n, "label": label, "state": "done" if n < current else "current" if n == current else "todo"}
        for n, label in enumerate(labels, 1)
    ]
    return {"steps": steps}


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context, page, one="ligne", many="lignes"):
    """Which rows of how many, and the other pages, keeping the filters typed above the list."""
    query = context["request"].GET.copy()
    query.pop("page", None)
    pages = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    return {"page": page, "pages": pages, "query": query.urlencode(), "one": one, "many": many}


@register.inclusion_tag("components/filter_bar.html")
def filter_bar(label, value, count_line, hint=""):
    """One search field over a list, working by GET; `count_line` is what to say of the result."""
    return {"label": label, "value": value, "count_line": count_line, "hint": hint}


@register.simple_block_tag(end_name="end_data_table")
def data_table(content, caption, *columns):
    """A table whose rows become cards on a phone; `<td data-label="…">` repeats the column there.

    A column named with a leading « - » is read aloud and not shown (ticks, buttons); with « # », set to the right;
    without a name, left out.
    """
    heads = [
        {"label": name.lstrip("-#"), "hidden": name.startswith("-"), "number": name.startswith("#")}
        for name in columns
        if name
    ]
    return render_to_string("components/data_table.html", {"caption": caption, "columns": heads, "rows": content})


@register.simple_block_tag(end_name="end_empty_state")
def empty_state(content, title):
    """Said in place of an empty list: why it is empty and what to do next."""
    return render_to_string("components/empty_state.html", {"title": title, "content": content})


# Of a form in which nothing is wrong: code of what stops it, and what its errors are titled.
TITLES = {"changed_meanwhile": "Modifié entre-temps : relisez", "not_yet_said": "Rien n'est encore fait"}


@register.inclusion_tag("components/form_errors.html")
def form_errors(form):
    """All that is to be put right in a bound `form`, on top of it, each line leading to its field."""
    lines = [("", error) for error in form.non_field_errors()]
    for field in form:
        anchor = field.id_for_label or field.auto_id
        for error, text in zip(field.errors.as_data(), field.errors, strict=True):
            # What says that a field is empty names it by itself.
            lines.append((anchor, text if error.code == "required" else f"{field.label} : {text}"))
    refused = getattr(form, "refusal", "")
    count = len(lines)
    title = "Réessayez plus tard" if refused else f"{count} point{'s' if count > 1 else ''} à corriger"
    for code, instead in TITLES.items():
        title = instead if form.has_error(NON_FIELD_ERRORS, code) else title
    is_kept = not any(isinstance(field.field.widget, NEVER_SENT_BACK) for field in form)
    return {"lines": lines, "title": title, "is_kept": is_kept}
