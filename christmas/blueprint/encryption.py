"""The columns that only the application can read: what the database holds of them is sealed before it gets there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedField:
    """A column whose values are sealed in the application, each bound to its row by the integer in `row_key`.

    `max_characters` is how long a value may be before it is sealed (None: as long as the database takes). `blind_index` names the
    column that holds a keyed hash of the value, where rows have to be found by it.
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
