from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PlumbingConfig(AppConfig):
    name = "chorus.plumbing"
    label = "plumbing"

    def ready(self):
        """Let each app's permissions.py register the names it answers."""
        autodiscover_modules("permissions")
