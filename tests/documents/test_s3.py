"""The same library in an S3-compatible store: a local server, as production's settings speak to it."""

import hashlib
import os
import subprocess
import sys

import boto3
import pytest

from documents import actions
from documents.models import FOLDER, SupportingDocument
from plumbing.errors import ActionError
from tests.documents.library import MEGABYTE, add, pdf
from tests.factories import UserFactory
from tests.processes import wait_until
from tests.servers import answers, free_port

pytestmark = pytest.mark.django_db

BUCKET = "portail"
KEYS = {"access_key": "clef", "secret_key": "secret"}


@pytest.fixture(scope="module")
def server():
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    try:
        wait_until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait()


@pytest.fixture
def bucket(server, settings):
    bucket = boto3.resource(
        "s3",
        endpoint_url=server,
        region_name="us-east-1",
        aws_access_key_id=KEYS["access_key"],
        aws_secret_access_key=KEYS["secret_key"],
    ).Bucket(BUCKET)
    bucket.create()
    options = {"bucket_name": BUCKET, "endpoint_url": server, "region_name": "us-east-1", "default_acl": "private"}
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": options | KEYS | {"querystring_auth": True, "max_memory_size": 8 * MEGABYTE},
        }
    }
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()


@pytest.mark.parametrize(("size", "parts"), [(MEGABYTE, None), (10 * MEGABYTE, 2)])
def test_a_file_goes_there_and_comes_back(client, bucket, size, parts):
    """In parts above 8 MB, as the mark of the object tells."""
    owner = UserFactory()
    document = add(owner, size=size)
    [stored] = bucket.objects.all()
    assert stored.key == document.file.name
    assert stored.key.startswith(f"{FOLDER}/")
    assert stored.size == size
    assert stored.e_tag.strip('"').partition("-")[2] == (str(parts) if parts else "")
    client.force_login(owner)
    answer = client.get(f"/mes-pieces-jointes/{document.pk}/telecharger/")
    content = b"".join(answer.streaming_content)
    assert content == pdf(size).read()
    assert hashlib.sha256(content).hexdigest() == document.sha256
    archive = client.get("/mes-pieces-jointes/cochees.zip", {"piece": document.pk})
    assert content in b"".join(archive.streaming_content)
    actions.delete_documents([document.pk], actor=owner)
    assert list(bucket.objects.all()) == []


def test_nobody_reads_it_from_the_store_without_its_keys(bucket):
    add(UserFactory())
    [stored] = bucket.objects.all()
    everybody = [grant for grant in stored.Acl().grants if grant["Grantee"]["Type"] == "Group"]
    assert everybody == []


def test_a_store_that_is_away_leaves_no_row_once_it_is_back(bucket, settings):
    away = settings.STORAGES["default"]["OPTIONS"] | {"endpoint_url": f"http://127.0.0.1:{free_port()}"}
    here = settings.STORAGES
    settings.STORAGES = here | {"default": here["default"] | {"OPTIONS": away}}
    with pytest.raises(ActionError, match="Réessayez dans quelques minutes"):
        add(UserFactory())
    assert SupportingDocument.objects.get().state == SupportingDocument.State.DELETING
    settings.STORAGES = here
    actions.finish_unfinished()
    assert not SupportingDocument.objects.exists()
