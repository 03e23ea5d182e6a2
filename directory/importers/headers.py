"""Tells a file's kind from the names of its columns, whose accents, case and signs drift by year."""

import re

from directory.importers.faults import FileRefused
from plumbing.text import search_key


def plain(name):
    """`Code_postal`, « Code postal » and « code-postal » are one name."""
    return re.sub(r"[^A-Z0-9]", "", search_key(name[:200]))


class Columns:
    """Where a file keeps what its kind needs; `layout` says under which names that may be.

    A layout has `names` (our name → the names files give it) and `required` (our names).
    """

    def __init__(self, header, delimiter):
        self.header, self.delimiter = header, delimiter
        self._places = {}
        for place, name in enumerate(header):
            self._places.setdefault(plain(name), place)

    def place(self, names):
        """The place of the first of `names` that the file has, else None."""
        return next((self._places[plain(name)] for name in names if plain(name) in self._places), None)

    def missing(self, layout):
        return [names[0] for ours, names in layout.names.items() if ours in layout.required and not self._has(names)]

    def _has(self, names):
        return self.place(names) is not None


def layout_of(source, layouts):
    """The first of `layouts` whose required columns a Source has; refuses the file otherwise."""
    columns = Columns(source.header(), source.delimiter)
    for layout in layouts:
        if not columns.missing(layout):
            return layout(columns)
    closest = min(layouts, key=lambda layout: len(columns.missing(layout)) / len(layout.required))
    missing = columns.missing(closest)
    if len(missing) < len(closest.required):
        raise FileRefused(
            f"Ce fichier ressemble à « {closest.kind.label} », mais il lui manque : {', '.join(missing)}. "
            "Rien n'a été importé."
        )
    raise FileRefused(
        "Ce fichier n'est pas reconnu à ses colonnes : importez le stock SIRENE de l'INSEE, l'annuaire de l'éducation "
        "ou un CSV du portail, enregistré en UTF-8. Rien n'a été importé."
    )
