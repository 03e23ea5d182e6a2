from django.db import migrations

KEYS = ["legal_name_key", "label_key", "city_key"]


def fill(apps, schema_editor):
    """Search keys of the rows already there; the two former parameters become one requirement."""
    for name in ("Structure", "DirectoryEntry"):
        model = apps.get_model("structures", name)
        rows = []
        for row in model.objects.iterator(chunk_size=2000):
            for key in KEYS:
                model._meta.get_field(key).pre_save(row, False)
            rows.append(row)
            if len(rows) == 2000:
                model.objects.bulk_update(rows, KEYS)
                rows = []
        model.objects.bulk_update(rows, KEYS)
    structures = apps.get_model("structures", "Structure").objects
    structures.filter(requires_service=True).update(requirement="service")
    structures.filter(requires_commitment=True).update(requirement="commitment")
    structures.filter(requires_service=True, requires_commitment=True).update(requirement="both")


class Migration(migrations.Migration):
    dependencies = [("structures", "0002_search_keys")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
