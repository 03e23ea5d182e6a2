from django.contrib.auth.hashers import Argon2PasswordHasher


class PortalArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id at OWASP's second setting (19 MiB, 2 passes, 1 lane).

    Django's default takes 100 MB a login, too much for a small server on a September morning.
    """

    time_cost = 2
    memory_cost = 19456
    parallelism = 1
