"""What a stack's schedule writes down of itself, and how it is read: signs of life, and how each kind of work went the last time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from core import lock
from core.disk import write_whole
from infra.connections import LOCAL

_FILE = "signs.json"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class WorkSigns:
    """One kind of work: when it was last in order and when it last failed, how often in a row, and the first line of that failure."""

    done: datetime | None = None
    failed: datetime | None = None
    failures: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Signs:
    """`at` is the last sign of life; `doing` is the work under way since `since`, if any; `boot` names the machine's start before it.

    `ended`: it was told to end, and did.
    """

    at: datetime
    started: datetime
    doing: str = ""
    since: datetime | None = None
    works: dict[str, WorkSigns] = field(default_factory=dict)
    boot: str = ""
    ended: bool = False

    def begin(self, work: str) -> Signs:
        """The signs when a look at some work begins."""
        now = datetime.now(UTC)
        return replace(self, at=now, doing=work, since=now)

    def end(self, work: str, result: WorkSigns) -> Signs:
        """The signs when it has ended."""
        return replace(self, at=datetime.now(UTC), doing="", since=None, works={**self.works, work: result})


def folder_of(stack: str) -> Path:
    """Where a stack's schedule keeps its lock, signs, log and history of checks."""
    return LOCAL / "schedule" / stack


def write(folder: Path, signs: Signs) -> None:
    """Put the signs in place of the last ones."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / _FILE, json.dumps(asdict(signs), default=_text, indent=1).encode())


def read(folder: Path) -> Signs | None:
    """The last signs; None if there are none, or if they can't be read."""
    try:
        document = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        works = {
            name: WorkSigns(_moment(entry["done"]), _moment(entry["failed"]), int(entry["failures"]), str(entry["message"]))
            for name, entry in document["works"].items()
        }
        started = _moment(document["started"])
        at = _moment(document["at"])
        if at is None or started is None:
            return None
        return Signs(
            at,
            started,
            str(document["doing"]),
            _moment(document["since"]),
            works,
            str(document.get("boot", "")),
            bool(document.get("ended")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def boot_id() -> str:
    """The kernel's random number of this start of the machine; "" if it has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def runs(folder: Path) -> bool:
    """Whether a schedule runs there now: it holds a lock that the operating system releases when the process ends."""
    return lock.is_held(folder)


def is_kept(folder: Path) -> bool:
    """Whether the schedule's keeper is there."""
    return lock.is_held(keeper_folder(folder))


def keeper_folder(folder: Path) -> Path:
    """The folder of the keeper's own lock: the schedule itself holds the lock of the parent folder."""
    return folder / "keeper"


def _text(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no place in the signs of a schedule")
    return value.isoformat(timespec="milliseconds")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
