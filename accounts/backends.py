from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend

from accounts.models import normalised_email


class EmailBackend(ModelBackend):
    """Login by address in any mix of cases; only « Actif » accounts (User.is_active) get in."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        return super().authenticate(request, username=normalised_email(username or ""), password=password)

    def get_user(self, user_id):
        user = get_user_model().objects.filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None


def axes_username(request, credentials):
    """The address failures are counted under: the one compared, not the one typed."""
    typed = (credentials or {}).get("username") or request.POST.get("username", "")
    return normalised_email(typed)[:254]
