from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0004_agentdefinition_settings_approval_definition_and_more"),
    ]

    operations = [
        migrations.AlterField(
            model_name="mcpserver",
            name="url",
            field=models.CharField(blank=True, max_length=500),
        ),
    ]
