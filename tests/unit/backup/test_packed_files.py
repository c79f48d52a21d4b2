"""Redis' files are compressed before they are encrypted; whoever reads them notices nothing of it but their size."""

import os
from pathlib import Path

import pytest

from airgap.errors import PlatformError
from backup.files import SetFolder, is_packed, shorten, write_hashed
from backup.sealing import Keyring, Sealer, new_identity

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


@pytest.mark.parametrize("stored", [b"no gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\x03"], ids=["another format", "cut off"])
def test_what_is_no_packed_file_is_told(folder: SetFolder, stored: bytes) -> None:
    write_hashed(folder, "redis/dump.rdb", [b"x"])
    pieces: list[bytes] = []
    sealer = Sealer(folder.keyring.recipients, pieces.append)
    sealer.feed(stored)
    sealer.close()
    (folder.path / "redis/dump.rdb.age").write_bytes(b"".join(pieces))
    with pytest.raises(PlatformError, match=r"can't be decompressed|ends too early"):
        folder.content("redis/dump.rdb")
