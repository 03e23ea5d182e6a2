"""French typography of the pages themselves, as they leave: raw content, not `response.text`."""

import re
from html import unescape

import pytest

from attachments.models import Role
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    BankAccountFactory,
    DirectoryEntryFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

# Elements whose content is not ours to set, then every other tag.
RAW = re.compile(r"<(script|style|textarea|pre|code|svg)\b.*?</\1>|<!--.*?-->", re.DOTALL)
TAG = re.compile(r"<[^>]*>")
WRONG = re.compile(r"\s[:;?!»](?!\w)|«\s|[^\W\d_]'[^\W\d_]")
VISITOR = [
    "/",
    "/aide/",
    "/accessibilite/",
    "/mentions-legales/",
    "/conditions/",
    "/donnees-personnelles/",
    "/connexion/",
    "/inscription/",
    "/activation/",
    "/mot-de-passe/",
    "/nulle-part/",
    "/demo/courriels/",
]
PERSON = [
    "/",
    "/organisation/",
    "/structures/",
    "/structures/?legal_name=macé",
    "/structures/?legal_name=introuvable",
    "/structures/nouvelle/",
]
MANAGER = [
    "/demandes/",
    "/demandes/{reference}/",
    "/demandes/{reference}/refus/",
    "/structures/{pk}/",
    "/structures/{pk}/modifier/",
    "/structures/{pk}/desactiver/",
    "/structures/{pk}/identifiant/",
    "/structures/{pk}/services/",
    "/structures/{pk}/services/nouveau/",
    "/structures/{pk}/coordonnees-bancaires/",
    "/structures/{pk}/coordonnees-bancaires/nouvelle/",
]


def faults(answer):
    """The badly set places of a page, each with what stands around it."""
    # A tag is no space: what stands on both sides of it is read together.
    text = TAG.sub("\x00", RAW.sub("\x00", answer.content.decode()))
    text = re.sub(r"\x00+", "\x00", unescape(text))
    # Only plain spaces are wrong.
    text = text.replace("\N{NO-BREAK SPACE}", "_")
    return [text[max(0, found.start() - 30) : found.end() + 10] for found in WRONG.finditer(text)]


@pytest.fixture
def structure():
    structure = StructureFactory(legal_name="Collège Jean Macé d'ici : l'annexe")
    ServiceFactory(structure=structure, label="Service de l'intendance")
    BankAccountFactory(structure=structure)
    DirectoryEntryFactory(legal_name="École Macé")
    return structure


@pytest.mark.parametrize("path", VISITOR)
def test_pages_for_visitors(client, path):
    assert faults(client.get(path)) == []


@pytest.mark.parametrize(
    ("role", "path"),
    [("nobody", path) for path in PERSON]
    + [(role, path) for role in ("manager", "support") for path in PERSON + MANAGER],
)
def test_pages_behind_the_login(client, structure, path, role):
    waiting = AttachmentRequestFactory(structure=structure, comment="C'est pour l'intendance : merci !")
    user = UserFactory(staff=role == "support", first_name="Anne", last_name="L'Her")
    if role == "manager":
        AttachmentFactory(user=user, structure=structure, role=Role.PRINCIPAL)
    client.force_login(user)
    answer = client.get(path.format(pk=structure.pk, reference=waiting.reference))
    assert answer.status_code == 200
    assert faults(answer) == []


@pytest.mark.parametrize("said", ["Qui ?", "« oui", "oui »", "l'avis", "<b>Motif</b> :", "l&#x27;avis"])
def test_a_fault_would_be_found(said):
    class Answer:
        content = f"<p>{said}</p>".encode()

    assert faults(Answer)
