from django.db import migrations, models

from history import append_only


def remove(apps, schema_editor):
    append_only.remove(schema_editor.connection)


def install(apps, schema_editor):
    append_only.install(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('history', '0011_tickets'),
    ]

    operations = [
        # SQLite builds the table anew, without its triggers.
        migrations.RunPython(remove, install),
        migrations.AddField(
            model_name='historyentry',
            name='version',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, editable=False),
        ),
        migrations.RunPython(install, remove),
    ]
