"""Encryption at rest with age (age-encryption.org/v1): streams in and out, with a few MiB of memory for any size.

A set's own files pass through here in backup/sets/files.py. pgBackRest's repository has a cipher of its own, aes-256-cbc
(infra/components/pgbackrest_config.py).

pyrage reads and writes files itself, so it runs in its own thread at the other end of a short queue.
"""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from core.errors import PlatformError
from core.streams import PiecesFile
from infra.connections import Platform

SUFFIX = ".age"
_PIECES_WAITING = 8
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Keyring:
    """The recipients of new files (age1…), and the identities to read with (AGE-SECRET-KEY-1…)."""

    recipients: tuple[str, ...]
    identities: tuple[str, ...] = field(repr=False)


def keyring_of(platform: Platform) -> Keyring:
    """The stack's keyring.

    Raises PlatformError if the stack has no key yet.
    """
    known = platform.backup
    if not known.recipients:
        raise PlatformError(
            what=f"stack {platform.stack} has no backup encryption key",
            where="its outputs",
            next_step="an earlier version brought it up: invoke up makes the key and changes nothing else",
        )
    return Keyring(known.recipients, known.identities)


class Sealer:
    """Encrypts the pieces it is fed and passes the result to `write` in its own thread. Everything is written only after `close`."""

    def __init__(self, recipients: Iterable[str], write: Callable[[bytes], object]) -> None:
        self._waiting = _Waiting()
        self._write = write
        self._failure: BaseException | None = None
        self._recipients = _recipients(recipients)
        self._thread = threading.Thread(target=self._run, name="age", daemon=True)
        self._thread.start()

    def feed(self, piece: bytes) -> None:
        """Encrypt the next bytes. Raises the error of an earlier write."""
        if not self._waiting.put(piece) and self._failure:
            raise self._failure

    def close(self) -> None:
        """Finish. Raises the error of an earlier write."""
        self._waiting.put(None)
        self._thread.join()
        if self._failure:
            raise self._failure

    def abandon(self) -> None:
        """Stop without finishing: the output so far is useless."""
        self._waiting.stop()
        self._thread.join()

    def _run(self) -> None:
        import pyrage

        target = _Target(self._write)
        try:
            pyrage.encrypt_io(_Source(self._waiting), target, self._recipients)
        except BaseException as error:  # raised again in the thread that feeds the pieces
            # pyrage wraps errors of our own file; the file's error is the one to act on.
            self._failure = target.failure or error
        finally:
            self._waiting.stop()


def unsealed(pieces: Iterable[bytes], identities: Iterable[str], where: str) -> Iterator[bytes]:
    """Decrypt a stream. Each piece is authentic; whether the stream is complete is known only at its end.

    Raises PlatformError if no identity fits, or the stream is damaged or cut off. Errors of `pieces` pass through.
    """
    plain = _Waiting()
    source = PiecesFile(iter(pieces))
    failure: list[BaseException] = []
    known = _identities(identities)

    def hand_on(piece: bytes) -> None:
        if not plain.put(piece):
            raise BrokenPipeError("the reader has stopped")

    def work() -> None:
        import pyrage

        try:
            pyrage.decrypt_io(source, _Target(hand_on), known)
        except BaseException as error:  # raised again in the reader's thread
            failure.append(source.failure or error)
        plain.put(None)

    thread = threading.Thread(target=work, name="age", daemon=True)
    thread.start()
    try:
        while (piece := plain.get()) is not None:
            yield piece
    finally:
        plain.stop()
        thread.join()
    if failure:
        raise _as_platform_error(failure[0], where) from failure[0]


def _as_platform_error(error: BaseException, where: str) -> BaseException:
    import pyrage

    if isinstance(error, PlatformError):
        return error
    if isinstance(error, pyrage.DecryptError) and "No matching keys" in str(error):
        return PlatformError(
            what="it is encrypted for other keys",
            where=where,
            next_step="give a key that it was encrypted for: backup.restore --identity FILE takes an operator's",
        )
    if isinstance(error, pyrage.DecryptError | OSError):
        return PlatformError(
            what=f"it can't be decrypted: it is damaged or cut off ({error})",
            where=where,
            next_step="invoke backup.verify names every damaged file; use another set or a copy",
        )
    return error


def _recipients(texts: Iterable[str]) -> list[Any]:
    import pyrage

    try:
        return [pyrage.x25519.Recipient.from_str(text) for text in texts]
    except pyrage.RecipientError as error:
        raise PlatformError(what=f"a recipient of backups is not an age recipient: {error}", where="the stack's settings") from error


def _identities(texts: Iterable[str]) -> list[Any]:
    import pyrage

    try:
        return [pyrage.x25519.Identity.from_str(text) for text in texts]
    except pyrage.IdentityError:
        # The error's text may contain the secret.
        raise PlatformError(what="an identity is not an age identity (AGE-SECRET-KEY-1…)", where="the backup's keys") from None


class _Waiting:
    """A short queue between two threads; either can stop it."""

    def __init__(self) -> None:
        self._queue: queue.Queue[bytes | None] = queue.Queue(_PIECES_WAITING)
        self._stopped = threading.Event()

    def put(self, piece: bytes | None) -> bool:
        """Add a piece, or None for the end; returns False if the other side has stopped."""
        while not self._stopped.is_set():
            try:
                self._queue.put(piece, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def get(self) -> bytes | None:
        """The next piece; None at the end.

        Raises BrokenPipeError if the other side has stopped before the end.
        """
        while True:
            try:
                return self._queue.get(timeout=0.1)
            except queue.Empty:
                if self._stopped.is_set():
                    raise BrokenPipeError("it was abandoned") from None

    def stop(self) -> None:
        """Wake up and release both sides."""
        self._stopped.set()


class _Source(io.RawIOBase):
    """The queue as a readable file."""

    def __init__(self, waiting: _Waiting) -> None:
        self._waiting = waiting
        self._rest = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._rest and not self._ended:
            piece = self._waiting.get()
            self._ended = piece is None
            self._rest = memoryview(piece or b"")
        size = len(self._rest) if size < 0 else size
        part, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return part


class _Target(io.RawIOBase):
    """A function as a writable file; keeps the function's error."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self.failure: BaseException | None = None

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        try:
            self._write(bytes(piece))
        except BaseException as error:
            self.failure = error
            raise
        return len(cast(bytes, piece))
