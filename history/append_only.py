"""The triggers by which the database itself refuses to change, delete or empty the history.

They stop every program, this one included, and whoever types an UPDATE by mistake. Only the owner of the tables
can take them off, by name and on purpose: no setting does. What is done then is found by `manage.py
verify_history`. SQLite drops a table's triggers when a migration builds the table anew: such a migration ends with
`install` (tests/history/test_append_only.py fails when one is missing).
"""

TABLES = ("history_historyentry", "history_historyseal")
REFUSAL = "L'historique ne se modifie pas et ne s'efface pas."
_TRIGGER = "append_only"

# ENABLE ALWAYS: also when a session says that it only copies (session_replication_role).
_POSTGRESQL = """
CREATE OR REPLACE FUNCTION history_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{refusal}' USING ERRCODE = 'restrict_violation', HINT = TG_OP || ' ' || TG_TABLE_NAME;
END
$$;
CREATE TRIGGER {trigger} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION history_append_only();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};
"""
# INSERT OR REPLACE deletes a row without a word to its DELETE trigger: a row that is there stays.
_SQLITE = {
    "update": "BEFORE UPDATE ON {table}",
    "delete": "BEFORE DELETE ON {table}",
    "replace": "BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {taken})",
}
_TAKEN = {
    "history_historyentry": "id = NEW.id OR uid = NEW.uid",
    "history_historyseal": "position = NEW.position OR entry_id = NEW.entry_id",
}


def install(connection):
    with connection.cursor() as cursor:
        for table in TABLES:
            if connection.vendor == "postgresql":
                cursor.execute(_POSTGRESQL.format(table=table, trigger=_TRIGGER, refusal=REFUSAL.replace("'", "''")))
                continue
            for name, when in _SQLITE.items():
                moment = when.format(table=table, taken=_TAKEN[table])
                refusal = REFUSAL.replace("'", "''")
                cursor.execute(f"CREATE TRIGGER {table}_{name} {moment} BEGIN SELECT RAISE(ABORT, '{refusal}'); END")


def remove(connection):
    """For a migration that has to, and for tests, which empty their tables."""
    with connection.cursor() as cursor:
        for table in TABLES:
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TRIGGER {_TRIGGER} ON {table}")
                continue
            for name in _SQLITE:
                cursor.execute(f"DROP TRIGGER {table}_{name}")
