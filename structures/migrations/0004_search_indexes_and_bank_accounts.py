import chorus.plumbing.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [('structures', '0003_fill_search_keys')]

    operations = [
        migrations.CreateModel(
            name='BankAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_active', models.BooleanField(default=True, verbose_name='en service')),
                ('valid_from', models.DateField(default=django.utils.timezone.localdate, verbose_name="date de début d'activation")),
                ('valid_until', models.DateField(blank=True, null=True, verbose_name="date de fin d'activation")),
                ('label', models.CharField(max_length=100, verbose_name='libellé')),
                ('holder', models.CharField(max_length=140, verbose_name='titulaire')),
                ('iban', chorus.plumbing.fields.CodeField(max_length=34, verbose_name='IBAN')),
                ('bic', chorus.plumbing.fields.CodeField(max_length=11, verbose_name='BIC')),
                ('bank', models.CharField(blank=True, max_length=140, verbose_name='banque')),
            ],
            options={
                'verbose_name': 'coordonnée bancaire',
                'verbose_name_plural': 'coordonnées bancaires',
                'ordering': ['label', 'id'],
                'abstract': False,
            },
        ),
        migrations.RemoveConstraint(
            model_name='directoryentry',
            name='directoryentry_identifier_unique',
        ),
        migrations.RemoveConstraint(
            model_name='structure',
            name='structure_identifier_unique',
        ),
        migrations.RemoveConstraint(
            model_name='structure',
            name='structure_public_parameters',
        ),
        migrations.RemoveField(
            model_name='structure',
            name='requires_commitment',
        ),
        migrations.RemoveField(
            model_name='structure',
            name='requires_service',
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=models.Index(fields=['legal_name_key', 'id', 'city_key', 'postcode'], name='directoryentry_by_name'),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=models.Index(fields=['city_key', 'legal_name_key', 'id', 'postcode'], name='directoryentry_by_city'),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=models.Index(fields=['postcode', 'legal_name_key', 'id'], name='directoryentry_by_postcode'),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=chorus.plumbing.fields.TrigramIndex(fields=['legal_name_key', 'label_key', 'city_key'], name='directoryentry_trigrams', opclasses=['gin_trgm_ops', 'gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='structure',
            index=models.Index(fields=['legal_name_key', 'id', 'city_key', 'postcode'], name='structure_by_name'),
        ),
        migrations.AddIndex(
            model_name='structure',
            index=models.Index(fields=['city_key', 'legal_name_key', 'id', 'postcode'], name='structure_by_city'),
        ),
        migrations.AddIndex(
            model_name='structure',
            index=models.Index(fields=['postcode', 'legal_name_key', 'id'], name='structure_by_postcode'),
        ),
        migrations.AddIndex(
            model_name='structure',
            index=chorus.plumbing.fields.TrigramIndex(fields=['legal_name_key', 'label_key', 'city_key'], name='structure_trigrams', opclasses=['gin_trgm_ops', 'gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddConstraint(
            model_name='directoryentry',
            constraint=models.UniqueConstraint(fields=('identifier', 'identifier_type'), name='directoryentry_identifier_unique', violation_error_message="L'annuaire contient déjà cet identifiant."),
        ),
        migrations.AddConstraint(
            model_name='structure',
            constraint=models.UniqueConstraint(fields=('identifier', 'identifier_type'), name='structure_identifier_unique', violation_error_message='Une structure porte déjà cet identifiant.'),
        ),
        migrations.AddConstraint(
            model_name='structure',
            constraint=models.CheckConstraint(condition=models.Q(('nature', 'public'), models.Q(('requirement', 'none'), ('uses_pigp', False)), _connector='OR'), name='structure_public_parameters', violation_error_message='Ces paramètres sont réservés aux structures publiques.'),
        ),
        migrations.AddField(
            model_name='bankaccount',
            name='structure',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bank_accounts', to='structures.structure', verbose_name='structure'),
        ),
        migrations.AddConstraint(
            model_name='bankaccount',
            constraint=models.CheckConstraint(condition=models.Q(('valid_until__isnull', True), ('valid_until__gte', models.F('valid_from')), _connector='OR'), name='bankaccount_dates_in_order', violation_error_message='La date de fin précède la date de début.'),
        ),
        migrations.AddConstraint(
            model_name='bankaccount',
            constraint=models.UniqueConstraint(fields=('structure', 'iban'), name='bankaccount_iban_unique', violation_error_message='La structure a déjà une coordonnée bancaire avec cet IBAN.'),
        ),
    ]
