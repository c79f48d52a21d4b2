"""Redis' files are compressed before they are encrypted; whoever reads them notices nothing of it but their size."""

import gzip
import os
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from backup.sets.files import SetFolder, shorten, write_hashed
from backup.sets.packing import is_packed
from backup.sets.sealing import Keyring, Sealer
from core.errors import PlatformError
from tests.support.identities import new_identity

SESSIONS = b"".join(
    b"*4\r\n$4\r\nHSET\r\n$16\r\nsession:%08d\r\n$7\r\nuser_id\r\n$4\r\n%04d\r\n" % (each, each % 1000) for each in range(60_000)
)
LOG = "redis/appendonlydir/appendonly.aof.1.incr.aof"


@pytest.fixture
def folder(tmp_path: Path) -> SetFolder:
    identity, recipient = new_identity()
    return SetFolder(tmp_path, Keyring((recipient,), (identity,)))


def test_which_files_are_packed() -> None:
    assert is_packed("redis/dump.rdb")
    assert is_packed(LOG)
    for other in ("redis/users.acl", "redis/appendonlydir/appendonly.aof.manifest", "postgres/christmas_db.dump", "weaviate/x/chunk-1"):
        assert not is_packed(other)


def test_a_log_takes_a_fraction_of_its_size_and_reads_the_same(folder: SetFolder) -> None:
    record = write_hashed(folder, LOG, [SESSIONS[:100], SESSIONS[100:]])
    assert record.plain_size == len(SESSIONS)
    assert record.size < len(SESSIONS) / 4
    assert folder.content(LOG) == SESSIONS


@pytest.mark.parametrize("content", [b"", b"REDIS", os.urandom(3_000_000)], ids=["nothing", "little", "noise"])
def test_any_content_comes_back(folder: SetFolder, content: bytes) -> None:
    write_hashed(folder, "redis/dump.rdb", [content])
    assert folder.content("redis/dump.rdb") == content


def test_a_shortened_log_is_packed_too(folder: SetFolder) -> None:
    record = shorten(folder, write_hashed(folder, LOG, [SESSIONS]), 1_500_000)
    assert record.plain_size == 1_500_000
    assert folder.content(LOG) == SESSIONS[:1_500_000]
    assert [path.name for path in (folder.path / LOG).parent.iterdir()] == [f"{Path(LOG).name}.age"]


def store(folder: SetFolder, content: bytes) -> None:
    """Put the file there as some other version would have: encrypted, whatever is in it."""
    write_hashed(folder, "redis/dump.rdb", [b"x"])
    pieces: list[bytes] = []
    sealer = Sealer(folder.keyring.recipients, pieces.append)
    sealer.feed(content)
    sealer.close()
    (folder.path / "redis/dump.rdb.age").write_bytes(b"".join(pieces))


WHOLE = zstandard.ZstdCompressor(level=1, write_checksum=True).compress(SESSIONS)


@pytest.mark.parametrize(
    "stored",
    [b"", b"no format", gzip.compress(SESSIONS)[:1000], WHOLE[:1000], WHOLE[:-1], bytes([*WHOLE[:2000], WHOLE[2000] ^ 1, *WHOLE[2001:]])],
    ids=["nothing", "another format", "gzip cut off", "cut off", "one byte short", "a flipped bit"],
)
def test_what_is_no_packed_file_is_told(folder: SetFolder, stored: bytes) -> None:
    store(folder, stored)
    with pytest.raises(PlatformError, match=r"can't be decompressed|ends too early"):
        folder.content("redis/dump.rdb")


def test_a_file_of_an_older_set_is_read_too(folder: SetFolder) -> None:
    store(folder, gzip.compress(SESSIONS))
    assert folder.content("redis/dump.rdb") == SESSIONS


def test_a_file_that_grows_a_lot_takes_little_memory(folder: SetFolder) -> None:
    write_hashed(folder, "redis/dump.rdb", (bytes(1 << 20) for _ in range(300)))
    tracemalloc.start()
    try:
        assert sum(len(piece) for piece in folder.read("redis/dump.rdb")) == 300 << 20
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
