from hypothesis import example, given
from hypothesis import strategies as st

from plumbing.text import search_key, search_keys

tidy = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)


@given(st.lists(tidy | st.text("a -.'", max_size=6), max_size=5))
@example([])
@example(["", " ", "- ", ""])
@example(["S.A.R.L. L'Haÿ", "a  b", "Œuf\u00a0dur", "İ"])
def test_keys_of_many_are_those_of_each(texts):
    assert search_keys(texts) == [search_key(text) for text in texts]
