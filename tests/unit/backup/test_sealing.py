"""Encryption at rest: what comes back, who can read it, what is told of damage, and how little memory it takes."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pyrage
import pytest

from backup.sets.sealing import Sealer, unsealed
from core.errors import PlatformError
from tests.support.identities import new_identity

OWN, RECIPIENT = new_identity()
OTHER, OTHER_RECIPIENT = new_identity()


def sealed(content: bytes, *recipients: str, piece: int = 100_000) -> bytes:
    found: list[bytes] = []
    sealer = Sealer(recipients or (RECIPIENT,), found.append)
    for start in range(0, len(content), piece):
        sealer.feed(content[start : start + piece])
    sealer.close()
    return b"".join(found)


def plain(stored: bytes, *identities: str, piece: int = 70_000) -> bytes:
    pieces = (stored[start : start + piece] for start in range(0, len(stored), piece))
    return b"".join(unsealed(pieces, identities or (OWN,), "a set: a file"))


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_000_000])
def test_what_goes_in_comes_out_and_any_age_reads_it(size: int) -> None:
    content = os.urandom(size)
    stored = sealed(content)
    assert plain(stored) == content
    assert pyrage.decrypt(stored, [pyrage.x25519.Identity.from_str(OWN)]) == content
    assert plain(pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(RECIPIENT)])) == content


def test_every_recipient_reads_it_and_nobody_else() -> None:
    stored = sealed(b"words", RECIPIENT, OTHER_RECIPIENT)
    assert plain(stored) == plain(stored, OTHER) == plain(stored, OTHER, OWN) == b"words"
    with pytest.raises(PlatformError, match="encrypted for other keys") as told:
        plain(sealed(b"words"), OTHER)
    assert OTHER not in str(told.value)


def test_no_flipped_byte_goes_unseen() -> None:
    stored = sealed(os.urandom(200_000))
    for place in (0, 40, len(stored) // 4, len(stored) // 2, len(stored) - 1):
        damaged = bytearray(stored)
        damaged[place] ^= 1
        with pytest.raises(PlatformError, match=r"can't be decrypted|other keys"):
            plain(bytes(damaged))


@pytest.mark.parametrize("kept", [0, 10, 200, 66_000, -1])
def test_what_was_cut_off_is_never_taken_for_whole(kept: int) -> None:
    stored = sealed(os.urandom(200_000))
    with pytest.raises(PlatformError, match="damaged or cut off"):
        plain(stored[:kept])


def test_a_failing_disk_and_a_failing_source_are_told_as_they_are() -> None:
    def full(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    def fill() -> None:
        sealer = Sealer((RECIPIENT,), full)
        for _ in range(100):
            sealer.feed(bytes(1_000_000))
        sealer.close()

    with pytest.raises(OSError, match="No space left"):
        fill()

    def broken() -> Iterator[bytes]:
        yield sealed(bytes(300_000))[:100_000]
        raise PlatformError(what="the connection breaks", where="somewhere")

    with pytest.raises(PlatformError, match="the connection breaks"):
        b"".join(unsealed(broken(), (OWN,), "a set: a file"))


def test_reading_may_stop_anywhere() -> None:
    pieces = unsealed(iter([sealed(bytes(5_000_000))]), (OWN,), "a set: a file")
    assert next(pieces)
    pieces.close()  # type: ignore[attr-defined]


def test_an_identity_is_never_shown_where_it_is_wrong() -> None:
    with pytest.raises(PlatformError) as told:
        list(unsealed(iter([sealed(b"x")]), ("AGE-SECRET-KEY-1NONSENSE",), "a set: a file"))
    assert "NONSENSE" not in f"{told.value}{told.value.__cause__}"


def test_memory_stays_small_whatever_the_size() -> None:
    """300 MB there and back in a process of its own."""
    program = (
        "import resource, sys, tempfile; from backup.sets.sealing import Sealer, unsealed\n"
        "from tests.support.identities import new_identity\n"
        "own, recipient = new_identity(); file = tempfile.TemporaryFile(); sealer = Sealer((recipient,), file.write)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for _ in range(300): sealer.feed(bytes(1 << 20))\n"
        "sealer.close(); file.seek(0)\n"
        "total = sum(map(len, unsealed(iter(lambda: file.read(1 << 20), b''), (own,), 'x')))\n"
        "assert total == 300 << 20, total\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60
