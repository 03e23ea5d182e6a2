from django.conf import settings


def portal(request):
    """What every page may say of the portal itself."""
    return {
        "PORTAL_NAME": settings.PORTAL_NAME,
        "PORTAL_LOGO": settings.PORTAL_LOGO,
        "SUPPORT_EMAIL": settings.SUPPORT_EMAIL,
        "DEMO": settings.DEMO,
    }
