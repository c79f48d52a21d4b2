"""How every session of a superuser begins: nothing that an account planted is found by a name that stands alone.

An owner may put functions, operators and tables into its schemas, and may set its database's `search_path`. Whoever connects as a superuser
takes the database's name from here: what is said when a session begins weighs more than what is set for a database or a role, and
PostgreSQL's own schema is all that is searched (docs/adr/0018).
"""

from __future__ import annotations

SEARCH_PATH = "pg_catalog,pg_temp"
"""PostgreSQL's own schema; the session's temporary one last, where it would otherwise be searched first."""


def database(name: str) -> str:
    """A database as psql takes it (`--dbname`), with the path of the session that begins in it."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{quoted}' options='-c search_path={SEARCH_PATH}'"
