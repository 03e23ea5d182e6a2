from django.utils.functional import SimpleLazyObject


def manager(request):
    """Whether the person at the screen manages a structure; asked only by menus that need it."""
    return {"is_manager": SimpleLazyObject(lambda: _manages(getattr(request, "user", None)))}


def _manages(user):
    return bool(user and user.is_authenticated and user.attachments.effective().managers().exists())
