from plumbing.text import grouped, of


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
