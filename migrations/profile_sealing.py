"""Moves profiles from plain columns to sealed ones and back: a change of data that the database can't do itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from christmas.blueprint.sealed_fields import PHONE, PROFILE_FIELDS
from core.errors import PlatformError
from migrations.queries import scalar
from migrations.statements import driver, execute, load, timeouts

if TYPE_CHECKING:
    import psycopg

    from christmas.sealed.cipher import FieldCipher

BATCH = 500
ATTRIBUTE = "field_keys"
"""The key of the key ring, as JSON text, in Alembic's configuration."""

_BEFORE_ALL = -(2**31) - 1
_COLUMNS = tuple(field.column for field in PROFILE_FIELDS)
_PLAIN = ", ".join(_COLUMNS)
_SEALED = ", ".join(f"sealed_{column}" for column in _COLUMNS)
_UNSEALED = " or ".join(f"{column} is not null and sealed_{column} is null" for column in _COLUMNS)


def seal_online(columns: str, validation: str) -> None:
    """Inside a revision: make the sealed columns (the SQL named `columns`), seal in batches, validate the constraints on all rows.

    Each batch is a transaction that locks only its rows. Rows sealed by an interrupted run stay sealed; a trigger clears the
    sealed values of rows that change meanwhile, and `seal_the_rest` seals them.
    Raises PlatformError if there are rows to seal but no key ring.
    """
    from alembic import op

    with op.get_context().autocommit_block():
        connection = driver()
        with connection.transaction():
            execute(connection, load(columns))
        last: int | None = _BEFORE_ALL
        while last is not None:
            with connection.transaction():
                _bounded(connection)
                last = _seal_batch(connection, last)
        for statement in filter(None, (part.strip() for part in load(validation).split(";"))):
            with connection.transaction():
                execute(connection, statement)


def seal_the_rest() -> None:
    """Inside a revision: lock the table for the revision's transaction and seal rows that were added or changed meanwhile."""
    connection = driver()
    _bounded(connection)
    connection.execute("lock table user_profiles in access exclusive mode")
    last: int | None = _BEFORE_ALL
    while last is not None:
        last = _seal_batch(connection, last)


def open_all() -> None:
    """Inside a revision: write every sealed value into its plain column, in the revision's transaction.

    Raises PlatformError if there are sealed values but no key ring, and the errors of `FieldCipher.open`.
    """
    connection = driver()
    cipher: FieldCipher | None = None
    query = f"select user_id, {_PLAIN} from user_profiles where user_id > %s order by user_id limit {BATCH}"  # noqa: S608 - names of this module
    last = _BEFORE_ALL
    while rows := connection.execute(query.encode(), (last,)).fetchall():
        last = rows[-1][0]
        opened = []
        for row_id, *values in rows:
            if any(value is not None for value in values):
                cipher = cipher or _cipher()
                plain = [
                    None if value is None else cipher.open(field, row_id, value, retired=True)
                    for field, value in zip(PROFILE_FIELDS, values, strict=True)
                ]
                opened.append((*plain, row_id))
        _update(connection, tuple(f"plain_{column}" for column in _COLUMNS), opened)


def _bounded(connection: psycopg.Connection) -> None:
    for setting, value in timeouts("").items():
        connection.execute("select set_config(%s, %s, true)", (setting, value))


def _seal_batch(connection: psycopg.Connection, after: int) -> int | None:
    """Seal the next rows after that user; returns the last one's number, or None if none is left."""
    query = f"""
        select user_id, {_PLAIN} from user_profiles
        where user_id > %s and ({_UNSEALED}) order by user_id limit {BATCH} for no key update
    """  # noqa: S608 - names of this module
    rows = connection.execute(query.encode(), (after,)).fetchall()
    if not rows:
        return None
    cipher = _cipher()
    sealed = []
    for row_id, *values in rows:
        sealed_values = [
            None if value is None else cipher.seal(field, row_id, value) for field, value in zip(PROFILE_FIELDS, values, strict=True)
        ]
        sealed.append((*sealed_values, _phone_index(cipher, values[_COLUMNS.index(PHONE.column)]), row_id))
    _update(connection, (*(f"sealed_{column}" for column in _COLUMNS), str(PHONE.blind_index)), sealed)
    return int(rows[-1][0])


def _update(connection: psycopg.Connection, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Set the columns of the rows, each given as the columns' values and the user's number."""
    assignments = ", ".join(f"{column} = %s" for column in columns)
    with connection.cursor() as cursor:
        cursor.executemany(f"update user_profiles set {assignments} where user_id = %s".encode(), rows)  # noqa: S608 - names of this module


def _phone_index(cipher: FieldCipher, phone: str | None) -> bytes | None:
    from christmas.sealed import blind_index

    return None if phone is None else blind_index.entry(cipher.ring, PHONE, phone)


def _cipher() -> FieldCipher:
    from alembic import context

    from christmas.sealed import ring
    from christmas.sealed.cipher import FieldCipher

    text = context.config.attributes.get(ATTRIBUTE) or ""
    if not text:
        rows = scalar(driver(), "select count(*) from user_profiles")
        raise PlatformError(
            f"{rows} profiles must be sealed or opened, but there is no key ring",
            where="the stack's outputs",
            next_step="bring the stack up to date, which makes the key ring: invoke up; then run this again",
        )
    return FieldCipher(ring.from_json(text))
