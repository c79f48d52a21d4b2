"""The key ring: numbered keys; the newest seals, older ones open until they are retired, and none is ever removed.

A retired key stays in the ring because older backups have rows that only it opens.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from christmas.sealed.errors import KeyRingError

KEY_BYTES = 32
FINGERPRINT_BYTES = 4
HIGHEST_NUMBER = 0xFFFF
_NEXT_STEP = "docs/security.md says how to get a ring back"


@dataclass(frozen=True)
class Key:
    """Two independent secrets under one number: `sealing` for fields, `index` for blind indexes."""

    number: int
    sealing: bytes = field(repr=False)
    index: bytes = field(repr=False)
    retired: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.number <= HIGHEST_NUMBER or len(self.sealing) != KEY_BYTES or len(self.index) != KEY_BYTES:
            raise KeyRingError("a key has an invalid number or length", where="the ring of keys", next_step=_NEXT_STEP)

    @cached_property
    def fingerprint(self) -> bytes:
        """Four bytes that tell this key from another one with its number, and reveal nothing about it."""
        return hashlib.sha256(b"christmas key fingerprint\0" + self.sealing + self.index).digest()[:FINGERPRINT_BYTES]

    @cached_property
    def encryption(self) -> bytes:
        """The AES-256 key."""
        return _derived(self.sealing, b"christmas field encryption v1")

    @cached_property
    def binding(self) -> bytes:
        """The key of the marks that tell a moved value from a changed one."""
        return _derived(self.sealing, b"christmas field binding v1")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys by ascending number. The newest is the active one and is never retired."""

    keys: tuple[Key, ...]

    def __post_init__(self) -> None:
        numbers = [key.number for key in self.keys]
        if not numbers or numbers != sorted(set(numbers)) or self.keys[-1].retired:
            raise KeyRingError("the key ring is inconsistent", where="the stack's secrets", next_step=_NEXT_STEP)

    @property
    def active(self) -> Key:
        """The key that seals."""
        return self.keys[-1]

    @property
    def live(self) -> tuple[Key, ...]:
        """The keys that open, oldest first."""
        return tuple(key for key in self.keys if not key.retired)

    def find(self, number: int) -> Key | None:
        """The key with that number, retired or not, or None."""
        return next((key for key in self.keys if key.number == number), None)

    def up_to(self, newest: int) -> KeyRing:
        """The ring with new keys for the numbers after its newest one, up to `newest`."""
        fresh = tuple(_fresh(number) for number in range(self.active.number + 1, newest + 1))
        return KeyRing(self.keys + fresh)

    def retired_below(self, number: int) -> KeyRing:
        """The ring with keys of smaller numbers retired; the active key never is, and no retirement is undone."""
        return KeyRing(tuple(replace(key, retired=key.retired or (key.number < number and key is not self.active)) for key in self.keys))

    def merged(self, other: KeyRing) -> KeyRing:
        """The keys of both rings. Raises KeyRingError if they have different keys with one number."""
        keys = {key.number: key for key in self.keys}
        for key in other.keys:
            mine = keys.setdefault(key.number, key)
            if (mine.sealing, mine.index) != (key.sealing, key.index):
                raise KeyRingError(
                    f"two rings have different keys with number {key.number}",
                    where="the stack's state and the kept file",
                    next_step="find out which one sealed the rows (invoke check), and remove the other",
                )
            keys[key.number] = replace(mine, retired=mine.retired or key.retired)
        return KeyRing(tuple(keys[number] for number in sorted(keys)))

    def as_json(self) -> str:
        """The ring as stored in Pulumi's secrets: never show it."""
        keys = [
            {"number": key.number, "sealing": _text(key.sealing), "index": _text(key.index), "retired": key.retired} for key in self.keys
        ]
        return json.dumps({"version": 1, "keys": keys})


def new_ring(newest: int = 1) -> KeyRing:
    """A ring with one new key of that number."""
    return KeyRing((_fresh(newest),))


def from_json(text: str) -> KeyRing:
    """Parse the output of `as_json`.

    Raises KeyRingError if it is empty or invalid; the message contains nothing of it.
    """
    if not text:
        raise KeyRingError(
            "there is no ring of keys for the encrypted fields",
            where="the stack's outputs",
            next_step="bring the stack up to date: invoke up",
        )
    try:
        read = json.loads(text)
        return KeyRing(tuple(_key(key) for key in _keys(read)))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        pass  # the cause would quote the unreadable text
    raise KeyRingError("the ring of keys can't be read", where="the stack's outputs", next_step=_NEXT_STEP)


def from_file(path: str | Path) -> KeyRing:
    """The ring in a file that `invoke env` wrote for an application; FIELD_KEYS_FILE has its path.

    Raises KeyRingError if it can't be read.
    """
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise KeyRingError(
            f"the ring of keys can't be read: {error.strerror}", where=str(path), next_step="write it again: invoke env --account api"
        ) from error
    return from_json(text)


def _keys(read: Any) -> Iterable[Any]:
    if read["version"] != 1:
        raise ValueError
    keys: Iterable[Any] = read["keys"]
    return keys


def _key(raw: Any) -> Key:
    return Key(int(raw["number"]), _bytes(raw["sealing"]), _bytes(raw["index"]), bool(raw["retired"]))


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


def _fresh(number: int) -> Key:
    return Key(number, secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """HKDF-SHA-256 (RFC 5869) of a random secret."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(secret)
