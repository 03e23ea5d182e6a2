from spaces.actions.asking import ask, give_back
from spaces.actions.catalogue import change_space, create_space
from spaces.actions.cells import change_cells
from spaces.actions.deciding import decide
from spaces.actions.decisions import approve, end, foresee, give, refuse
from spaces.actions.defaults import (
    copy_spaces,
    end_with,
    follow_roles,
    follow_scope,
    give_defaults,
    withdraw_for,
)
from spaces.actions.duplicating import duplicate, duplicated
from spaces.actions.openings import close_space, open_space
from spaces.actions.reaches import Reached
from spaces.actions.rows import Line, forget_comments

__all__ = [
    "Line",
    "Reached",
    "approve",
    "ask",
    "change_cells",
    "change_space",
    "close_space",
    "copy_spaces",
    "create_space",
    "decide",
    "duplicate",
    "duplicated",
    "end",
    "end_with",
    "follow_roles",
    "follow_scope",
    "foresee",
    "forget_comments",
    "give",
    "give_back",
    "give_defaults",
    "open_space",
    "refuse",
    "withdraw_for",
]
