"""What an entry's data hold, and how they are said. Entries keep values; sentences are made when shown.

model     the table whose columns are meant, « structures.Service »
name      of the row at that time, when the entry names no structure or person that says it
values    {column: value} of what was created or decided
changes   {column: [before, after]}
personal  columns of `changes` without their values: those their model calls PERSONAL. The history is never edited,
          so what an anonymised account must lose never gets in
services  names of the services meant, at that time; in `changes` too, as [names before, names after]
reason    what a person gave as the reason, in their words
cause     why the portal did it, one of CAUSES
count     how many rows a bulk operation concerned
"""

import re
from datetime import date

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError

from plumbing.changes import in_words, label_of

CAUSES = {
    "first_registrant": "Première personne de la structure",
    "first_to_activate": "Première personne de la structure à activer son compte",
    "never_activated": "Compte jamais activé",
    "principal_changed": "Gestionnaire principal changé",
    "on_its_day": "À la date prévue",
    "transferred_before": "Rôle transmis avant la date prévue",
    "successor_unable": "Compte du successeur inactif",
    "outgoing_changed": "Gestionnaire principal changé avant la date prévue",
    "contested": "Transmission contestée",
    "attachment_over": "Rattachement terminé",
    "dates_over": "Date de fin dépassée",
    "account_deactivated": "Compte désactivé",
    "deactivated_too_long": "Compte désactivé et non réactivé à temps",
    "activation_too_late": "Compte non activé à temps",
    "account_closed": "Compte clos",
    "role_changed": "Rôle modifié",
    "space_opened": "Espace ouvert sur la structure",
    "space_closed": "Espace fermé sur la structure",
    "claim": "Gestionnaire inconnu ou parti",
    "no_signed_certificate": "Attestation signée pas encore revenue",
    "objection_made": "Opposition du gestionnaire averti",
    "objection_possible": "Opposition encore possible",
    "no_such_account": "Aucun compte actif à l'adresse indiquée",
    "ticket_closed": "Sollicitation déjà clôturée",
}


def row_data(row, *, values=()):
    """`model` and `values` of a row for `record`: its columns named in `values`, as they are, but for personal ones."""
    told = [name for name in values if name not in _personal(row)]
    return {"model": row._meta.label, "values": {name: _plain(getattr(row, name)) for name in told}}


def change_data(model, changes):
    """`model`, `changes` and `personal` for `record`, of Changes to a row of `model`."""
    changes, hidden = list(changes), _personal(model)
    return {
        "model": model._meta.label,
        "changes": {
            change.name: [_plain(change.old), _plain(change.new)] for change in changes if change.name not in hidden
        },
        "personal": [change.name for change in changes if change.name in hidden],
    }


def _personal(model):
    return getattr(model, "PERSONAL", ())


def sentences(data):
    """What an entry's data say, in French, a list of short lines."""
    lines = [data["name"]] if "name" in data else []
    if "cause" in data:
        lines.append(CAUSES.get(data["cause"], data["cause"]))
    lines += [f"{label} : {words}" for label, words in values_of(data)]
    lines += [f"{label} : {before or 'vide'} → {after or 'vide'}" for label, before, after in changes_of(data)]
    lines += [f"{label} : {words}" for label, words in _personal_ones(data)]
    if "services" in data:
        lines.append(f"Services : {', '.join(data['services'])}")
    if "reason" in data:
        lines.append(f"Motif : {data['reason']}")
    if "count" in data:
        lines.append(f"Nombre : {data['count']}")
    return lines


def services_of(data):
    """The services an entry names, « label (code) » as recorded; the codes go where the labels are enough to people."""
    names = data.get("services", [])
    labels = [re.sub(r" \([^()]*\)$", "", name) for name in names]
    return labels if len(set(labels)) == len(labels) else names


def facts_of(data):
    """(label, words) of what an entry's data say beside the changes: for a page that shows it all."""
    facts = [("Intitulé", data["name"])] if "name" in data else []
    if "cause" in data:
        facts.append(("Cause", CAUSES.get(data["cause"], data["cause"])))
    facts += values_of(data)
    if "services" in data:
        facts.append(("Services", ", ".join(services_of(data))))
    if "reason" in data:
        facts.append(("Motif", data["reason"]))
    if "count" in data:
        facts.append(("Nombre", data["count"]))
    return facts + _personal_ones(data)


def values_of(data):
    """(label, words) of each column that was given a value."""
    said = [_say(data, name, value) for name, value in _in_order(data, "values")]
    return [(label, words) for label, (words,) in said if words]


def changes_of(data):
    """(label, before, after) of each column that was changed."""
    said = [_say(data, name, *pair) for name, pair in _in_order(data, "changes")]
    return [(label, before, after) for label, (before, after) in said]


def _personal_ones(data):
    if "personal" not in data:
        return []
    labels = [_say(data, name)[0].lower() for name in data["personal"]]
    return [("Champs modifiés" if len(labels) > 1 else "Champ modifié", ", ".join(labels))]


def _plain(value):
    """A column's value as JSON keeps it; another row, or what JSON does not know, by its name."""
    return value if value is None or isinstance(value, str | int | float | date) else str(value)


def _in_order(data, key):
    """The (column, value) of `values` or `changes` as the table has them: PostgreSQL keeps no order in JSON."""
    columns = [field.name for field in _model(data)._meta.get_fields()] if _model(data) else []
    return sorted(data.get(key, {}).items(), key=lambda item: columns.index(item[0]) if item[0] in columns else -1)


def _model(data):
    try:
        return apps.get_model(data["model"])
    except LookupError:  # never recorded, or a table that is gone
        return None


def _say(data, name, *values):
    """(label, the values in words) of a column; one that no longer exists says its name and its values."""
    model = _model(data)
    try:
        field = model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        field = None
    if field is None:
        return name, [str(value) for value in values]
    return label_of(field), [in_words(field, _read(field, value)) for value in values]


def _read(field, value):
    """A value from JSON, as its column has it: dates come back from text."""
    if value is None or field.is_relation:
        return value
    try:
        return field.to_python(value)
    except ValidationError:
        return value
