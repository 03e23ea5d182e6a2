r"""Finding structures by name, number or place, among millions.

`criteria.py` turns what people type into patterns, `statements.py` writes and asks the SQL,
`reading.py` reads one table in order, `results.py` makes one list of the structures somebody may
see and of the directory.
"""

from structures.search.criteria import TOO_WIDE, Criteria
from structures.search.reading import ORDERS, TooMany
from structures.search.results import PAGE, everything, exists_unseen, find

__all__ = ["ORDERS", "PAGE", "TOO_WIDE", "Criteria", "TooMany", "everything", "exists_unseen", "find"]
