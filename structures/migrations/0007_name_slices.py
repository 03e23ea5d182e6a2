from itertools import pairwise

import plumbing.fields
from django.db import migrations, models

BEFORE = 24
SLICES = """
ASSOCIATION BON CAISSE CENTRE CLUB COMITE DAV EARL ECOLE EURL FOYER GAEC GAR HER JAR LECL LES MART MOR OFFICE
PAY PREV ROL SARL SAS SCI SELARL SNC TAB
"""
RANGES = list(pairwise(["", *SLICES.split(), "\U0010ffff"]))


class Migration(migrations.Migration):
    """Slices that start where many names begin alike."""

    dependencies = [("structures", "0006_line_digest")]
    operations = [
        *(
            migrations.RemoveIndex(model_name="directoryentry", name=f"directoryentry_trigrams_{number}")
            for number in range(BEFORE)
        ),
        *(
            migrations.AddIndex(
                model_name="directoryentry",
                index=plumbing.fields.TrigramIndex(
                    condition=models.Q(legal_name_key__gte=first, legal_name_key__lt=after, undisclosed=False),
                    fields=["legal_name_key", "label_key"],
                    name=f"directoryentry_trigrams_{number}",
                    opclasses=["gin_trgm_ops", "gin_trgm_ops"],
                ),
            )
            for number, (first, after) in enumerate(RANGES)
        ),
    ]
