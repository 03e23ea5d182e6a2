"""Walks the whole chain and says what does not fit: for `manage.py verify_history`. Writes nothing."""

from datetime import timedelta
from typing import NamedTuple

from django.utils import timezone

from history.chain import COLUMNS, entry_digest, is_same, seal_digest
from history.models import HistoryEntry, HistorySeal

READ_AT_ONCE = 2_000
# A worker that is away, or a very long transaction: until then an entry only waits for its seal.
SEALED_WITHIN = timedelta(hours=1)


class Fault(NamedTuple):
    """What is wrong, and where: `entry_id` is None where no line is left to name."""

    kind: str
    entry_id: int | None
    position: int | None
    sentence: str


class Verification:
    """One walk, whose memory does not grow with the history: `faults` gives them one by one, and counts as it goes."""

    def __init__(self, head=None):
        self.expected = head  # (position, digest) noted elsewhere
        self.sealed = self.waiting = 0
        self.head = None

    def faults(self):
        yield from self._along_the_chain()
        yield from self._without_a_seal()

    def _along_the_chain(self):
        position, digest, entry_id = 0, "", None
        while lot := self._seals_after(position):
            entries = self._entries([seal[1] for seal in lot])
            for found, of, mark in lot:
                if found != position + 1:
                    yield _removed(position + 1, found - 1, entry_id, of)
                    # The seal behind a hole cannot be tried: nobody knows any more what stood before it.
                    fits = None
                own, genuine = entries.get(of, (None, False))
                if found == position + 1:
                    fits = own is not None and is_same(mark, seal_digest(digest, found, of, own))
                yield from self._of_line(of, found, own, genuine, fits)
                position, digest, entry_id = found, mark, of
                self.sealed += 1
                if self.expected and self.expected[0] == found:
                    yield from self._of_head(found, mark, of)
        self.head = (position, digest)
        if self.expected and self.expected[0] > position:
            yield _removed(position + 1, self.expected[0], entry_id, None)

    def _of_line(self, entry_id, position, own, genuine, fits):
        if own is None:
            yield Fault("removed", entry_id, position, f"La ligne {entry_id} (scellé n° {position}) a été retirée.")
        elif not genuine and fits is False:
            text = (
                f"La ligne {entry_id} (scellé n° {position}) n'a pas été écrite par le portail : insérée, ou réécrite."
            )
            yield Fault("inserted", entry_id, position, text)
        elif not genuine:
            yield Fault("changed", entry_id, position, f"La ligne {entry_id} (scellé n° {position}) a été modifiée.")
        elif fits is False:
            text = f"Le scellé n° {position} (ligne {entry_id}) a été modifié, déplacé ou ajouté à la main."
            yield Fault("seal_changed", entry_id, position, text)

    def _of_head(self, position, digest, entry_id):
        if not is_same(digest, self.expected[1]):
            text = f"Le scellé n° {position} (ligne {entry_id}) n'est plus celui qui avait été noté."
            yield Fault("head_changed", entry_id, position, text)

    def _seals_after(self, position):
        seals = HistorySeal.objects.filter(position__gt=position).order_by("position")
        return list(seals.values_list("position", "entry_id", "digest")[:READ_AT_ONCE])

    def _entries(self, ids):
        """{id: (digest, whether it is that of the content)}"""
        rows = HistoryEntry.objects.filter(pk__in=ids).order_by().values("pk", "digest", "version", *COLUMNS)
        return {row["pk"]: (row["digest"], _is_genuine(row)) for row in rows.iterator()}

    def _without_a_seal(self):
        late, first_late, count = timezone.now() - SEALED_WITHIN, None, 0
        rows = HistoryEntry.objects.unsealed().order_by("pk").values("pk", "digest", "version", *COLUMNS)
        for row in rows.iterator(chunk_size=READ_AT_ONCE):
            pk = row["pk"]
            if not _is_genuine(row):
                yield Fault("inserted", pk, None, f"La ligne {pk}, non scellée, n'a pas été écrite par le portail.")
            elif row["created_at"] < late:
                first_late, count = first_late or pk, count + 1
            else:
                self.waiting += 1
        if count:
            lines = f"La ligne {first_late} n'est pas scellée"
            if count > 1:
                lines = f"{count} lignes ne sont pas scellées (la première est la ligne {first_late})"
            yield Fault("unsealed", first_late, None, f"{lines} depuis plus d'une heure : un worker tourne-t-il ?")


def _is_genuine(row):
    return is_same(row["digest"], entry_digest(row["version"], row))


def _removed(first, last, before, after):
    """Lines gone with their seals: of these, only the places are left."""
    places = f"Un scellé et sa ligne ont été retirés (n° {first})"
    if last > first:
        places = f"{last - first + 1} scellés et leurs lignes ont été retirés (n° {first} à {last})"
    around = [f"{word} la ligne {pk}" for word, pk in (("après", before), ("avant", after)) if pk]
    return Fault("removed", None, first, f"{places}{', ' * bool(around)}{' et '.join(around)}.")
