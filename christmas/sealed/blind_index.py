"""Keyed hashes to find rows by a sealed value: equal values have equal hashes, and only the key's holder can compute them."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

from christmas.blueprint.sealed_fields import EncryptedField
from christmas.sealed.ring import Key, KeyRing


def normalized_phone(phone: str) -> str:
    """A phone number without punctuation; a leading 00 becomes +.

    Nothing else changes, so that different numbers stay different.
    """
    text = unicodedata.normalize("NFKC", phone)
    bare = "".join(
        character
        for character in text
        if not (character.isspace() or unicodedata.category(character) in ("Pd", "Cf") or character in "().·/")
    )
    return f"+{bare[2:]}" if bare.startswith("00") else bare.casefold()


def entry(ring: KeyRing, field: EncryptedField, text: str) -> bytes:
    """The value of a row's index column for this text, by the active key."""
    return _entry(ring.active, field, text)


def candidates(ring: KeyRing, field: EncryptedField, text: str) -> list[bytes]:
    """The possible index values of rows with this text: one for each key that is not retired, the active one's first."""
    return [_entry(key, field, text) for key in reversed(ring.live)]


def _entry(key: Key, field: EncryptedField, text: str) -> bytes:
    value = f"{field.table}\0{field.column}\0{normalized_phone(text)}".encode()
    return key.number.to_bytes(2) + key.fingerprint + hmac.digest(key.index, value, hashlib.sha256)
