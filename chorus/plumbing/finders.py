from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage


class BootstrapFinder(BaseFinder):
    """Serves the one file of the Bootstrap package that pages use, as bootstrap/bootstrap.min.css."""

    PREFIX, NAME = "bootstrap", "bootstrap.min.css"

    def __init__(self, *args, **kwargs):
        self.storage = FileSystemStorage(location=Path(settings.BOOTSTRAP_DIR) / "css")
        self.storage.prefix = self.PREFIX
        super().__init__(*args, **kwargs)

    def check(self, **kwargs):
        return []

    def find(self, path, find_all=False, **kwargs):
        if path != f"{self.PREFIX}/{self.NAME}":
            return []
        found = self.storage.path(self.NAME)
        return [found] if find_all else found

    def list(self, ignore_patterns):
        yield self.NAME, self.storage
