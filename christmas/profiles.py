"""Users' profiles: names, phone and address are sealed before they are stored and opened when they are read."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

from christmas.blueprint.queries import PROFILE_BY_PHONE
from christmas.blueprint.sealed_fields import PHONE, PROFILE_FIELDS
from christmas.sealed import blind_index

if TYPE_CHECKING:
    import psycopg

    from christmas.sealed.cipher import FieldCipher


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A row of `user_profiles` in plain text. Its repr shows only the user's id."""

    user_id: int
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    address: str | None = field(default=None, repr=False)
    preferences: Mapping[str, Any] | None = field(default=None, repr=False)


class _Sealed:
    """The common part of both kinds of accessor: profiles to columns and back."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    def parameters(self, profile: Profile) -> dict[str, Any]:
        """A profile's column values, by name. Raises ValueTooLongError."""
        from psycopg.types.json import Jsonb

        sealed: dict[str, Any] = {
            profile_field.column: None
            if (value := getattr(profile, profile_field.column)) is None
            else self._cipher.seal(profile_field, profile.user_id, value)
            for profile_field in PROFILE_FIELDS
        }
        return sealed | {
            "user_id": profile.user_id,
            str(PHONE.blind_index): None if profile.phone is None else blind_index.entry(self._cipher.ring, PHONE, profile.phone),
            "preferences": None if profile.preferences is None else Jsonb(dict(profile.preferences)),
        }

    def _entries(self, phone: str) -> dict[str, list[bytes]]:
        return {"entries": blind_index.candidates(self._cipher.ring, PHONE, phone)}

    def _opened(self, row: Sequence[Any]) -> Profile:
        user_id, *sealed, preferences = row
        plain = {
            profile_field.column: None if value is None else self._cipher.open(profile_field, user_id, value)
            for profile_field, value in zip(PROFILE_FIELDS, sealed, strict=True)
        }
        return Profile(user_id=user_id, preferences=preferences, **plain)


class Profiles(_Sealed):
    """Reads and writes profiles on connections of account `api`, in the caller's transaction.

    Every method raises the errors of `FieldCipher`: a value that can't be opened is an error, never an empty field.
    """

    def read(self, connection: psycopg.Connection, user_id: int) -> Profile | None:
        """The user's profile; None for a user without one."""
        row = connection.execute(_statement("read_profile"), {"user_id": user_id}).fetchone()
        return None if row is None else self._opened(row)

    def write(self, connection: psycopg.Connection, profile: Profile) -> None:
        """Insert or replace the profile. Raises psycopg's errors too, for example for a missing user."""
        connection.execute(_statement("write_profile"), self.parameters(profile))

    def find_by_phone(self, connection: psycopg.Connection, phone: str) -> list[Profile]:
        """The profiles with this number, regardless of punctuation; more than one if people share it."""
        rows = connection.execute(_by_phone(), self._entries(phone)).fetchall()
        if not rows and self._cipher.renewed():
            rows = connection.execute(_by_phone(), self._entries(phone)).fetchall()
        return [self._opened(row) for row in rows]


class AsyncProfiles(_Sealed):
    """The same for asyncio, on asynchronous connections."""

    async def read(self, connection: psycopg.AsyncConnection, user_id: int) -> Profile | None:
        """The user's profile; see Profiles.read."""
        row = await (await connection.execute(_statement("read_profile"), {"user_id": user_id})).fetchone()
        return None if row is None else self._opened(row)

    async def write(self, connection: psycopg.AsyncConnection, profile: Profile) -> None:
        """Insert or replace the profile; see Profiles.write."""
        await connection.execute(_statement("write_profile"), self.parameters(profile))

    async def find_by_phone(self, connection: psycopg.AsyncConnection, phone: str) -> list[Profile]:
        """The profiles with this number; see Profiles.find_by_phone."""
        rows = await (await connection.execute(_by_phone(), self._entries(phone))).fetchall()
        if not rows and self._cipher.renewed():
            rows = await (await connection.execute(_by_phone(), self._entries(phone))).fetchall()
        return [self._opened(row) for row in rows]


@functools.cache
def _statement(name: str) -> LiteralString:
    # The files are part of the program, so their text is as trusted as a literal.
    text: LiteralString = (Path(__file__).parent / "sql" / f"{name}.sql").read_text("utf-8")
    return text


def _by_phone() -> bytes:
    return PROFILE_BY_PHONE.sql.encode()
