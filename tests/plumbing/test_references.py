"""The « Dossier n° »."""

import pytest
from stdnum import luhn

from attachments.models import AttachmentRequest
from plumbing.references import draw_reference, new_reference
from tests.factories import AttachmentRequestFactory


def test_a_reference_is_nine_digits_that_tell_a_slip():
    drawn = {new_reference() for _ in range(50)}
    assert len(drawn) > 1
    assert all(len(reference) == 9 and reference[0] != "0" and luhn.is_valid(reference) for reference in drawn)


@pytest.mark.django_db
def test_a_reference_that_is_taken_is_drawn_again(monkeypatch):
    taken = AttachmentRequestFactory().reference
    drawn = iter([taken, taken, "482719305"])
    monkeypatch.setattr("plumbing.references.new_reference", lambda: next(drawn))
    assert draw_reference(AttachmentRequest) == "482719305"
