"""What somebody does who owns the tables and means it: takes the triggers off, and writes."""

from django.db import connection

from history import append_only


def by_hand(statement, *values):
    # Or PostgreSQL would not touch a table whose constraints are still to be looked at.
    connection.check_constraints()
    append_only.remove(connection)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
    connection.check_constraints()
    append_only.install(connection)


def uid(text):
    """As the database keeps a UUID."""
    return text if connection.vendor == "postgresql" else text.replace("-", "")
