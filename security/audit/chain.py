"""The audit's files: lines that are only added, each with the hash of the line before, a file for each day.

A collection is added as a whole: a batch that a crash cut off is removed by the next one, which reads the same log lines again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from core.disk import sync_folder, write_whole
from core.errors import PlatformError
from security.audit.events import Event

Positions = dict[str, Any]
"""By store, up to where its log was read."""

_FIRST = "0" * 64
_PRUNED = "prune the audit"
RECOVERED = "recover the audit"
"""The action of the note that parts what came back from a backup set from what follows."""
_POSITIONS = "positions.json"
_LOCK = "lock"
_TAIL_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Head:
    """The newest line: its number, from 1, and its hash."""

    number: int
    hash: str


EMPTY = Head(0, _FIRST)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check of the chain; `faults` is empty if nobody changed it."""

    lines: int
    head: Head
    faults: tuple[str, ...]


class Chain:
    """The audit of one stack, below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Hold the lock that whoever adds lines needs; waits for another process."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def files(self) -> list[Path]:
        """The files, oldest first."""
        return sorted(self.folder.glob("????-??-??.jsonl"))

    def add(self, events: Sequence[Event], positions: Positions, now: datetime | None = None) -> Head:
        """Add a collection and note up to where the logs were read; only for the holder of the lock.

        Raises PlatformError if the disk takes no more, without a line of the collection added.
        """
        head = self._repaired()
        if events:
            file = self.folder / f"{now or datetime.now(UTC):%Y-%m-%d}.jsonl"
            newest = self.files()[-1:]
            if newest and newest[0].name > file.name:
                file = newest[0]  # the clock was set back: lines stay in the order of their numbers
            lines = []
            for place, event in enumerate(events, 1):
                left = len(events) - place
                record = {"number": head.number + 1, "before": head.hash, "left": left, **event.as_dict()}
                if not left:
                    record["read_to"] = positions
                head = Head(head.number + 1, hash_of(record))
                lines.append(_line(record | {"hash": head.hash}))
            self._write(file, "".join(lines).encode())
        write_whole(self.folder / _POSITIONS, _line({"number": head.number, "read_to": positions}))
        return head

    def _write(self, file: Path, content: bytes) -> None:
        new = not file.exists()
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        size = os.fstat(descriptor).st_size
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError as error:
            os.ftruncate(descriptor, size)
            if new:
                file.unlink()
            raise PlatformError(
                what=f"the audit can't be written: {error.strerror}",
                where=str(file),
                next_step="make room; the next collection reads the same log lines again, as long as Docker keeps them",
            ) from error
        finally:
            os.close(descriptor)
        if new:
            sync_folder(file.parent)

    def positions(self) -> Positions:
        """Up to where the logs were read."""
        path = self.folder / _POSITIONS
        noted = (_read(path.read_bytes()) if path.exists() else None) or {}
        line = self._finished()
        if line and line["number"] > noted.get("number", 0):
            return dict(line["read_to"])
        return dict(noted.get("read_to", {}))

    def head(self) -> Head:
        """The newest line of a finished collection."""
        line = self._finished()
        return Head(line["number"], line["hash"]) if line else EMPTY

    def _finished(self) -> dict[str, Any] | None:
        """The last line of the newest finished collection: another one is being written, or was cut off, after it."""
        for file in reversed(self.files()):
            with file.open("rb") as opened:
                opened.seek(max(0, file.stat().st_size - _TAIL_BYTES))
                tail = opened.read()
            for content in (tail, file.read_bytes()) if file.stat().st_size > len(tail) else (tail,):
                for line in reversed(content.split(b"\n")[:-1]):
                    if (read := _read(line)) is not None and not read["left"]:
                        return read
        return None

    def _repaired(self) -> Head:
        """The head, after a collection that was cut off is removed. A line that was damaged otherwise stays, for `verify` to find."""
        for file in reversed(self.files()):
            content = file.read_bytes() if not _ends_finished(file) else b""
            if not content and file.stat().st_size:
                break
            whole = content.splitlines(keepends=True)
            if any(line.endswith(b"\n") and _read(line) is None for line in whole):
                if not content.endswith(b"\n"):
                    self._write(file, b"\n")
                break
            while whole and not (whole[-1].endswith(b"\n") and not (_read(whole[-1]) or {"left": 1})["left"]):
                content = content[: -len(whole.pop())]
            if content:
                os.truncate(file, len(content))
                break
            file.unlink()
        return self.head()

    def collected_at(self) -> datetime | None:
        """When it was last collected, with or without new events; None where it never was."""
        try:
            return datetime.fromtimestamp((self.folder / _POSITIONS).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every readable line, oldest first."""
        for file in self.files():
            with file.open("rb") as opened:
                for line in opened:
                    if (read := _read(line)) is not None:
                        yield read

    def events(self, since: datetime | None = None) -> Iterator[Event]:
        """Events from `since` on, oldest first."""
        first = f"{since:%Y-%m-%d}.jsonl" if since else ""
        begin = f"{since:%Y-%m-%dT%H:%M:%S}" if since else ""
        for file in self.files():
            # A line is written a moment after its event, perhaps on the next day.
            if file.name < first:
                continue
            yield from (event for event in events_of(file) if event.time >= begin)

    def has(self, head: Head) -> bool:
        """Whether that line is in it, with that hash."""
        return any((line["number"], line["hash"]) == (head.number, head.hash) for line in self._from(head.number))

    def raw(self, after: Head, head: Head) -> Iterator[bytes]:
        """The lines after one that is in it, or all with EMPTY, up to its head: as they are, damaged ones too."""
        begun = after == EMPTY
        for line in self._lines_from(after.number):
            if begun:
                yield line
            if _is(line, head):
                return
            begun = begun or _is(line, after)

    def _from(self, number: int) -> Iterator[dict[str, Any]]:
        """Readable lines, from the file on that begins with that number or an earlier one."""
        return (read for line in self._lines_from(number) if (read := _read(line)) is not None)

    def _lines_from(self, number: int) -> Iterator[bytes]:
        files = self.files()
        begin = len(files) - 1
        while begin > 0 and (first := _first(files[begin])) is not None and first["number"] > number:
            begin -= 1
        for file in files[max(0, begin) :]:
            with file.open("rb") as opened:
                yield from opened

    def after(self, number: int) -> Iterator[Event]:
        """Events of the lines after that number, oldest first."""
        yield from (event_of(line) for line in self._from(number + 1) if line["number"] > number)

    def prune(self, kept_for: timedelta, now: datetime) -> int:
        """Remove the files of days that are past their time; the chain says which line it begins with from then on. Returns how many."""
        oldest = f"{now - kept_for:%Y-%m-%d}.jsonl"
        going = [file for file in self.files()[:-1] if file.name < oldest]
        if not going:
            return 0
        with self.adding():
            readable = [read for file in going for line in file.read_bytes().splitlines() if (read := _read(line)) is not None]
            if not readable:
                return 0
            last = readable[-1]
            what = f"lines up to {last['number']}, {last['hash']}"
            self.add([Event(f"{now:%Y-%m-%dT%H:%M:%S.%f}000Z", "audit", "audit", "", _PRUNED, what, "done")], self.positions(), now)
            for file in going:
                file.unlink()
        return len(going)

    def verify(self, anchors: Mapping[str, Head] | None = None) -> Verdict:
        """Check every line, and that the heads which signed backup sets have are in the chain. `anchors` has those by set."""
        walked = _walk(
            (f"{file.name}, line {place}", line)
            for file in self.files()
            for place, line in enumerate(file.read_bytes().splitlines(keepends=True), 1)
        )
        faults = [*walked.faults, *_unsaid(walked)]
        for name, anchor in (anchors or {}).items():
            known = walked.hashes.get(anchor.number)
            gone = any(anchor.number <= note.number for note in walked.pruned)
            if anchor.number and known != anchor.hash and not (known is None and gone):
                missing = "is missing" if known is None else "is another one"
                faults.append(f"line {anchor.number}, which backup set {name} has the hash of, {missing}")
        return Verdict(len(walked.hashes), walked.head, tuple(faults))


