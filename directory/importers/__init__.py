"""Reading the public files the directory is loaded from, in flat memory.

`sources` opens a file and cuts it into chunks, `kinds` tells its kind by its columns, one .sql a kind turns cells into
establishments or what is wrong with them, by the words of `macros.sql`; `reading` has DuckDB do it, `writing` has the
database write what differs, `faults` explains the few lines left out. `directory.actions` runs it all.
"""
