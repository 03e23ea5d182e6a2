import rules
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend

from accounts.models import User, normalised_email


class EmailBackend(ModelBackend):
    """Login by address in any mix of cases; only « Actif » accounts (User.is_active) get in."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        return super().authenticate(request, username=normalised_email(username or ""), password=password)

    def has_perm(self, user_obj, perm, obj=None):
        """Never yes to a permission that a rule answers: Django's own tables know no row, and say yes to superusers."""
        return not rules.perm_exists(perm) and super().has_perm(user_obj, perm, obj)

    def get_user(self, user_id):
        user = get_user_model().objects.filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None


def axes_username(request, credentials):
    """The address failures are counted under: the one compared, not the one typed."""
    given = credentials or {}
    # django-axes asks before the password is tried, by the name of our field, and counts after, by Django's.
    typed = given.get("username") or given.get(User.USERNAME_FIELD) or request.POST.get("username", "")
    return normalised_email(typed)[:254]
