"""The state of PostgreSQL's WAL before a restore: from the server and from the repository."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from backup.postgres import back_up as postgres
from backup.postgres import live_log, pgbackrest
from backup.postgres.choice_of_timeline import KnownLog
from backup.postgres.drawing import Row
from backup.postgres.drawing import rows as drawn
from backup.postgres.timelines import Cluster, History, archive_of, of_manifests, parse_history
from backup.queries import query
from backup.restoring import stopped
from backup.sets.model import Manifest
from backup.storage.sources import source_of
from core.container_commands import execute
from core.docker_client import docker_client
from core.errors import PlatformError
from infra.backup_places import FIRST
from infra.components.pgbackrest_config import STANZA
from infra.connections import Platform, load

_FILE = re.compile(r"(?:.*/)?(?P<archive>[0-9.]+-[0-9]+)/(?:[0-9A-F]{16}/)?(?P<name>[0-9A-F]{24}(?=-[0-9a-f]{40})|[0-9A-F]{8}\.history)")
# Separates files in the output: no line of theirs begins with it.
_MARK = "== "


def look(
    platform: Platform,
    folder: Path,
    every: Sequence[Manifest],
    *,
    place: str = "",
    timeline: int | None = None,
    archive: bool = True,
) -> KnownLog:
    """Collect the known state of the WAL. With `archive`, the server first archives up to now, so that the state is proven.

    `timeline` is the one asked for. Whatever can't be learned is left out: nothing is raised.
    """
    first = place in ("", FIRST)
    live = live_log.ask(platform)
    systems = {manifest.postgres.system_id for manifest in every if manifest.postgres}
    if live and systems and live.system_id not in systems:
        # A new server replaced a lost one: it knows nothing of the WAL that the sets belong to.
        live = None
    until = stalled = ticked = None
    if archive and first and live and not live.recovering and live.system_id in systems:
        # WAL of another cluster, such as a new machine's empty one, never gets into this repository.
        until, stalled, ticked = _archive(platform)
    clusters = _of_sets(every)
    names, histories = _repository(platform, folder, place, first)
    for archive_id in {*clusters, *histories, *names}:
        known = clusters.get(archive_id, Cluster({}))
        segments = frozenset(names[archive_id]) if names and archive_id in names else (frozenset() if names else None)
        clusters[archive_id] = Cluster({**known.histories, **histories.get(archive_id, {})}, segments)
    if live and not live.recovering:
        _add_live(platform, live, every, clusters)
    else:
        live = None
    return KnownLog(clusters, live, until, stalled, timeline, ticked)


def rows(stack: str, folder: Path, every: Sequence[Manifest]) -> list[Row]:
    """The timelines of a stack by name. If the stack is gone, its sets are the only source."""
    try:
        log = look(load(stack), folder, every, archive=False)
    except PlatformError:
        log = KnownLog(_of_sets(every))
    return drawn(every, log)


def _archive(platform: Platform) -> tuple[datetime | None, datetime | None, datetime | None]:
    """Archive the WAL; returns up to when all is archived, or since when archiving is stalled, and the time of the commit made for it."""
    now = datetime.now(UTC)
    try:
        ticked = live_log.tick(platform)
        if postgres.archive_now(platform):
            return now, None, ticked
        last = live_log.superuser(platform.containers["timescaledb"], query("last_archived"))
    except PlatformError:
        return None, None, None
    return None, datetime.fromisoformat(last).astimezone(UTC), ticked


def _of_sets(every: Sequence[Manifest]) -> dict[str, Cluster]:
    by_cluster: dict[str, list[Manifest]] = {}
    for manifest in every:
        if manifest.postgres:
            by_cluster.setdefault(archive_of(manifest), []).append(manifest)
    return {archive: Cluster(of_manifests(own)) for archive, own in by_cluster.items()}


def _add_live(platform: Platform, live: live_log.LiveLog, every: Sequence[Manifest], clusters: dict[str, Cluster]) -> None:
    """Add the history of the server's timeline, which the server knows before the repository does."""
    own = [manifest for manifest in every if manifest.postgres and manifest.postgres.system_id == live.system_id]
    if not own or live.timeline == 1:
        return
    try:
        history = live_log.server_history(platform.containers["timescaledb"], live.timeline)
    except (PlatformError, ValueError):
        return
    archive = archive_of(own[-1])
    known = clusters.get(archive, Cluster({}))
    clusters[archive] = Cluster({**known.histories, live.timeline: history}, known.segments)


def _repository(
    platform: Platform, folder: Path, place: str, first: bool
) -> tuple[Mapping[str, set[str]], Mapping[str, Mapping[int, History]]]:
    """The segments and timeline histories in the repository, by archive folder; empty if it can't be read.

    pgBackRest decrypts histories. At a copy only the names are read, since the sets there have the histories.
    """
    try:
        if first:
            return _parse(_in_container(platform, _SCRIPT))
        names = source_of(platform, folder, place).repository.sizes([f"archive/{STANZA}"])
        return _parse("\n".join(names))
    except PlatformError:
        return {}, {}


_LIST = " ".join(pgbackrest.command("repo-ls", "--recurse"))
_GET = " ".join(pgbackrest.command("repo-get"))
_SCRIPT = f"""\
{_LIST} archive/{STANZA} >/tmp/listed.$$ && cat /tmp/listed.$$ || exit 1
grep -E '/[0-9A-F]{{8}}[.]history$' /tmp/listed.$$ | while read -r name; do
    echo "{_MARK}$name"; {_GET} "archive/{STANZA}/$name" || exit 1; echo
done
code=$?; rm -f /tmp/listed.$$; exit $code
"""


def _in_container(platform: Platform, script: str) -> str:
    """Run a script with access to pgBackRest: in the server's container, or in a helper on its volumes if the server is down."""
    from docker.errors import DockerException

    name = platform.containers["timescaledb"]
    try:
        container = docker_client().containers.get(name)
        # A container in a restart loop over damaged data may run just now.
        with contextlib.suppress(PlatformError):
            if container.status == "running":
                return execute(name, ["sh", "-c", script], user=pgbackrest.USER).stdout.decode()
        network = platform.network if platform.backup.place else "none"
        return stopped.run(container, script, purpose=f"look-{secrets.token_hex(3)}", network=network)
    except DockerException as error:
        raise PlatformError(what=f"the repository can't be read: {error}", where=f"container {name}", next_step="invoke up") from error


def _parse(text: str) -> tuple[Mapping[str, set[str]], Mapping[str, Mapping[int, History]]]:
    listing, *files = f"\n{text}".split(f"\n{_MARK}")
    names: dict[str, set[str]] = {}
    for line in listing.splitlines():
        if match := _FILE.match(line):
            names.setdefault(match["archive"], set()).update({match["name"]} if len(match["name"]) == 24 else ())
    histories: dict[str, dict[int, History]] = {}
    for part in files:
        name, _, content = part.partition("\n")
        if match := _FILE.match(name):
            histories.setdefault(match["archive"], {})[int(match["name"][:8], 16)] = parse_history(content)
    return names, histories
