import re

from django.core.management.base import BaseCommand, CommandError

from history.verification import Verification

# More are counted, not said.
SAID = 200


class Command(BaseCommand):
    help = "Vérifie tout l'historique : dit quelle ligne a été modifiée, retirée, insérée, ou attend son scellé."

    def add_arguments(self, parser):
        parser.add_argument(
            "--head", metavar="POSITION:EMPREINTE", default="", help="un scellé noté ailleurs, qui doit être encore là"
        )

    def handle(self, *args, head, **options):
        verification, count = Verification(_read(head)), 0
        for fault in verification.faults():
            count += 1
            if count <= SAID:
                self.stderr.write(fault.sentence)
        self.stdout.write(f"Lignes scellées : {verification.sealed}. En attente de scellé : {verification.waiting}.")
        if verification.sealed:
            self.stdout.write("Dernier scellé : {}:{}".format(*verification.head))
        if count > SAID:
            self.stderr.write(f"… et {count - SAID} de plus. Une autre clé (HISTORY_KEY, SECRET_KEY) ?")
        if count:
            raise CommandError(f"{count} anomalie{'s' if count > 1 else ''}.", returncode=1)
        self.stdout.write("Historique intact.")


def _read(head):
    if not head:
        return None
    if not re.fullmatch(r"[1-9]\d{0,17}:[0-9a-f]{64}", head):
        raise CommandError(f"--head ressemble à 1234:e3b0c442…, les 64 caractères compris, et non à « {head} ».")
    position, _, digest = head.partition(":")
    return int(position), digest
