from django.conf import settings
from django.urls import reverse


def absolute_url(name, *args):
    """The public address of a page, for mails: from SITE_URL, never from a request's Host."""
    return settings.SITE_URL + reverse(name, args=args)
