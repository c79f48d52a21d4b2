"""The bytes of a sealed value: a plain header, a nonce, and the ciphertext with its tag.

| bytes | holds |
| --- | --- |
| 1 | 0xC1, which no UTF-8 text contains: plain text never looks like a sealed value |
| 1 | the version of this format, 1 |
| 2 | the key's number |
| 4 | the key's fingerprint |
| 4 | how many blocks of 16 bytes the value takes |
| 8 | a keyed mark of table, column and row |
| 12 | the nonce, random |
| 16 n | the value in UTF-8, padded |
| 16 | the tag of AES-GCM |
"""

from __future__ import annotations

from dataclasses import dataclass

from christmas.sealed.errors import RESTORE, NotSealedError, TruncatedError
from christmas.sealed.ring import FINGERPRINT_BYTES

PREFIX = b"\xc1\x01"
LENGTH_BYTES = 4
MARK_BYTES = 8
NONCE_BYTES = 12
TAG_BYTES = 16
BLOCK_BYTES = 16
HEADER_BYTES = len(PREFIX) + 2 + FINGERPRINT_BYTES + LENGTH_BYTES + MARK_BYTES
OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + TAG_BYTES
SHORTEST = OVERHEAD_BYTES + BLOCK_BYTES
TRUNCATED = "the sealed value is cut short or has bytes added"
_NOT_SEALED = "the column's CHECK refuses such values: check that it exists (invoke migrate.drift)"


@dataclass(frozen=True, slots=True, repr=False)
class Envelope:
    """The parts of a sealed value: `head` is the plain, authenticated header, `body` the ciphertext with its tag."""

    head: bytes
    nonce: bytes
    body: bytes

    @property
    def number(self) -> int:
        """The key's number."""
        return int.from_bytes(self.head[2:4])

    @property
    def fingerprint(self) -> bytes:
        """The key's fingerprint."""
        return self.head[4:8]

    @property
    def blocks(self) -> int:
        """The number of blocks in the header."""
        return int.from_bytes(self.head[8:12])

    @property
    def blocks_there(self) -> int:
        """The number of blocks present."""
        return (len(self.body) - TAG_BYTES) // BLOCK_BYTES

    @property
    def mark(self) -> bytes:
        """The mark of the value's place."""
        return self.head[12:]


def header(number: int, fingerprint: bytes, blocks: int, mark: bytes) -> bytes:
    """The bytes of the plain header."""
    return PREFIX + number.to_bytes(2) + fingerprint + blocks.to_bytes(LENGTH_BYTES) + mark


def parse(sealed: bytes, where: str) -> Envelope:
    """Split a sealed value into its parts.

    Raises NotSealedError if it doesn't begin like one, TruncatedError if it has no whole number of blocks.
    """
    if not sealed or sealed[: len(PREFIX)] != PREFIX[: len(sealed)]:
        raise NotSealedError("the stored value is not sealed in a known version", where=where, next_step=_NOT_SEALED)
    if len(sealed) < SHORTEST or (len(sealed) - OVERHEAD_BYTES) % BLOCK_BYTES:
        raise TruncatedError(TRUNCATED, where=where, next_step=RESTORE)
    return Envelope(sealed[:HEADER_BYTES], sealed[HEADER_BYTES : HEADER_BYTES + NONCE_BYTES], sealed[HEADER_BYTES + NONCE_BYTES :])


def padded(text: str) -> bytes:
    """The text in UTF-8, padded to whole blocks (ISO/IEC 7816-4), so that a short name's length is hidden."""
    data = text.encode() + b"\x80"
    return data + bytes(-len(data) % BLOCK_BYTES)


def unpadded(data: bytes) -> str:
    """The text without padding. Raises ValueError for invalid padding."""
    content, marker, rest = data.rpartition(b"\x80")
    if not marker or rest.strip(b"\0"):
        raise ValueError("no padding")
    return content.decode()
