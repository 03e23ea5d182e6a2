from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Demo data and demo mailbox. Installed by the settings only when CHORUS_ENV is not production."""

    name = "chorus.demo"
    label = "demo"
