"""French typography, put into pages when they are shown."""

import time

import pytest

from plumbing.typography import french_html, french_mail

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("<p>Qui décide ?</p>", f"<p>Qui décide{NBSP}?</p>"),
        ("« Valider » : oui", f"«{NBSP}Valider{NBSP}»{NBSP}: oui"),
        ("<b>Motif</b> : rien", f"<b>Motif</b>{NBSP}: rien"),
        ("« <b>Valider</b> »", f"«{NBSP}<b>Valider</b>{NBSP}»"),
        ("Dossier n° 745", f"Dossier n°{NBSP}745"),
        ("l'annuaire, d&#x27;ici", "l’annuaire, d’ici"),
        ("50 % fait", f"50{NBSP}% fait"),
        ("le 1 janvier et le 11 mai, 1 déc.", f"le 1er{NBSP}janvier et le 11 mai, 1er{NBSP}déc."),
        ("1 mandat, 1 jour", "1 mandat, 1 jour"),
        ("à 9:12, http://a.fr ; fin", f"à 9:12, http://a.fr{NBSP}; fin"),
        ("a &amp; b", "a &amp; b"),
    ],
)
def test_text_is_set_as_french_is(typed, shown):
    assert french_html(typed) == shown


@pytest.mark.parametrize(
    "untouched",
    [
        '<a title="Quoi ?" href="/?q=a ; b">a</a>',
        "<textarea>l'avis : non ?</textarea>",
        "<script>a ? b : c</script>",
        "<pre>a : b</pre>",
        "<!-- a : b -->",
        "o'brien@exemple.fr",
        "o&#x27;brien.d'arc@exemple.fr",
    ],
)
def test_markup_and_what_people_typed_stay(untouched):
    assert french_html(untouched) == untouched


@pytest.mark.parametrize("long", ["x" + " " * 200_000 + "y", "a'" * 100_000, "« " * 100_000])
def test_a_long_text_takes_no_longer_than_its_length(long):
    start = time.perf_counter()
    french_html(long)
    assert time.perf_counter() - start < 2


def test_a_mail_keeps_its_lines():
    assert french_mail("Structure\n: a\n\nQui ?") == f"Structure\n: a\n\nQui{NBSP}?"
