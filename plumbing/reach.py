"""Which rows a permission reaches: the question `has_perm` answers for one row, asked of a table.

As with `rules`, the app that asks knows only the permission's name; the app that knows the answer
registers it. One definition serves both questions.
"""

import rules
from django.db.models import BooleanField, ExpressionWrapper, Q, Value

_reaches, _keys, _models = {}, {}, {}


def add_reach(permission, model, condition):
    """`condition(user)` is the Q of the rows of `model` on which `user` holds `permission`.

    Registers the permission under that name for `has_perm` too.
    """

    @rules.predicate
    def reaches(user, row):
        return row is not None and model.objects.filter(condition(user), pk=row.pk).exists()

    rules.add_perm(permission, reaches)
    _reaches[permission] = condition


def reach(permission, user):
    """The Q of the rows on which `user` holds `permission`."""
    return _reaches[permission](user)


def add_holding(permission, model, keys):
    """As `add_reach`, of rows told by their primary keys: `keys(user)` is a queryset of these, None for all rows."""

    def condition(user):
        held = keys(user)
        return Q() if held is None else Q(pk__in=held)

    add_reach(permission, model, condition)
    _keys[permission] = keys
    _models[permission] = model


def held(permission, user):
    """The primary keys of a holding: a queryset, None for all rows. They take half the time of the rows themselves."""
    return _keys[permission](user)


def held_on(row, user, permissions):
    """Those of these permissions that `user` holds on `row`: one query for any number of them."""
    asked = {f"holds_{n}": reach(permission, user) for n, permission in enumerate(permissions)}
    holds = {name: ExpressionWrapper(where, BooleanField()) if where else Value(True) for name, where in asked.items()}
    answers = type(row).objects.filter(pk=row.pk).order_by().annotate(**holds).values_list(*holds).get()
    return {permission for permission, is_held in zip(permissions, answers, strict=True) if is_held}


def held_among(permission, user, keys):
    """Those of these primary keys on which `user` holds `permission`: one query for any number of them.

    What actions ask once they have locked the rows: who takes a right away locks them too.
    """
    mine = held(permission, user)
    if mine is None:
        return set(keys)
    return set(_models[permission].objects.filter(pk__in=keys).filter(pk__in=mine).values_list("pk", flat=True))
