"""Whether two spellings of an object mean the same: the server parses each of them and prints it again.

A server prints a parsed definition, and may print that one differently again: `status in ('a', 'b')` on a
varchar column comes back with a cast of the array, and after a dump and a restore with a cast of each element, which is stable.
So each spelling is parsed and printed until it no longer changes, and the results are compared. All of it happens in a schema
that others never see, as its transaction is rolled back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations.schema.inventory import INNER, read_objects

if TYPE_CHECKING:
    import psycopg

# Kinds with expressions. All others are compared as text.
PARSED = frozenset({"table", "view", "constraint", "index", "trigger", "function"})
_ON_A_TABLE = frozenset({"constraint", "index", "trigger"})
_ROUNDS = 5


def same(connection: psycopg.Connection, kind: str, name: str, first: str, second: str) -> bool:
    """Whether the server parses both definitions of an object, in the inventory's form, to the same result.

    `connection` must be allowed to create a schema, and not be in a transaction. An unparsable definition is different.
    """
    if kind not in PARSED:
        return first == second
    ends = [_settled(connection, kind, name, text) for text in (first, second)]
    return ends[0] is not None and ends[0] == ends[1]


def _settled(connection: psycopg.Connection, kind: str, name: str, text: str) -> str | None:
    """The stable spelling; None if the server can't parse it."""
    # The comment after the definition is not SQL.
    text, mark, said = text.partition("; -- ")
    text = f"{text};" if mark else text
    for _ in range(_ROUNDS):
        again = _reread(connection, kind, name, text)
        if again is None:
            return None
        if again == text:
            break
        text = again
    return text + mark + said


def _reread(connection: psycopg.Connection, kind: str, name: str, text: str) -> str | None:
    """Create the object in the inner schema, and read it back."""
    import psycopg
    from psycopg import sql

    table = sql.Identifier(name.split(".", maxsplit=1)[0])
    inner = sql.Identifier(INNER)
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("create schema {}").format(inner))
            connection.execute(sql.SQL("set local search_path = {}, public").format(inner))
            connection.execute("set local check_function_bodies = off")
            connection.execute("set local lock_timeout = '5s'")
            if kind in _ON_A_TABLE:
                connection.execute(sql.SQL("create table {}.{} (like public.{} including generated)").format(inner, table, table))
            connection.execute(_moved(kind, text).encode())
            reread = read_objects(connection, INNER).get((kind, name))
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error:
        return None
    return None if reread is None else reread.replace(f"{INNER}.", "public." if kind in ("index", "function") else "").partition("; -- ")[0]


def _moved(kind: str, text: str) -> str:
    """The definition for the inner schema; if the server names a schema, it is the first name."""
    if kind == "index":
        return text.replace(" ON public.", f" ON {INNER}.", 1).replace(" ON ONLY public.", f" ON ONLY {INNER}.", 1)
    return text.replace("FUNCTION public.", f"FUNCTION {INNER}.", 1) if kind == "function" else text
