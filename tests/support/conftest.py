import pytest

from documents.models import FOLDER
from tests.factories import UserFactory


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    """Files go to a folder of the test's own."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path / FOLDER


@pytest.fixture
def me(client):
    user = UserFactory()
    client.force_login(user)
    return user


@pytest.fixture
def desk(client):
    agent = UserFactory(staff=True)
    client.force_login(agent)
    return agent
