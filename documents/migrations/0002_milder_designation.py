import plumbing.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("documents", "0001_documents")]

    operations = [
        migrations.AlterField(
            model_name="supportingdocument",
            name="designation",
            field=models.CharField(
                max_length=50, validators=[plumbing.validators.validate_visible_line], verbose_name="désignation"
            ),
        ),
    ]
