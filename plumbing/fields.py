"""Columns kept for searching and sorting what people typed."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from plumbing.text import search_key


class CodeField(models.CharField):
    """Text compared byte by byte, so that one index serves equality, order and prefixes."""

    def db_parameters(self, connection):
        # SQLite compares bytes by itself, and knows no collation of that name.
        collation = "C" if connection.vendor == "postgresql" else None
        return super().db_parameters(connection) | {"collation": collation}


class SearchKeyField(CodeField):
    """The search key of another column, computed whenever a row is saved.

    `QuerySet.update()` does not go through it: whoever updates `source` that way must not.
    """

    def __init__(self, source, **options):
        self.source = source
        super().__init__(**{"max_length": 250, "editable": False, "default": ""} | options)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        return name, path, [self.source, *args], kwargs

    def pre_save(self, model_instance, add):
        key = search_key(getattr(model_instance, self.source))[: self.max_length]
        setattr(model_instance, self.attname, key)
        return key


class TrigramIndex(GinIndex):
    """Finds any three letters inside columns, on PostgreSQL; SQLite reads the table instead."""

    def __init__(self, *, fields, **options):
        super().__init__(fields=fields, **{"opclasses": ["gin_trgm_ops"] * len(fields)} | options)

    def create_sql(self, model, schema_editor, using="", **kwargs):
        if schema_editor.connection.vendor == "postgresql":
            return super().create_sql(model, schema_editor, using, **kwargs)
        return NOTHING_TO_DO

    def remove_sql(self, model, schema_editor, **kwargs):
        if schema_editor.connection.vendor == "postgresql":
            return super().remove_sql(model, schema_editor, **kwargs)
        return NOTHING_TO_DO


# Django runs whatever an index says of itself.
NOTHING_TO_DO = "SELECT 1"
