"""Compression of a set's own files before encryption: for Redis' data, the audit and long lists, which nothing else compresses."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import zstandard

from core.errors import PlatformError

# The fastest usual level: a backup must not take processor time from the stores.
_LEVEL = 1
# Bytes to decompress at once. The output is held in memory: at worst 128 KiB for every 4 bytes.
_SLICE = 512
EVIDENCE_PATH = "postgres/evidence.json"
"""What a set knows about each relation of PostgreSQL: a line for each chunk."""
_GZIP_MAGIC, _GZIP = b"\x1f\x8b", 31
"""The format of older sets (RFC 1952), before zstd (RFC 8878): they stay readable."""


def is_packed(path: str) -> bool:
    """Whether a set's own file is compressed before it is encrypted."""
    return path == EVIDENCE_PATH or (path.startswith(("redis/", "audit/")) and path.endswith((".rdb", ".aof", ".jsonl")))


def packer() -> Any:
    """A compressor with zlib's `compress` and `flush`."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()


def unpacked(pieces: Iterable[bytes], where: str) -> Iterator[bytes]:
    """Decompress a stream, in pieces of bounded size.

    Raises PlatformError if it is damaged or incomplete.
    """
    unpacker: Any = None
    try:
        for piece in _slices(pieces):
            unpacker = unpacker or _unpacker(piece)
            if not unpacker.eof and (plain := unpacker.decompress(piece)):
                yield plain
    except (zlib.error, zstandard.ZstdError) as error:
        raise PlatformError(
            what=f"it can't be decompressed ({error})", where=where, next_step="invoke backup.verify names what is damaged"
        ) from error
    if unpacker is None or not unpacker.eof:
        raise PlatformError(what="it ends too early", where=where, next_step="invoke backup.verify names what is damaged")


def _slices(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), _SLICE):
            yield piece[start : start + _SLICE]


def _unpacker(beginning: bytes) -> Any:
    if beginning.startswith(_GZIP_MAGIC):
        return zlib.decompressobj(_GZIP)
    return zstandard.ZstdDecompressor().decompressobj()
