import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from history import append_only
from history.chain import COLUMNS, entry_digest


def sign_what_is_there(apps, schema_editor):
    """Lines from before the chain get their digest as they stand: from here on a change to them shows."""
    entries = apps.get_model('history', 'HistoryEntry').objects.using(schema_editor.connection.alias)
    last = 0
    while lot := list(entries.filter(pk__gt=last).order_by('pk')[:1000]):
        for entry in lot:
            entry.uid = uuid.uuid4()
            entry.digest = entry_digest(1, {name: getattr(entry, name) for name in COLUMNS})
        entries.bulk_update(lot, ['uid', 'digest'])
        last = lot[-1].pk


class Migration(migrations.Migration):

    dependencies = [
        ('history', '0008_rights'),
    ]

    operations = [
        migrations.AlterField(
            model_name='historyentry',
            name='created_at',
            field=models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='date'),
        ),
        migrations.AddField(
            model_name='historyentry',
            name='uid',
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='historyentry',
            name='digest',
            field=models.CharField(default='', editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.RunPython(sign_what_is_there, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(
            model_name='historyentry',
            name='uid',
            field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
        migrations.AddIndex(
            model_name='historyentry',
            index=models.Index(fields=['-created_at', '-id'], name='history_recent'),
        ),
        migrations.CreateModel(
            name='HistorySeal',
            fields=[
                ('position', models.PositiveBigIntegerField(primary_key=True, serialize=False, verbose_name='position')),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='seal', to='history.historyentry', verbose_name="ligne d'historique")),
            ],
            options={
                'verbose_name': 'scellé',
                'verbose_name_plural': 'scellés',
                'ordering': ['position'],
            },
        ),
        migrations.RunPython(
            lambda apps, schema_editor: append_only.install(schema_editor.connection),
            lambda apps, schema_editor: append_only.remove(schema_editor.connection),
        ),
    ]
