import pytest

from documents.models import FOLDER


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    """Files go to a folder of the test's own."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path / FOLDER