def verify_lines(lines: Iterable[bytes], before: Head | None) -> Verdict:
    """Check lines that are not in a chain's files: that they go on from `before`, or, without it, that they begin as a chain does."""
    walked = _walk((f"line {place}", line) for place, line in enumerate(lines, 1))
    faults = [*walked.faults]
    if before is None:
        faults += _unsaid(walked)
    elif walked.hashes and walked.start != before:
        faults.append(f"the lines go on from number {walked.start.number}, and not from number {before.number} as it was")
    return Verdict(len(walked.hashes), walked.head, tuple(faults))


@dataclass(slots=True)
class _Walked:
    """What lines say by themselves: the line before the first, the last one, each hash by number, what was pruned, what is wrong."""

    start: Head = EMPTY
    head: Head = EMPTY
    hashes: dict[int, str] = field(default_factory=dict)
    pruned: set[Head] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def _walk(placed: Iterable[tuple[str, bytes]]) -> _Walked:
    walked = _Walked()
    for where, line in placed:
        read = _read(line)
        if read is None:
            if line.endswith(b"\n"):
                walked.faults.append(f"{where}: it can't be read")
            continue
        if hash_of({name: value for name, value in read.items() if name != "hash"}) != read["hash"]:
            walked.faults.append(f"{where} (number {read['number']}): its content was changed")
        if not walked.hashes:
            walked.start = Head(read["number"] - 1, read["before"])
        elif (read["number"], read["before"]) != (walked.head.number + 1, walked.head.hash):
            walked.faults.append(f"{where}: number {walked.head.number + 1} was removed, changed or added here")
        walked.head = Head(read["number"], read["hash"])
        walked.hashes[walked.head.number] = walked.head.hash
        if (read["store"], read["action"]) == ("audit", _PRUNED):
            number, _, digest = read["object"].removeprefix("lines up to ").partition(", ")
            walked.pruned.add(Head(int(number), digest))
    return walked


