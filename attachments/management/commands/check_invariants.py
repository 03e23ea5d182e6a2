from django.core.management.base import BaseCommand, CommandError

from attachments.invariants import INVARIANTS, broken

# More are counted, not named.
NAMED = 200


class Command(BaseCommand):
    help = "Vérifie ce qui doit toujours être vrai des rattachements, demandes, transmissions et abonnements."

    def handle(self, *args, **options):
        found = broken()
        for invariant, keys in found:
            named = ", ".join(map(str, keys[:NAMED]))
            more = f" … et {len(keys) - NAMED} de plus" if len(keys) > NAMED else ""
            label = invariant.rows().model._meta.label
            self.stderr.write(f"{invariant.name} : {invariant.sentence}\n  {label} : {named}{more}")
        if found:
            raise CommandError(f"{len(found)} sur {len(INVARIANTS)} ne sont pas tenues.", returncode=1)
        self.stdout.write(f"Les {len(INVARIANTS)} règles sont tenues.")
