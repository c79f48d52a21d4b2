"""Redis' part of a set: the multi-part AOF up to one instant, the ACL, and in a full set a fresh RDB.

The AOF's files can only be copied while no rewrite replaces them. So a command inside the container holds rewrites off. It
ends with this process, however that ends, and restores the setting.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backup.redis.files import AofFile, TornTailError, check_copies, parse_aof_manifest, render_aof_manifest
from backup.redis.keys import OTHER, census
from backup.sets.files import HashedFile, SetFolder, shorten, write_hashed
from backup.sets.model import FileRecord, RedisPart
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES
from core.container_commands import execute, running, while_running
from core.container_sessions import execute_short
from core.errors import PlatformError
from core.progress import Progress
from core.waiting import until
from infra.clients import redis_client
from infra.components.names import CONFIG_DIRECTORY, redis_cli
from infra.connections import Platform

if TYPE_CHECKING:
    import redis
    from docker.models.containers import Container

ACCOUNT = "backup"
FOLDER = "redis"
RDB_PATH = f"{FOLDER}/dump.rdb"
ACL_PATH = f"{FOLDER}/users.acl"
AOF_FOLDER = f"{FOLDER}/appendonlydir"
_SAVE_SECONDS = 3600
_POLL_SECONDS = 0.05
_FLUSH_SECONDS = 60

# Logs in as admin inside the container. Restores the setting from the server's own file: a hold that a crash of the machine
# interrupted may have left 0 in the running server.
_HOLD = f"""
set -eu
cli() {{ {redis_cli("admin")} -e "$@"; }}
should=$(sed -n 's/^auto-aof-rewrite-percentage  *//p' {CONFIG_DIRECTORY}/redis.conf)
release() {{
    kill "$nap"
    cli config set auto-aof-rewrite-percentage "${{should:-100}}" >/dev/null
    exit 0
}}
sleep 86400 &
nap=$!
trap release TERM INT HUP
cli config set auto-aof-rewrite-percentage 0 >/dev/null
echo held
wait "$nap"
release
"""


@dataclass(frozen=True, slots=True)
class _Paths:
    """The paths of the server's files inside the container."""

    directory: str
    rdb: str
    aof_directory: str
    aof_name: str


def back_up(platform: Platform, folder: SetFolder, progress: Progress, *, full: bool) -> RedisPart:
    """Make Redis' part of a set, in the set's folder; with an RDB and a count of each keyspace if `full`.

    The AOF alone has everything (docs/adr/0409), and the server's own counts tell whether all of it came back (docs/adr/0413).

    Raises PlatformError if a save fails, or a copy fails Redis' own checkers.
    """
    container = platform.containers["redis"]
    started = datetime.now(UTC)
    with redis_client(platform, ACCOUNT) as client:
        paths = _paths(client)
        with while_running(container, ["sh", "-c", _HOLD]):
            _wait_until(client, _writes_no_new_log, "its AOF rewrite to end")
            rdb = []
            if full:
                progress.status("snapshot")
                _save(client)
                progress.status("copying the snapshot")
                rdb = [_copy(container, f"{paths.directory}/{paths.rdb}", folder, RDB_PATH)]
            progress.status("copying the log")
            aof, aof_from, records, point = _copy_aof(client, container, paths, folder)
            position = point.position
        acl = write_hashed(
            folder, ACL_PATH, ["\n".join(str(line) for line in client.acl_list()).encode("utf-8", "surrogateescape") + b"\n"]
        )
        counted = census(client) if full else None
        server = client.info("server")
    progress.status("checking the copies")
    manifest = f"{AOF_FOLDER}/{paths.aof_name}.manifest"
    try:
        content = check_copies(container, folder, (*rdb, *records), RDB_PATH if rdb else None, manifest)
    except TornTailError as torn:
        # A crash cut off the log's last command: keep the whole ones.
        position = torn.whole_bytes
        records[-1] = shorten(folder, records[-1], position)
        content = check_copies(container, folder, (*rdb, *records), RDB_PATH if rdb else None, manifest)
    return RedisPart(
        started=started,
        finished=datetime.now(UTC),
        files=(*rdb, *records, acl),
        versions={"redis": server["redis_version"]},
        keys=content.keys if content else None,
        expires=content.expires if content else None,
        keyspaces={space.name: 0 for space in KEYSPACES} | {OTHER: 0} | counted.keyspaces if counted else {},
        odd=counted.odd if counted else None,
        libraries=point.libraries,
        aof_from=aof_from,
        aof_incremental=aof[-1].name,
        aof_position=position,
        aof_keys=point.keys,
        aof_expires=point.expires,
        aof_at=point.at,
    )


def _paths(client: redis.Redis) -> _Paths:
    answer = client.config_get("dir", "dbfilename", "appenddirname", "appendfilename", "appendonly")
    settings = {str(name): str(value) for name, value in answer.items()}
    if settings["appendonly"] != "yes":
        raise PlatformError(
            what="Redis writes no AOF, so changes between two snapshots are lost",
            where="its setting appendonly",
            next_step="invoke up puts the settings back",
        )
    directory = settings["dir"]
    return _Paths(directory, settings["dbfilename"], f"{directory}/{settings['appenddirname']}", settings["appendfilename"])


