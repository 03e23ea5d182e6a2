from django.contrib.admin import apps


class SupportConfig(apps.AdminConfig):
    """Django's admin, with support's own first page. Not chorus' own configuration: hence `default`."""

    default = False
    default_site = "chorus.admin.SupportSite"
