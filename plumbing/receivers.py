"""What Django would keep by itself, and must not."""

from django.contrib.admin.models import LogEntry
from django.db.models.signals import pre_save
from django.dispatch import receiver


@receiver(pre_save, sender=LogEntry)
def name_nobody(sender, instance, **kwargs):
    """The admin's own log says which row changed by its key: a name would outlive the account's anonymising."""
    instance.object_repr = ""
