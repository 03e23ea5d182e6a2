"""Finding structures by name, number or place, among millions.

`criteria.py` turns what people type into patterns, `reading.py` reads one table in order, `results.py` makes one list
of the structures somebody may see and of the directory.
"""

from structures.search.criteria import TOO_WIDE, Criteria
from structures.search.reading import ORDERS
from structures.search.results import everything, exists_unseen, find

__all__ = ["ORDERS", "TOO_WIDE", "Criteria", "everything", "exists_unseen", "find"]
