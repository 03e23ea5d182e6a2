"""`python -m benchmarks.data N`: a manager, and N requests waiting for them."""

import sys

import django

django.setup()

from accounts.models import User  # noqa: E402
from attachments.actions import send_request  # noqa: E402
from attachments.models import Attachment, Role  # noqa: E402
from structures.models import Service, Structure  # noqa: E402


def fill(rows):
    structure = Structure.objects.create(
        identifier="20003035100015", nature="public", legal_name="COLLEGE DE CHAMPOULANT"
    )
    for number in range(4):
        Service.objects.create(structure=structure, code=f"S{number}", label=f"Service {number}")
    manager = User.objects.create_user(
        "manager@bench.example", "bench", first_name="Claire", last_name="Fontaine", state=User.State.ACTIVE
    )
    Attachment.objects.create(user=manager, structure=structure, role=Role.PRINCIPAL)
    for number in range(rows):
        person = User.objects.create_user(f"p{number}@bench.example", first_name="Anne", last_name=f"Nom {number}")
        send_request(person, structure, actor=person)


if __name__ == "__main__":
    fill(int(sys.argv[1]))