def _writes_no_new_log(info: Mapping[str, Any]) -> bool:
    """Whether no rewrite runs. A scheduled one begins once the snapshot is done, in the middle of the copy."""
    return not (info["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"])


def _wait_until(client: redis.Redis, reached: Any, what: str) -> dict[str, Any]:

    def ask() -> dict[str, Any] | None:
        info: dict[str, Any] = client.info("persistence")
        return info if reached(info) else None

    if info := until(ask, _SAVE_SECONDS, pause=_POLL_SECONDS):
        return info
    raise PlatformError(what=f"waited {_SAVE_SECONDS} s for {what}", where="INFO persistence", next_step="look at its log")


def _save(client: redis.Redis) -> None:
    """Have Redis write a snapshot that begins now."""
    # A running one began too early.
    _wait_until(client, lambda info: not info["rdb_bgsave_in_progress"], "a running snapshot to end")
    before = client.info("persistence")
    client.bgsave()
    saves = before.get("rdb_saves", 0)
    after = _wait_until(
        client,
        lambda info: not info["rdb_bgsave_in_progress"] and (info["rdb_saves"] > saves or info["rdb_last_bgsave_status"] != "ok"),
        "its snapshot",
    )
    if after["rdb_last_bgsave_status"] != "ok":
        raise PlatformError(
            what="Redis could not write its snapshot", where="BGSAVE", next_step="see its log: usually no disk space or no memory"
        )


def _copy(container: str, source: str, folder: SetFolder, path: str, size: int | None = None) -> FileRecord:
    # An open file keeps its content even when the server replaces it.
    line = ["cat", source] if size is None else ["head", "-c", str(size), source]
    with HashedFile(folder, path) as target:
        execute(container, line, sink=target.write)
    return target.record


@dataclass(frozen=True, slots=True)
class _Point:
    """An instant of the AOF: the size of its last file then, in bytes, and the numbers of keys, of those that expire, and of libraries."""

    at: datetime
    position: int
    keys: int
    expires: int
    libraries: int


def _copy_aof(
    client: redis.Redis, container: str, paths: _Paths, folder: SetFolder
) -> tuple[tuple[AofFile, ...], datetime, list[FileRecord], _Point]:
    """Copy the AOF's files, the growing one up to an instant.

    Returns the AOF's files, the time from which they show every state, the records, and the instant.
    """
    name = f"{paths.aof_name}.manifest"
    server = running(container)
    text = execute_short(server, ["cat", f"{paths.aof_directory}/{name}"], check=True).stdout.decode()
    files = parse_aof_manifest(text)
    # A base is complete at its last write, within the second of its mtime; the following files continue from there. So the first
    # second that can be restored is the next one: the base's commands of its own second can't be taken out again.
    began = _age_and_size(server, paths, files[0])[0] + 1
    others = sum(_age_and_size(server, paths, file)[1] for file in files[:-1])
    point = _point(client, others)
    deadline = time.monotonic() + _FLUSH_SECONDS
    while _age_and_size(server, paths, files[-1])[1] < point.position:
        if time.monotonic() > deadline:
            raise PlatformError(what="Redis doesn't write its log to the disk", where=f"container {container}", next_step="look at its log")
        time.sleep(_POLL_SECONDS)
    records = [write_hashed(folder, f"{AOF_FOLDER}/{name}", [render_aof_manifest(files).encode()])]
    for file in files:
        limit = point.position if file is files[-1] else None
        records.append(_copy(container, f"{paths.aof_directory}/{file.name}", folder, f"{AOF_FOLDER}/{file.name}", limit))
    return files, datetime.fromtimestamp(began, UTC), records, point


def _point(client: redis.Redis, others: int) -> _Point:
    """The present instant. `others` is the size of the AOF's other files; one command returns the rest, so the numbers agree."""
    info: dict[str, Any] = client.info("persistence", "keyspace", "memory")
    # A server that started with an empty folder counts its first base in neither size until the first rewrite.
    counted = others if int(info["aof_base_size"]) else 0
    position = int(info["aof_current_size"]) + int(info["aof_buffer_length"]) - counted
    keys = info.get("db0", {"keys": 0, "expires": 0})
    return _Point(datetime.now(UTC), max(0, position), int(keys["keys"]), int(keys["expires"]), int(info.get("number_of_libraries", 0)))


def _age_and_size(server: Container, paths: _Paths, file: AofFile) -> tuple[int, int]:
    """The mtime of a file, in seconds since the epoch, and its size in bytes."""
    moment, size = execute_short(server, ["stat", "-c", "%Y %s", f"{paths.aof_directory}/{file.name}"], check=True).text().split()
    return int(moment), int(size)
