"""Reading the public files the directory is loaded from, as streams and with flat memory.

`sources` opens a file, `headers` tells its kind, one module a kind turns its lines into
establishments (`portal`, `education`, `sirene`), `tables` compares them with the database and
writes what differs. `structures.actions.imports` runs it all.
"""
