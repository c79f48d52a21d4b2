"""pgBackRest in the database's container: its commands, and its repository as a list of files."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from backup.sets.model import FileRecord, SetKind
from core.container_commands import Finished, execute, running
from core.container_sessions import execute_short
from core.docker_client import engine_processors
from core.errors import PlatformError
from core.patience import patience
from infra.components.pgbackrest_config import CONFIG_PATH, REPOSITORY_PATH, STANZA

USER = "postgres"
_SEGMENT = re.compile(r"/(?P<segment>[0-9A-F]{24})-[0-9a-f]{40}")
_TYPES: dict[SetKind, str] = {"full": "full", "incremental": "incr"}
_SEGMENT_BYTES = 16 << 20
# pgBackRest's exit code for a lock that another process holds.
_LOCKED = 50
_LOCKED_SECONDS = 30
# Its message for an unreadable block map of the previous backup: wrong checksum, format, length, or decryption.
_UNREADABLE = {26, 29, 42, 95}

# A terminated shell doesn't terminate its commands by itself, hence the trap. Wait for a lock: a killed run's process has got its signal,
# and takes its time to end on a busy machine.
_STEPS = """
trap 'kill "$job" 2>/dev/null; exit 143' TERM
left=$1
step() {
    while :; do
        "$@" & job=$!
        wait "$job"
        code=$?
        if [ "$code" != 50 ] || [ "$left" -le 0 ]; then return "$code"; fi
        left=$((left - 1))
        sleep 1
    done
}
"""


class FailedError(PlatformError):
    """pgBackRest failed with exit code `code`."""

    def __init__(self, container: str, verb: str, done: Finished) -> None:
        super().__init__(
            f"pgbackrest {verb} failed with exit code {done.code}: {done.stderr or done.text()}",
            where=f"container {container}",
            next_step=f"docker logs --tail 50 {container}; docs/backup.md says what each failure means",
        )
        self.code = done.code


class UnusablePriorError(PlatformError):
    """An incremental backup could not read its parent; a full one needs none."""


def command(verb: str, *options: str) -> tuple[str, ...]:
    """A pgBackRest command line for the platform's stanza."""
    return ("pgbackrest", f"--config={CONFIG_PATH}", f"--stanza={STANZA}", *options, verb)


_INFO = command("info", "--output=json")


@dataclass(frozen=True, slots=True)
class PhysicalBackup:
    """One backup from `info`. Sizes in bytes; `started` and `finished` in seconds since the epoch."""

    label: str
    kind: SetKind
    prior: str | None
    references: tuple[str, ...]
    lsn_start: str
    lsn_stop: str
    wal_start: str
    wal_stop: str
    started: int
    finished: int
    database_bytes: int
    repository_bytes: int
    version: str
    set_id: str | None
    page_errors: bool

    @property
    def timeline(self) -> int:
        """The timeline of the backup."""
        return int(self.wal_start[:8], 16)


@dataclass(frozen=True, slots=True)
class Repository:
    """The stanza's state: its backups, oldest first, and the newest archived WAL segment."""

    backups: tuple[PhysicalBackup, ...]
    wal_newest: str | None
    system_id: str

    def backup(self, label: str) -> PhysicalBackup | None:
        """The backup with that label, if it exists."""
        return next((backup for backup in self.backups if backup.label == label), None)


def parse_info(text: str) -> Repository:
    """Parse the output of `info --output=json`.

    Raises PlatformError if the stanza is missing or broken.
    """
    stanzas: list[dict[str, Any]] = [stanza_info for stanza_info in json.loads(text) if stanza_info["name"] == STANZA]
    # 2 is "no valid backups": a stanza without backups is fine here.
    if not stanzas or stanzas[0]["status"]["code"] not in (0, 2):
        reason = stanzas[0]["status"]["message"] if stanzas else "there is none"
        raise PlatformError(
            what=f"pgBackRest's stanza {STANZA} can't be used: {reason}",
            where=f"repository {REPOSITORY_PATH}",
            next_step="invoke up makes the stanza; see docs/backup.md for a lost repository",
        )
    stanza = stanzas[0]
    archives = [archive for archive in stanza["archive"] if archive["max"]]
    return Repository(
        backups=tuple(_backup(raw) for raw in stanza["backup"]),
        wal_newest=archives[-1]["max"] if archives else None,
        system_id=str(stanza["db"][-1]["system-id"]),
    )


def _backup(raw: dict[str, Any]) -> PhysicalBackup:
    return PhysicalBackup(
        label=raw["label"],
        kind="full" if raw["type"] == "full" else "incremental",
        prior=raw["prior"],
        references=tuple(raw["reference"] or ()),
        lsn_start=raw["lsn"]["start"],
        lsn_stop=raw["lsn"]["stop"],
        wal_start=raw["archive"]["start"],
        wal_stop=raw["archive"]["stop"],
        started=raw["timestamp"]["start"],
        finished=raw["timestamp"]["stop"],
        database_bytes=raw["info"]["size"],
        repository_bytes=raw["info"]["repository"]["delta"],
        version=raw["backrest"]["version"],
        set_id=(raw.get("annotation") or {}).get("set"),
        page_errors=bool(raw.get("error")),
    )


