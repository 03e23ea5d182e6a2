from django.apps import AppConfig


class PlumbingConfig(AppConfig):
    name = "chorus.plumbing"
    label = "plumbing"
