from django.db import models


class Reach(models.TextChoices):
    """« Appliquer »: whom a manager's decision is for."""

    USER = "user", "À cet utilisateur seulement"
    SERVICES = "services", "À tous les utilisateurs des services concernés"
    STRUCTURE = "structure", "À toute la structure"
