"""Seals and opens single fields: AES-256-GCM, each value bound to its table, column and row."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from christmas.blueprint.sealed_fields import EncryptedField
from christmas.sealed.envelope import BLOCK_BYTES, MARK_BYTES, NONCE_BYTES, TRUNCATED, Envelope, header, padded, parse, unpadded
from christmas.sealed.errors import (
    RESTORE,
    ROTATE,
    AlteredError,
    MovedError,
    RetiredKeyError,
    TruncatedError,
    UnknownKeyError,
    ValueTooLongError,
    WrongKeyError,
)
from christmas.sealed.ring import Key, KeyRing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NEW_RING = "read the stack's key ring again: restart the application, or write its settings again with invoke env"
_LOST = "docs/security.md says how to get a ring back"


class FieldCipher:
    """Seals with the ring's active key and opens with every key that is not retired.

    `renew` reads the ring again from its source: it is called for a value with an unknown key, since keys may have been rotated.
    """

    def __init__(self, ring: KeyRing, renew: Callable[[], KeyRing] | None = None) -> None:
        self._ring = ring
        self._renew = renew

    def __repr__(self) -> str:
        return f"{type(self).__name__}(active key {self._ring.active.number})"

    @property
    def ring(self) -> KeyRing:
        """The ring in use."""
        return self._ring

    def renewed(self) -> bool:
        """Read the ring again if possible; returns whether it changed.

        Useful when a blind index finds nothing: a row may be hashed with a newer key.
        """
        before = self._ring
        if self._renew is not None:
            self._ring = self._renew()
        return self._ring != before

    def seal(self, field: EncryptedField, row: int, text: str) -> bytes:
        """The sealed value, different every time. Raises ValueTooLongError for a value longer than declared."""
        _refuse_too_long(field, row, text)
        key = self._ring.active
        place = _place(field, row)
        data = padded(text)
        head = header(key.number, key.fingerprint, len(data) // BLOCK_BYTES, _mark(key, place))
        nonce = secrets.token_bytes(NONCE_BYTES)
        return head + nonce + _aead(key.encryption).encrypt(nonce, data, head + place)

    def open(self, field: EncryptedField, row: int, sealed: bytes, *, retired: bool = False) -> str:
        """The plain value; with `retired`, retired keys open it too, to seal it again.

        Raises one of the errors of `christmas.sealed.errors`, each for one cause.
        """
        where = f"{field}, {field.row_key} {row}"
        envelope = parse(bytes(sealed), where)
        key = self._key(envelope, where, retired=retired)
        place = _place(field, row)
        plain = _opened(key, envelope, place, envelope.head)
        if plain is None:
            raise _diagnosis(key, envelope, place, where)
        return plain

    def _key(self, envelope: Envelope, where: str, *, retired: bool) -> Key:
        key = self._ring.find(envelope.number)
        if key is None and self.renewed():
            key = self._ring.find(envelope.number)
        if key is None:
            what = f"sealed with key {envelope.number}, which is not on the ring; it has {_numbers(self._ring.keys)}"
            raise UnknownKeyError(what, where=where, next_step=_NEW_RING)
        if key.retired and not retired:
            raise RetiredKeyError(f"sealed with key {key.number}, which is retired", where=where, next_step=ROTATE)
        return key


def _opened(key: Key, envelope: Envelope, place: bytes, head: bytes) -> str | None:
    from cryptography.exceptions import InvalidTag

    try:
        return unpadded(_aead(key.encryption).decrypt(envelope.nonce, envelope.body, head + place))
    except InvalidTag:
        return None


def _diagnosis(key: Key, envelope: Envelope, place: bytes, where: str) -> Exception:
    """Why a tag does not match: another key with that number, another place, a wrong length, or changed bits."""
    mark = _mark(key, place)
    expected = header(key.number, key.fingerprint, envelope.blocks_there, mark)
    # If it opens with a correct header, then only the header was changed.
    if _opened(key, envelope, place, expected) is None:
        if envelope.fingerprint != key.fingerprint:
            return WrongKeyError(f"sealed with another key {key.number} than the ring's", where=where, next_step=_LOST)
        if envelope.mark != mark:
            return MovedError("the sealed value belongs to another row or column", where=where, next_step=RESTORE)
        if envelope.blocks != envelope.blocks_there:
            return TruncatedError(TRUNCATED, where=where, next_step=RESTORE)
    return AlteredError("the sealed value was altered", where=where, next_step=RESTORE)


def _place(field: EncryptedField, row: int) -> bytes:
    """The place that a value is bound to, encoded without ambiguity."""
    parts = (field.table, field.column, str(row))
    return b"".join(len(part.encode()).to_bytes(2) + part.encode() for part in parts)


def _mark(key: Key, place: bytes) -> bytes:
    return hmac.digest(key.binding, place, hashlib.sha256)[:MARK_BYTES]


@lru_cache(maxsize=64)
def _aead(secret: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(secret)


def _refuse_too_long(field: EncryptedField, row: int, text: str) -> None:
    if field.max_characters is not None and len(text) > field.max_characters:
        raise ValueTooLongError(
            f"the value has {len(text)} characters, {field.max_characters} are taken", where=f"{field}, {field.row_key} {row}"
        )


def _numbers(keys: Sequence[Key]) -> str:
    return ", ".join(str(key.number) for key in keys)
