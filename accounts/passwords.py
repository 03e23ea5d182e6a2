from difflib import SequenceMatcher

from django.contrib.auth.password_validation import UserAttributeSimilarityValidator
from django.core.exceptions import ValidationError


class UnlikeThePersonValidator(UserAttributeSimilarityValidator):
    """Not like one of the person's attributes, nor like first and last name together."""

    def validate(self, password, user=None):
        super().validate(password, user)
        name = user.get_full_name().lower() if user else ""
        if name and SequenceMatcher(a=password.lower(), b=name).quick_ratio() >= self.max_similarity:
            raise ValidationError("Le mot de passe ressemble trop à votre nom.", code="password_too_similar")
