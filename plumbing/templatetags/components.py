"""The portal's screen components, available in every template without {% load %}."""

from django import template
from django.template.loader import render_to_string
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from plumbing.facts import sentence

register = template.Library()

_BREAK = SafeString("<br>")
# One tone per status value, whatever the model: the word carries the meaning, the colour helps.
TONES = {
    "pending": "wait",
    "activating": "wait",
    "waiting": "wait",
    "upcoming": "wait",
    "approved": "good",
    "active": "good",
    "sent": "good",
    "refused": "bad",
    "failed": "bad",
    "closed": "bad",
}


@register.inclusion_tag("components/page_header.html")
def page_header(title, lead="", back_url="", back_label=""):
    """The page's only h1, what the page is for, and the way back."""
    return {"title": title, "lead": lead, "back_url": back_url, "back_label": back_label}


@register.simple_tag
def status_badge(value, label):
    """A status as its label, toned by its value. Lists show many: no template is opened for each."""
    return format_html('<span class="status status-{}">{}</span>', TONES.get(str(value), "neutral"), label)


@register.simple_tag
def definition(label, value, empty="Non renseigné"):
    """One line of a `<dl class="definitions">`; a list or tuple takes one line per item."""
    lines = value if isinstance(value, list | tuple) else [value]
    lines = [[localize(line)] for line in lines if line not in (None, "")]
    if not lines:
        return format_html('<dt>{}</dt><dd><span class="text-body-secondary">{}</span></dd>', label, empty)
    return format_html("<dt>{}</dt><dd>{}</dd>", label, format_html_join(_BREAK, "{}", lines))


@register.simple_tag
def fact_sentence(fact):
    """A Fact in French."""
    return sentence(fact)


@register.inclusion_tag("components/stepper.html")
def stepper(current, *labels):
    """Where the person stands among `labels`; steps are numbered from 1, `current` is the live one."""
    steps = [
        {"number": n, "label": label, "state": "done" if n < current else "current" if n == current else "todo"}
        for n, label in enumerate(labels, 1)
    ]
    return {"steps": steps}


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context, page):
    """Previous, next and where we are, keeping the filters typed above the list."""
    query = context["request"].GET.copy()
    query.pop("page", None)
    return {"page": page, "query": query.urlencode()}


@register.inclusion_tag("components/filter_bar.html")
def filter_bar(label, value, count_line, hint=""):
    """One search field over a list, working by GET; `found` is what to say of the result."""
    return {"label": label, "value": value, "count_line": count_line, "hint": hint}


@register.simple_block_tag(end_name="end_data_table")
def data_table(content, caption, *columns):
    """A table whose rows become cards on a phone; `<td data-label="…">` repeats the column there."""
    return render_to_string("components/data_table.html", {"caption": caption, "columns": columns, "rows": content})


@register.simple_block_tag(end_name="end_empty_state")
def empty_state(content, title):
    """Said in place of an empty list: why it is empty and what to do next."""
    return render_to_string("components/empty_state.html", {"title": title, "content": content})