def _unsaid(walked: _Walked) -> list[str]:
    if walked.start == EMPTY or walked.start in walked.pruned:
        return []
    return [f"the chain begins with number {walked.start.number + 1}: older lines were removed, and no line says so"]


def hash_of(record: Mapping[str, Any]) -> str:
    """The hash of a line: SHA-256 of its JSON without `hash`, with sorted names, no blanks, in UTF-8."""
    return sha256(json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def events_of(file: Path) -> Iterator[Event]:
    """The events in one of the files, in the order of their lines."""
    with file.open("rb") as opened:
        for line in opened:
            if (read := _read(line)) is not None:
                yield event_of(read)


def event_of(line: Mapping[str, Any]) -> Event:
    """The event of a line."""
    return Event(**{name: line[name] for name in Event.__dataclass_fields__})


def _is(line: bytes, head: Head) -> bool:
    """Whether the line is that one. Few lines have to be read for that: the hash is in its own and in the next."""
    return head.hash.encode() in line and (read := _read(line)) is not None and bool(read["hash"] == head.hash)


def _first(file: Path) -> dict[str, Any] | None:
    with file.open("rb") as opened:
        return _read(opened.readline())


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        read = json.loads(line)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _ends_finished(file: Path) -> bool:
    """Whether a file ends with the last line of a collection."""
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - _TAIL_BYTES))
        *_, last, rest = (b"", *opened.read().split(b"\n"))
    read = _read(last)
    return not rest and read is not None and not read["left"]


def newest(events: Iterable[Event], count: int) -> list[Event]:
    """The last `count` of them."""
    return list(deque(events, maxlen=count))
