from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage


class BootstrapFinder(BaseFinder):
    """Serves the one style sheet of the Bootstrap package that pages use, under bootstrap/.

    Its map comes along: the style sheet names it, and collectstatic follows every name.
    """

    PREFIX = "bootstrap"
    NAMES = ("bootstrap.min.css", "bootstrap.min.css.map")

    def __init__(self, *args, **kwargs):
        self.storage = FileSystemStorage(location=Path(settings.BOOTSTRAP_DIR) / "css")
        self.storage.prefix = self.PREFIX
        super().__init__(*args, **kwargs)

    def check(self, **kwargs):
        return []

    def find(self, path, find_all=False, **kwargs):
        folder, _, name = path.partition("/")
        if folder != self.PREFIX or name not in self.NAMES:
            return []
        path = self.storage.path(name)
        return [path] if find_all else path

    def list(self, ignore_patterns):
        for name in self.NAMES:
            yield name, self.storage
