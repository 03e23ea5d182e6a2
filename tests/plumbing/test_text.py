from hypothesis import example, given
from hypothesis import strategies as st

from plumbing.text import grouped, of, search_key, search_keys

tidy = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)


@given(st.lists(tidy | st.text("a -.'", max_size=6), max_size=5))
@example([])
@example(["", " ", "- ", ""])
@example(["S.A.R.L. L'Haÿ", "a  b", "Œuf\u00a0dur", "İ"])
def test_keys_of_many_are_those_of_each(texts):
    assert search_keys(texts) == [search_key(text) for text in texts]


def test_de_is_elided_before_a_name_and_counts_are_grouped():
    elided = "Émilie, Anne, Hélène, Hugo, Yves, Œuvres du Rhône"
    assert [of(name) for name in elided.split(", ")] == [f"d'{name}" for name in elided.split(", ")]
    assert [of(name) for name in ("Claire", "Hamid", "Yann", "", "3F")] == [
        "de Claire", "de Hamid", "de Yann", "de ", "de 3F",
    ]  # fmt: skip
    space = "\N{NARROW NO-BREAK SPACE}"
    assert [grouped(count) for count in (7, 999, 1520, 1234567)] == [
        "7",
        "999",
        f"1{space}520",
        f"1{space}234{space}567",
    ]
