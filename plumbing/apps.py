from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PlumbingConfig(AppConfig):
    name = "plumbing"

    def ready(self):
        """Let each app register the permissions it answers and the events it listens to."""
        autodiscover_modules("permissions", "receivers")
