import pytest

from plumbing.templatetags.components import definition


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("L'Haÿ <b>", "L&#x27;Haÿ &lt;b&gt;"),
        (["1, rue A", "", None, "<2>"], "1, rue A<br>&lt;2&gt;"),
        (1.5, "1,5"),
        (0, "0"),
        *[(nothing, '<span class="text-body-secondary">Non renseigné</span>') for nothing in ("", None, [], [""])],
    ],
    ids=str,
)
def test_a_definition_shows(value, shown):
    assert definition("Ville", value) == f"<dt>Ville</dt><dd>{shown}</dd>"
