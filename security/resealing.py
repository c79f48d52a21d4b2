"""Seals every row with the active key, a batch at a time, while applications go on working."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from christmas.blueprint.sealed_fields import PHONE, PROFILE_FIELDS
from christmas.sealed import blind_index
from christmas.sealed.cipher import FieldCipher
from christmas.sealed.errors import FieldError
from christmas.sealed.ring import KeyRing
from core.progress import Progress
from security.statements import statement

if TYPE_CHECKING:
    import psycopg

BATCH = 500
_BEFORE_ALL = -(2**31) - 1


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many rows were sealed anew, and why others could not be: those stay as they are."""

    rows: int
    refused: tuple[FieldError, ...]


def reseal(connection: psycopg.Connection, ring: KeyRing, progress: Progress, batch: int = BATCH) -> Resealed:
    """Seal with the active key what is sealed with any other, retired ones included, and hash phones anew along with it.

    `connection` is account `api`'s, in autocommit: each batch is a transaction that locks its own rows alone, so an interrupted run is
    simply run again. A row that can't be opened is left as it is and reported.
    """
    cipher = FieldCipher(ring)
    head = ring.active.number.to_bytes(2) + ring.active.fingerprint
    counted = connection.execute(statement("count_rows_to_seal"), {"head": head}).fetchone()
    total = int(counted[0]) if counted else 0
    progress.status(f"sealing {total} rows with key {ring.active.number}")
    refused: list[FieldError] = []
    done, after = 0, _BEFORE_ALL
    while True:
        with connection.transaction():
            rows = connection.execute(statement("rows_to_seal"), {"after": after, "head": head, "batch": batch}).fetchall()
            if not rows:
                return Resealed(done, tuple(refused))
            sealed: list[dict[str, Any]] = []
            for row_id, *values in rows:
                try:
                    sealed.append(_sealed_anew(cipher, row_id, values))
                except FieldError as error:
                    refused.append(error)
            with connection.cursor() as cursor:
                cursor.executemany(statement("keep_sealed"), sealed)
        after = rows[-1][0]
        done += len(sealed)
        progress.count(done, max(total, done), "rows")


def _sealed_anew(cipher: FieldCipher, row_id: int, values: list[bytes | None]) -> dict[str, Any]:
    row: dict[str, Any] = {"user_id": row_id, str(PHONE.blind_index): None}
    for field, value in zip(PROFILE_FIELDS, values, strict=True):
        plain = None if value is None else cipher.open(field, row_id, value, retired=True)
        row[field.column] = None if plain is None else cipher.seal(field, row_id, plain)
        if field is PHONE and plain is not None:
            row[str(PHONE.blind_index)] = blind_index.entry(cipher.ring, field, plain)
    return row