def info(container: str) -> Repository:
    """The repository's state."""
    return parse_info(run(container, _INFO).text())


def back_up(container: str, kind: SetKind, set_id: str) -> PhysicalBackup:
    """Make a backup that is annotated with the set's id.

    Raises UnusablePriorError if the parent backup is unusable: it is damaged, or a file was truncated while it was backed up
    (pgBackRest issue 2829). Raises PlatformError if there is no room, if the backup failed, or if it found pages with
    wrong checksums.
    """
    _insist_on_room(container)
    try:
        options = (f"--type={_TYPES[kind]}", f"--annotation=set={set_id}", f"--process-max={_processes()}")
        repository = run_and_look(container, command("backup", *options), yielding=True)
    except FailedError as error:
        if kind == "full" or error.code not in _UNREADABLE:
            raise
        raise UnusablePriorError(error.what, where=error.where, next_step="make a full one: invoke backup --full") from error
    own = [backup for backup in repository.backups if backup.set_id == set_id]
    if not own:
        raise PlatformError(what="pgBackRest succeeded but its backup is not in the repository", where=f"container {container}")
    if own[-1].page_errors:
        raise PlatformError(
            what="pages of the database have wrong checksums: its files are damaged",
            where=f"container {container}, backup {own[-1].label}",
            next_step="find them with: pgbackrest verify, pg_amcheck; then restore an older set",
        )
    return own[-1]


def _processes() -> int:
    """The number of processes of a backup: a quarter of the engine's processors (pgBackRest's guide), since clients keep writing."""
    return max(1, engine_processors() // 4)


def _insist_on_room(container: str) -> None:
    """Raise PlatformError if there is no room for one WAL segment: pgBackRest would first wait a minute for archiving."""
    done = execute_short(running(container), ["df", "-Pk", REPOSITORY_PATH], user=USER)
    columns = done.text().splitlines()[-1].split() if done.code == 0 else []
    left = int(columns[3]) * 1024 if len(columns) > 3 else _SEGMENT_BYTES
    if left < _SEGMENT_BYTES:
        raise PlatformError(
            what=f"the disk of pgBackRest's repository is full: {left / 1e6:.0f} MB are left",
            where=f"container {container}: {REPOSITORY_PATH}",
            next_step="make room (invoke backup.prune --dry-run shows what could go), then invoke backup",
        )


def run_and_look(container: str, line: Sequence[str], *, before: Sequence[str] = (), yielding: bool = False) -> Repository:
    """Run pgBackRest, after the command `before` if there is one, and return the repository's state afterwards.

    All in one command in the container: starting one takes as long as pgBackRest itself.
    """
    steps = [f"step {shlex.join(step)} >/dev/null" for step in (before, line) if step]
    script = _STEPS + " && ".join([*steps, f"step {shlex.join(_INFO)}"])
    return parse_info(_ended(container, line[-1], _run_steps(container, script, yielding=yielding)).text())


def run(container: str, line: Sequence[str]) -> Finished:
    """Run pgBackRest. Waits for a lock that another run holds; raises PlatformError if that takes too long."""
    return _ended(container, line[-1], _run_steps(container, f"{_STEPS}step {shlex.join(line)}"))


def _run_steps(container: str, script: str, *, yielding: bool = False) -> Finished:
    return execute(container, ["sh", "-c", script, "sh", f"{patience(_LOCKED_SECONDS):.0f}"], user=USER, check=False, yielding=yielding)


def _ended(container: str, verb: str, done: Finished) -> Finished:
    if done.code == 0:
        return done
    if done.code == _LOCKED:
        raise PlatformError(
            what="another pgBackRest is at work",
            where=f"container {container}",
            next_step="wait until it is done (pgbackrest info shows it), then run this again",
        )
    raise FailedError(container, verb, done)


def hash_files(container: str, paths: Iterable[str]) -> tuple[FileRecord, ...]:
    """Size and hash of every regular file at or below paths of the repository, computed inside the container."""
    script = f'cd {REPOSITORY_PATH} && find "$@" -type f -exec stat -c \'%s %n\' {{}} + && echo && find "$@" -type f -exec sha256sum {{}} +'
    prefixes = list(paths)
    if not prefixes:
        return ()
    text = execute(container, ["sh", "-c", script, "sh", *prefixes], user=USER).stdout.decode()
    sizes_text, _, hashes_text = text.partition("\n\n")
    sizes = {name: int(size) for size, name in (line.split(" ", 1) for line in sizes_text.splitlines())}
    hashes = {name: digest for digest, name in (line.split("  ", 1) for line in hashes_text.splitlines())}
    return tuple(FileRecord(place="pgbackrest", path=name, size=sizes[name], sha256=hashes[name]) for name in sorted(hashes))


def segments(container: str) -> dict[str, str]:
    """Every archived WAL segment: its name, and its file's path in the repository."""
    script = f"cd {REPOSITORY_PATH} && find archive/{STANZA} -type f"
    listed = execute(container, ["sh", "-c", script], user=USER).text().splitlines()
    return {match["segment"]: path for path in listed if (match := _SEGMENT.search(path))}


def backup_path(label: str) -> str:
    """The path of a backup's files in the repository."""
    return f"backup/{STANZA}/{label}"
