"""A bucket as a place. Temporary failures are retried; permanent ones become errors that name the setting to fix."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from backup.storage.places import Content, MissingError
from core.errors import PlatformError
from core.progress import Progress, SilentProgress
from infra.backup_places import S3Place

if TYPE_CHECKING:
    from obstore.store import S3Store

_T = TypeVar("_T")
# One range of a download, and one part of an upload. S3 takes 10,000 parts.
_PIECE = 8 << 20
_MOST_PARTS = 9_000
_PARTS_AT_ONCE = 3
_TRIES = 4
_RETRIES_OF_A_REQUEST = 3


class BucketPlace:
    """Everything below a prefix of a bucket. Holds a few pieces in memory, never a whole file."""

    def __init__(self, settings: S3Place, folder: str = "", progress: Progress | None = None) -> None:
        self._settings = settings
        self._folder = folder
        self._progress = progress or SilentProgress()
        self.where = settings.where + (f"/{folder}" if folder else "")
        self._store: S3Store | None = None

    @property
    def store(self) -> S3Store:
        """The client, made at first use."""
        if self._store is None:
            from obstore.store import S3Store

            known = self._settings
            # A request without a byte for that long is given up and retried.
            silence = timedelta(seconds=known.timeout_seconds)
            self._store = S3Store(
                known.bucket,
                prefix="/".join(filter(None, (known.prefix, self._folder))),
                endpoint=known.endpoint,
                region=known.region,
                access_key_id=known.key_id.get_secret_value(),
                secret_access_key=known.secret_key.get_secret_value(),
                virtual_hosted_style_request=not known.path_style,
                client_options={
                    "timeout": silence * 20,
                    "read_timeout": silence,
                    "connect_timeout": min(silence, timedelta(seconds=10)),
                    **({"root_certificate": known.ca_certificate} if known.ca_certificate else {}),
                },
                retry_config={
                    "max_retries": _RETRIES_OF_A_REQUEST,
                    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 2},
                    "retry_timeout": max(silence * 3, timedelta(seconds=30)),
                },
            )
        return self._store

    def below(self, folder: str) -> BucketPlace:
        """The place that begins at a folder of this one."""
        return BucketPlace(self._settings, "/".join(filter(None, (self._folder, folder))), self._progress)

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Every object at or below a folder."""
        import obstore

        def listed() -> dict[str, int]:
            batches = obstore.list(self.store, prefix or None)
            return {str(entry["path"]): int(entry["size"]) for batch in batches for entry in batch}

        return self._tried(listed, f"the files below {prefix or 'it'} can't be listed")

    def read(self, path: str) -> Iterator[bytes]:
        """An object's content, range by range: after a broken connection only the current range is read again."""
        import obstore

        start, total = 0, 1
        while start < total:

            def ranged(start: int = start) -> tuple[bytes, int]:
                got = obstore.get(self.store, path, options={"range": (start, start + _PIECE)})
                return bytes(got.bytes()), int(got.meta["size"])

            try:
                piece, total = self._tried(ranged, f"{path} can't be read")
            except _EmptyError:
                return
            if not piece and total:
                raise PlatformError(
                    what=f"{path} ends after {start} of {total} bytes", where=self.where, next_step="look at the server's log"
                )
            start += len(piece)
            if piece:
                yield piece

    def write(self, path: str, source: Content, size: int | None = None) -> None:
        """Write an object; big ones in parts."""
        import obstore

        if isinstance(source, Path | bytes):
            length = source.stat().st_size if isinstance(source, Path) else len(source)
            part = max(_PIECE, length // _MOST_PARTS)
            many = length > part or None
            self._tried(
                lambda: obstore.put(self.store, path, source, chunk_size=part, max_concurrency=_PARTS_AT_ONCE, use_multipart=many),
                f"{path} can't be written",
            )
        else:
            self._tried(lambda: self._stream(path, source(), size or 0), f"{path} can't be written")

    def _stream(self, path: str, pieces: Iterable[bytes], size: int) -> None:
        import obstore

        part = max(_PIECE, size // _MOST_PARTS)
        writer = obstore.open_writer(self.store, path, buffer_size=part, max_concurrency=_PARTS_AT_ONCE)
        for piece in pieces:
            writer.write(piece)
        # Only `close` creates the object: if a piece fails, there is none.
        writer.close()

    def remove(self, paths: Iterable[str]) -> None:
        """Remove objects; missing ones don't matter."""
        import obstore

        objects = list(paths)
        if objects:
            self._tried(lambda: obstore.delete(self.store, objects), f"{len(objects)} files can't be removed")

    def remove_drafts(self) -> None:
        """Nothing: a bucket shows no file before it is whole. What it keeps of an upload that was cut off, its own rules remove."""

    def _tried(self, act: Callable[[], _T], what: str) -> _T:
        """Call `act`, and retry after temporary failures.

        Raises PlatformError with the thing to fix, MissingError if the object doesn't exist.
        """
        from obstore.exceptions import BaseError

        for attempt in range(1, _TRIES + 1):
            try:
                return act()
            except (BaseError, OSError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    # An error of a local file: errors about the server have no errno.
                    raise PlatformError(
                        what=f"{what}: {error.strerror or error}", where=self.where, next_step="fix that, then run this again"
                    ) from error
                failure, passes = self._explain(error, what)
                if not passes or attempt == _TRIES:
                    raise failure from error
                self._progress.log(f"{failure.what}; trying again")
                time.sleep(min(8.0, 0.5 * 2**attempt))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _explain(self, error: Exception, what: str) -> tuple[PlatformError, bool]:
        """The failure in words, and whether it is temporary."""
        text = str(error)
        code = (re.search(r"<Code>(\w+)</Code>", text) or [None, None])[1]
        status = int((re.search(r"status code: (\d+)", text) or [None, "0"])[1] or 0)
        settings = self._settings
        if status == 416:
            return _EmptyError(what, where=self.where), False
        if code == "NoSuchBucket":
            reason, step = f"there is no bucket {settings.bucket}", "make it, or fix the bucket's name in the stack's settings (backup)"
        elif isinstance(error, FileNotFoundError):
            return MissingError(what=f"{what}: it is missing", where=self.where), False
        elif status in (401, 403):
            reason = f"the server refuses the credentials or the request ({status}{f', {code}' if code else ''})"
            step = "fix keyId and secretKey in the stack's settings (backup), or the key's rights in the bucket; then invoke up"
        elif re.search(r"certificate|UnknownIssuer|NotValidForName", text):
            reason, step = "its certificate is not trusted", "name its CA in the stack's settings (caFile)"
        elif re.search(r"timed out|TimedOut|Timeout", text):
            return self._passing(what, f"the server does not answer for {settings.timeout_seconds} s", "check the server and the network")
        elif status >= 500:
            return self._passing(what, f"the server fails ({status}{f', {code}' if code else ''})", "look at the server's log")
        elif status:
            reason, step = f"the server refuses ({status}{f', {code}' if code else ''})", "look at the server's log"
        else:
            return self._passing(what, _connection(text), "check that the server runs and this machine reaches it")
        return PlatformError(what=f"{what}: {reason}", where=self.where, next_step=step), False

    def _passing(self, what: str, reason: str, step: str) -> tuple[PlatformError, bool]:
        return PlatformError(what=f"{what}: {reason}", where=self.where, next_step=f"{step}; then run this again"), True


class _EmptyError(MissingError):
    """The range begins at the object's end: it has no bytes."""


def _connection(text: str) -> str:
    """The connection's failure, as far as the client tells it."""
    for pattern, words in (
        (r"Connection refused|ConnectionRefused", "it can't be reached: the connection is refused"),
        (r"dns error|failed to lookup", "it can't be reached: its name is unknown"),
        (r"Connect\b|tcp connect", "it can't be reached"),
    ):
        if re.search(pattern, text):
            return words
    return "the connection breaks"
