"""Loads files of candles: several are read in parallel, several connections write, and bad rows are put aside."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import PlatformError
from core.progress import Progress, SilentProgress, format_seconds
from seed.candle_files import writing
from seed.candle_files.batches import Batch
from seed.candle_files.opening import BLOCK_BYTES
from seed.candle_files.options import LoadOptions
from seed.candle_files.reading import Source, inspect, read
from seed.candle_files.rejects import Reject, Rejects
from seed.candle_files.seen import Seen
from seed.statistics import renew

if TYPE_CHECKING:
    from infra.connections import Platform

# Batches that wait for a writer: enough to keep it busy, few enough to use little memory.
_WAITING = 2
_TICK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class LoadReport:
    """The result of a load. `loaded` rows are new or changed, `skipped` existed with the same values, `rejected` are in `rejects_file`.

    `rounded` of the good rows have a number with more decimals than the table keeps. `read_as` lists decisions about unusual files.
    """

    loaded: int
    rejected: int
    skipped: int
    seconds: float
    rejects_file: str | None
    rounded: int = 0
    read_as: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        return {
            "loaded": self.loaded,
            "rejected": self.rejected,
            "skipped": self.skipped,
            "seconds": round(self.seconds, 3),
            "rejects_file": self.rejects_file,
            "rounded": self.rounded,
            "read_as": list(self.read_as),
        }

    def __str__(self) -> str:
        rate = (self.loaded + self.skipped) / self.seconds if self.seconds else 0
        rejected = f", {self.rejected} rejected (see {self.rejects_file})" if self.rejected else ""
        rounded = f", {self.rounded} rounded to 4 decimals" if self.rounded else ""
        done = f"{self.loaded} loaded, {self.skipped} unchanged{rejected}{rounded} in {format_seconds(self.seconds)}, {rate:,.0f} rows/s"
        return "\n".join([*self.read_as, done])


def load_files(
    platform: Platform, files: Sequence[Path], options: LoadOptions | None = None, progress: Progress | None = None
) -> LoadReport:
    """Load the candles of `files`. Existing rows are compared, so an interrupted load is simply run again.

    Raises PlatformError before anything is loaded if a file can't be opened or lacks a column; at the first bad row of a strict
    load, with nothing loaded; and after the other files if one is damaged.
    """
    options, progress = options or LoadOptions(), progress or SilentProgress()
    if not files:
        raise PlatformError("no file was named", where="seed.market", next_step="name one or more files")
    started = time.monotonic()
    files_of = [inspect(path, options) for path in files]
    sources = [source for files in files_of for source in files]
    rejects = Rejects(options.rejects_file or Path(f"rejects-{datetime.now().astimezone():%Y%m%d-%H%M%S}.csv"))
    load = _Load(platform, files_of, options, rejects, progress, started)
    try:
        if options.strict:
            load.run_strictly()
        else:
            load.run()
    finally:
        rejects.close()
    progress.status("statistics")
    renew(platform, ["market_data"])
    return LoadReport(
        load.loaded,
        rejects.count,
        load.skipped,
        time.monotonic() - started,
        str(rejects.path) if rejects.count else None,
        load.rounded,
        tuple(decision for source in sources if (decision := source.read_as)),
    )


class _Load:
    """The threads of one load and their shared state."""

    def __init__(
        self, platform: Platform, files: list[list[Source]], options: LoadOptions, rejects: Rejects, progress: Progress, started: float
    ) -> None:
        self._platform, self._options, self._rejects, self._progress = platform, options, rejects, progress
        self._started = started
        # Files of one archive are read one after another: a candle in two of them is a duplicate.
        self._files: queue.SimpleQueue[list[Source]] = queue.SimpleQueue()
        for sources in files:
            self._files.put(sources)
        self._all = files
        self._bytes = sum(source.size for sources in files for source in sources)
        self._positions: dict[str, int] = {}
        # None tells a writer that nothing more comes.
        self._batches: queue.Queue[Batch | None] = queue.Queue(_WAITING)
        # A small file is not worth a second connection.
        self._workers = min(options.workers, 1 + self._bytes // BLOCK_BYTES)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._failures: list[BaseException] = []
        self._damaged: list[PlatformError] = []
        self.loaded = 0
        self.skipped = 0
        self.rounded = 0

    def run_strictly(self) -> None:
        """Load all files in one transaction; the first bad row undoes it."""

        def refuse(reject: Reject) -> None:
            raise PlatformError(
                f"a row is bad: {reject.reason}",
                where=f"{reject.file}, line {reject.line}",
                next_step="fix the row, or load without --strict to put bad rows aside; nothing was loaded",
            )

        with writing.connected(self._platform) as connection:
            writer = writing.Writer(connection, writing.highest_number(connection), refuse)
            with connection.transaction():
                for sources in self._all:
                    seen = Seen()
                    for source in sources:
                        for batch in read(source, seen, refuse, self._position(source)):
                            self._count(batch, writer.write(batch))
                            self._tell()

    def run(self) -> None:
        """Read and write in parallel until all is done, something fails, or the user interrupts."""
        with writing.connected(self._platform) as connection:
            highest = writing.highest_number(connection)
        readers = [threading.Thread(target=self._guarded, args=(self._read,)) for _ in range(min(2, len(self._all)))]
        writers = [threading.Thread(target=self._guarded, args=(self._write, highest)) for _ in range(self._workers)]
        for thread in (*readers, *writers):
            thread.start()
        try:
            self._wait(readers)
            for _ in writers:
                self._hand_over(None)
            self._wait(writers)
        finally:
            self._stop.set()
            for thread in (*readers, *writers):
                thread.join()
        if self._failures:
            raise self._failures[0]
        if self._damaged:
            raise self._damaged[0]

    def _wait(self, threads: list[threading.Thread]) -> None:
        for thread in threads:
            while thread.is_alive() and not self._failures:
                thread.join(_TICK_SECONDS)
                self._tell()

    def _guarded(self, work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except BaseException as error:  # raised again by the waiting thread
            self._failures.append(error)
            self._stop.set()

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                sources = self._files.get_nowait()
            except queue.Empty:
                return
            seen = Seen()
            try:
                for source in sources:
                    for batch in read(source, seen, self._rejects.add, self._position(source)):
                        if not self._hand_over(batch):
                            return
            except PlatformError as error:
                self._damaged.append(error)

    def _hand_over(self, batch: Batch | None) -> bool:
        while not self._stop.is_set():
            try:
                self._batches.put(batch, timeout=_TICK_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def _write(self, highest: int) -> None:
        with writing.connected(self._platform) as connection:
            writer = writing.Writer(connection, highest, self._rejects.add)
            while not self._stop.is_set():
                try:
                    batch = self._batches.get(timeout=_TICK_SECONDS)
                except queue.Empty:
                    continue
                if batch is None:
                    return
                self._count(batch, writer.write(batch))

    def _count(self, batch: Batch, written: writing.Written) -> None:
        with self._lock:
            self.rounded += batch.rounded
            self.loaded += written.loaded
            self.skipped += written.skipped

    def _position(self, source: Source) -> Any:
        def note(position: int) -> None:
            self._positions[source.name] = min(position, source.size)

        return note

    def _tell(self) -> None:
        done = sum(self._positions.values())
        elapsed = time.monotonic() - self._started
        rows = self.loaded + self.skipped
        left = f", {format_seconds(elapsed * (self._bytes - done) / done)} left" if done and elapsed > 1 else ""
        megabytes = 1_000_000
        self._progress.count(round(done / megabytes, 1), round(self._bytes / megabytes, 1), f"MB, {rows / elapsed:,.0f} rows/s{left}")
