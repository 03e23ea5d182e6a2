"""Several of a list at once: those ticked, what is said before, and what became of them; here and in the apps above."""

import re

from django.contrib import messages
from django.shortcuts import redirect
from django.utils.functional import cached_property

from plumbing.references import LENGTH

# In the address: the numbers of those ticked, or that all of the list are meant. Posted: all numbers in one field.
TICKED, ALL_OF_LIST, NUMBERS = "demande", "ensemble", "demandes"
# The others are a click away on the same page.
SHOWN_AT_ONCE = 20


class Ticked:
    """The dossiers somebody ticked, or all of the list they filtered; of these, those that are theirs to know of.

    Each list says how many `at_once`, and which are `listed`, `listed_count`, and `numbered` so.
    """

    def __init__(self, request, data):
        self.all_of_list = request.method != "POST" and ALL_OF_LIST in data
        written = data.get(NUMBERS, "") if request.method == "POST" else " ".join(data.getlist(TICKED))
        self.numbers = list(dict.fromkeys(re.findall(rf"\b[0-9]{{{LENGTH}}}\b", written)))[: self.at_once]

    @cached_property
    def dossiers(self):
        return self.listed() if self.all_of_list else self.numbered()

    @property
    def unknown_count(self):
        """How many of those ticked are not, or no longer, theirs to know of."""
        return 0 if self.all_of_list else len(self.numbers) - len(self.dossiers)

    @cached_property
    def left_count(self):
        """How many of the list wait for another time."""
        full = self.all_of_list and len(self.dossiers) == self.at_once
        return self.listed_count() - self.at_once if full else 0


def posted_or_asked(request):
    return request.POST if request.method == "POST" else request.GET


def told(ticked, ready, hindered, *, back):
    """What is shown before: the dossiers that are `ready`, and (row, why) of those that are not."""
    return {
        "ready": ready,
        "first": ready[:SHOWN_AT_ONCE],
        "others": ready[SHOWN_AT_ONCE:],
        "hindered": hindered,
        "numbers": " ".join(row.reference for row in ready),
        "unknown": ticked.unknown_count,
        "left": ticked.left_count,
        "back": back,
        "at_once": ticked.at_once,
    }


def keep(request, name, outcome, result, ticked, *, back):
    """What became of them, until the next ones: in this person's session, under this name."""
    request.session[name] = {
        "outcome": outcome,
        "done": list(dict.fromkeys(row.reference for row in result.done)),
        "skipped": list(dict.fromkeys((row.reference, str(refusal)) for row, refusal in result.skipped)),
        "unknown": ticked.unknown_count,
        "back": back,
    }


def numbers_of(kept):
    return [*kept["done"], *(number for number, _why in kept["skipped"])]


def became(kept, rows):
    """What is shown of it; a right lost since hides the rows, not what was done."""
    by_number = {row.reference: row for row in rows}
    done = [row for row in rows if row.reference in set(kept["done"])]
    return {
        "approved": kept["outcome"] == "approved",
        "first": done[:SHOWN_AT_ONCE],
        "others": done[SHOWN_AT_ONCE:],
        "skipped": [(by_number[number], why) for number, why in kept["skipped"] if number in by_number],
        "done_count": len(kept["done"]),
        "skipped_count": len({number for number, _why in kept["skipped"]}) + kept["unknown"],
        "unknown": kept["unknown"],
        "back": kept["back"],
    }


def nothing_ticked(request, *, back):
    if request.POST.get(NUMBERS) or request.GET.get(TICKED) or request.GET.get(ALL_OF_LIST):
        said = "Ces demandes sont déjà décidées, ou ne sont plus à vous de décider : rien n'est changé."
        messages.warning(request, said)
    else:
        messages.warning(request, "Rien n'est coché : cochez au moins une demande de la liste.")
    return redirect(back)
