"""The classes that describe keyspaces: the name of a key, the content of its value, and the encoding of a name's variable part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import quote, unquote

from christmas.blueprint.model import BlueprintError, require

_KEY_PART = re.compile(r"[A-Za-z0-9._@/^=+&-]{1,200}")
# 20 characters of four bytes each, percent-encoded.
_ENCODED_KEY_PART = re.compile(r"[A-Za-z0-9._@/^=+&%~-]{1,240}")
_HASHED_PART = re.compile(r"(?:-?[0-9]{1,19}\.)?[0-9a-f]{64}")
_SAFE = "._@/^=+&-"
_KEY_PART_WITH_COLONS = re.compile(r"[A-Za-z0-9._@/^=+&:-]{1,200}")


class ValueType(StrEnum):
    """Redis value types, in the words of the TYPE command."""

    STRING = "string"
    HASH = "hash"


class NameTells(StrEnum):
    """What the name of a key reveals to everybody who may list names (docs/adr/0610). A name never contains a credential."""

    NOTHING = "nothing that isn't public"
    USER = "a user's number"
    ADDRESS = "a client's address"


class FieldType(StrEnum):
    """Types of a keyspace's fields, as applications see them."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    TIMESTAMP = "timestamp"  # ISO 8601 with an offset
    TEXT_LIST = "text_list"  # JSON array of strings
    JSON = "json"


@dataclass(frozen=True, slots=True)
class KeyField:
    """A field of a keyspace's value."""

    name: str
    type: FieldType
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyspace:
    """A family of Redis keys: `pattern` has one `{part}`, every key expires after `ttl`.

    `extra_fields` is the type of undeclared fields; None refuses them. `max_bytes` bounds the names and values of one key together.
    With `hashed`, a part ends in the SHA-256, in hexadecimal, of a secret that only the client has: other parts are accepted, but the
    checks report them. With `encodes`, a part may have any character: those that a key can't have are percent-encoded. Without it they
    are refused.
    """

    name: str
    pattern: str
    comment: str
    value_type: ValueType
    name_tells: NameTells
    fields: tuple[KeyField, ...]
    ttl: timedelta
    max_bytes: int
    encoding: str = "fields"  # "fields": hash fields; "json": one JSON object; "integer": a counter
    extra_fields: FieldType | None = None
    encodes: bool = False
    hashed: bool = False

    def __post_init__(self) -> None:
        require(self.pattern.count("{") == 1 == self.pattern.count("}"), f"keyspace {self.name}: the pattern needs exactly one part")
        require(self.ttl > timedelta(0), f"keyspace {self.name}: keys must expire")

    @property
    def glob(self) -> str:
        """The pattern for Redis' ACLs and SCAN."""
        return re.sub(r"\{[^}]+\}", "*", self.pattern)

    def key(self, part: str | int) -> str:
        """The key of one part.

        Raises BlueprintError for a part that is empty, over 200 characters, or has anything but letters, digits and `._@/^=+&-`:
        enough for names of sessions, users and symbols (`BRK.B`, `BTC/USDT`, `^GSPC`), and without characters that Redis' patterns, logs
        or shells interpret. A colon is allowed, for IPv6 addresses, if the pattern ends with the part; elsewhere it would
        shift the part's end. With `encodes`, any other character becomes the bytes of its UTF-8, each as %XX: no two parts
        share a key.
        """
        text = self._encoded(str(part)) if self.encodes else str(part)
        allowed = self._allowed
        require(allowed.fullmatch(text) is not None, f"keyspace {self.name}: {text[:40]!r} can't be part of a key")
        return re.sub(r"\{[^}]+\}", lambda _: text, self.pattern)

    def part(self, key: str) -> str | None:
        """The part of a key, or None if `key` could not have made it."""
        before, after = re.split(r"\{[^}]+\}", self.pattern)
        text = key[len(before) : len(key) - len(after)]
        if key != before + text + after or not self._allowed.fullmatch(text):
            return None
        if not self.encodes:
            return text
        part = unquote(text, errors="replace")
        return part if self._encoded(part) == text else None

    def covers(self, key: str) -> bool:
        """Whether the key matches the pattern as in Redis' ACLs and SCAN, even with a part that `key` refuses."""
        before, after = re.split(r"\{[^}]+\}", self.pattern)
        return len(key) > len(before) + len(after) and key.startswith(before) and key.endswith(after)

    def hides_its_secret(self, part: str) -> bool:
        """Whether a part is hashed as declared: False for a name that may itself be the secret."""
        return not self.hashed or _HASHED_PART.fullmatch(part) is not None

    @property
    def _allowed(self) -> re.Pattern[str]:
        if self.encodes:
            return _ENCODED_KEY_PART
        return _KEY_PART_WITH_COLONS if self.pattern.endswith("}") else _KEY_PART

    def _encoded(self, part: str) -> str:
        try:
            return quote(part, safe=_SAFE)
        except UnicodeEncodeError:
            raise BlueprintError(f"keyspace {self.name}: {part[:40]!r} can't be part of a key") from None
