"""Making the next item while this one is being used."""

import pytest

from plumbing.ahead import ahead


def test_items_come_in_order_and_no_more_than_one_too_early():
    made = []

    def items():
        for number in range(5):
            made.append(number)
            yield number

    for used, number in enumerate(ahead(items())):
        assert number == used
        assert len(made) <= used + 2
    assert made == list(range(5))


def test_what_goes_wrong_is_told_after_the_items_before_it():
    def items():
        yield "first"
        raise OSError("disk")

    coming = ahead(items())
    assert next(coming) == "first"
    with pytest.raises(OSError, match="disk"):
        next(coming)


def test_giving_up_half_way_closes_the_source():
    closed = []

    def items():
        try:
            yield from range(9)
        finally:
            closed.append(True)

    source = items()
    coming = ahead(source)
    assert next(coming) == 0
    coming.close()
    source.close()
    assert closed == [True]
