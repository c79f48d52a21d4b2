"""The columns that only the application can read: their values are sealed before they reach the database."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedField:
    """A column with values that the application seals, each bound to its row by the integer in `row_key`.

    `max_characters` bounds a value before it is sealed (None: the database's limit). `blind_index` names the
    column with a keyed hash of the value, if rows must be found by it.
    """

    table: str
    row_key: str
    column: str
    max_characters: int | None = None
    blind_index: str | None = None

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


def _profile(column: str, max_characters: int | None, blind_index: str | None = None) -> EncryptedField:
    return EncryptedField(table="user_profiles", row_key="user_id", column=column, max_characters=max_characters, blind_index=blind_index)


FIRST_NAME = _profile("first_name", 100)
LAST_NAME = _profile("last_name", 100)
PHONE = _profile("phone", 20, "phone_index")
ADDRESS = _profile("address", None)

ENCRYPTED_FIELDS: tuple[EncryptedField, ...] = (FIRST_NAME, LAST_NAME, PHONE, ADDRESS)
PROFILE_FIELDS: tuple[EncryptedField, ...] = tuple(field for field in ENCRYPTED_FIELDS if field.table == "user_profiles")
