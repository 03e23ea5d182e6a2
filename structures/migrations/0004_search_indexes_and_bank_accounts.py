import plumbing.fields
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
                ('iban', plumbing.fields.CodeField(max_length=34, verbose_name='IBAN')),
                ('bic', plumbing.fields.CodeField(max_length=11, verbose_name='BIC')),
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
            index=models.Index(condition=models.Q(('undisclosed', False)), fields=['legal_name_key', 'id', 'label_key', 'city_key', 'postcode'], name='directoryentry_by_name'),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=models.Index(condition=models.Q(('undisclosed', False)), fields=['city_key', 'legal_name_key', 'id', 'label_key', 'postcode'], name='directoryentry_by_city'),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=models.Index(condition=models.Q(('undisclosed', False)), fields=['postcode', 'legal_name_key', 'id', 'label_key', 'city_key'], name='directoryentry_by_postcode'),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', ''), ('legal_name_key__lt', 'ASS'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_0', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'ASS'), ('legal_name_key__lt', 'BON'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_1', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'BON'), ('legal_name_key__lt', 'CAM'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_2', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'CAM'), ('legal_name_key__lt', 'CHE'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_3', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'CHE'), ('legal_name_key__lt', 'COM'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_4', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'COM'), ('legal_name_key__lt', 'DAV'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_5', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'DAV'), ('legal_name_key__lt', 'EARL'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_6', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'EARL'), ('legal_name_key__lt', 'EURL'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_7', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'EURL'), ('legal_name_key__lt', 'FOY'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_8', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'FOY'), ('legal_name_key__lt', 'GAR'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_9', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'GAR'), ('legal_name_key__lt', 'HER'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_10', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'HER'), ('legal_name_key__lt', 'JAR'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_11', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'JAR'), ('legal_name_key__lt', 'LECL'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_12', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'LECL'), ('legal_name_key__lt', 'LEV'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_13', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'LEV'), ('legal_name_key__lt', 'MART'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_14', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'MART'), ('legal_name_key__lt', 'MOR'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_15', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'MOR'), ('legal_name_key__lt', 'PAY'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_16', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'PAY'), ('legal_name_key__lt', 'PREV'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_17', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'PREV'), ('legal_name_key__lt', 'ROL'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_18', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'ROL'), ('legal_name_key__lt', 'SAS'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_19', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'SAS'), ('legal_name_key__lt', 'SCI'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_20', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'SCI'), ('legal_name_key__lt', 'SEL'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_21', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'SEL'), ('legal_name_key__lt', 'SNC'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_22', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='directoryentry',
            index=plumbing.fields.TrigramIndex(condition=models.Q(('legal_name_key__gte', 'SNC'), ('legal_name_key__lt', '\U0010ffff'), ('undisclosed', False)), fields=['legal_name_key', 'label_key'], name='directoryentry_trigrams_23', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
        ),
        migrations.AddIndex(
            model_name='structure',
            index=models.Index(condition=models.Q(('nature', 'public')), fields=['legal_name_key', 'id', 'label_key', 'city_key', 'postcode'], name='structure_public_by_name'),
        ),
        migrations.AddIndex(
            model_name='structure',
            index=models.Index(condition=models.Q(('nature', 'public')), fields=['city_key', 'legal_name_key', 'id', 'label_key', 'postcode'], name='structure_public_by_city'),
        ),
        migrations.AddIndex(
            model_name='structure',
            index=models.Index(condition=models.Q(('nature', 'public')), fields=['postcode', 'legal_name_key', 'id', 'label_key', 'city_key'], name='structure_public_by_postcode'),
        ),
        migrations.AddIndex(
            model_name='structure',
            index=models.Index(condition=models.Q(('nature', 'private')), fields=['legal_name_key', 'id', 'label_key', 'city_key', 'postcode'], name='structure_private_by_name'),
        ),
        migrations.AddIndex(
            model_name='structure',
            index=models.Index(condition=models.Q(('nature', 'private')), fields=['city_key', 'legal_name_key', 'id', 'label_key', 'postcode'], name='structure_private_by_city'),
        ),
        migrations.AddIndex(
            model_name='structure',
            index=models.Index(condition=models.Q(('nature', 'private')), fields=['postcode', 'legal_name_key', 'id', 'label_key', 'city_key'], name='structure_private_by_postcode'),
        ),
        migrations.AddIndex(
            model_name='structure',
            index=plumbing.fields.TrigramIndex(fields=['legal_name_key', 'label_key'], name='structure_trigrams', opclasses=['gin_trgm_ops', 'gin_trgm_ops']),
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
