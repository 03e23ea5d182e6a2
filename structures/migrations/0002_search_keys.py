import plumbing.fields
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [('structures', '0001_initial')]

    operations = [
        TrigramExtension(),
        migrations.AddField(
            model_name='directoryentry',
            name='city_key',
            field=plumbing.fields.SearchKeyField('city', default='', editable=False, max_length=100),
        ),
        migrations.AddField(
            model_name='directoryentry',
            name='label_key',
            field=plumbing.fields.SearchKeyField('label', default='', editable=False, max_length=250),
        ),
        migrations.AddField(
            model_name='directoryentry',
            name='legal_name_key',
            field=plumbing.fields.SearchKeyField('legal_name', default='', editable=False, max_length=250),
        ),
        migrations.AddField(
            model_name='structure',
            name='city_key',
            field=plumbing.fields.SearchKeyField('city', default='', editable=False, max_length=100),
        ),
        migrations.AddField(
            model_name='structure',
            name='label_key',
            field=plumbing.fields.SearchKeyField('label', default='', editable=False, max_length=250),
        ),
        migrations.AddField(
            model_name='structure',
            name='legal_name_key',
            field=plumbing.fields.SearchKeyField('legal_name', default='', editable=False, max_length=250),
        ),
        migrations.AddField(
            model_name='structure',
            name='requirement',
            field=models.CharField(choices=[('none', 'Rien de particulier'), ('commitment', "Le numéro d'engagement est obligatoire"), ('service', 'Le service est obligatoire'), ('both', "Le numéro d'engagement et le service sont obligatoires"), ('either', "Le numéro d'engagement ou le service est obligatoire")], default='none', max_length=10, verbose_name='exigence de facturation'),
        ),
        migrations.AlterField(
            model_name='directoryentry',
            name='identifier',
            field=plumbing.fields.CodeField(max_length=50, verbose_name='identifiant'),
        ),
        migrations.AlterField(
            model_name='directoryentry',
            name='postcode',
            field=plumbing.fields.CodeField(blank=True, max_length=10, verbose_name='code postal'),
        ),
        migrations.AlterField(
            model_name='service',
            name='is_active',
            field=models.BooleanField(default=True, verbose_name='en service'),
        ),
        migrations.AlterField(
            model_name='structure',
            name='identifier',
            field=plumbing.fields.CodeField(max_length=50, verbose_name='identifiant'),
        ),
        migrations.AlterField(
            model_name='structure',
            name='postcode',
            field=plumbing.fields.CodeField(blank=True, max_length=10, verbose_name='code postal'),
        ),
    ]
