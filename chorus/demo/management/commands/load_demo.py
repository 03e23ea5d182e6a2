from django.core.management.base import BaseCommand

from chorus.demo.data import ASKS
from chorus.demo.data.loader import is_loaded, load
from structures.models import Structure


class Command(BaseCommand):
    help = "Charge les données de démonstration, une seule fois."

    def handle(self, **options):
        if is_loaded():
            self.stdout.write("Les données de démonstration sont déjà là : rien n'est changé.")
            return
        load()
        self.stdout.write(
            f"Données de démonstration chargées : {Structure.objects.count()} structures, {len(ASKS)} demandes."
        )
