"""Restores PostgreSQL by pgBackRest: into a scratch container beside the live one, or onto the live one."""

from __future__ import annotations

import functools
import shlex
import time
from collections.abc import Iterable
from datetime import UTC
from typing import TYPE_CHECKING, Any

from backup.postgres import live_log, pgbackrest
from backup.postgres.back_up import INFO_PATH
from backup.restoring import recipes, stopped
from backup.restoring.ingredients import Ingredients, Timing, run_once
from backup.restoring.journal import FILES, PLANNED, PROMOTED, RECOVERED, LiveWork
from backup.restoring.scratch import Scratch
from backup.restoring.targets import StorePlan
from backup.sets.files import plain_file
from backup.storage.repository import INFO_FILES, SEGMENT
from core.container_files import FileToPut, give, put_files
from core.container_sessions import execute_short
from core.docker_client import docker_client
from core.errors import PlatformError
from core.helper_containers import helper, remove
from core.progress import Progress
from core.streams import StreamedFile
from core.waiting import looks
from infra.components.pgbackrest_config import PGDATA, REPOSITORY_PATH, STANZA
from infra.connections import Platform
from infra.provider.superuser import database

if TYPE_CHECKING:
    from docker.models.containers import Container

_RECOVERY_SECONDS = 4 * 3600


def beside(
    scratch_stores: Scratch, ingredients: Ingredients, plan: StorePlan, progress: Progress, *, settings: Iterable[str] = ()
) -> Timing:
    """Restore PostgreSQL into a scratch container and wait until it has replayed its WAL and accepts writes.

    Raises PlatformError if the backup is damaged, or its WAL ends before the target.
    """
    began = time.monotonic()
    progress.status(f"restoring {plan.manifest.id}")
    data = scratch_stores.volume("timescaledb-data")
    repository = ingredients.source.volume or repository_volume(scratch_stores, ingredients, plan, progress)
    recipe = recipes.timescaledb(
        scratch_stores,
        ingredients.bases["timescaledb"],
        data=data,
        repository=repository,
        passphrase=ingredients.passphrase,
        settings=settings,
    )
    run_once(scratch_stores, recipe, restore_command(plan, archive=False))
    files = time.monotonic()
    progress.status("replaying the log")
    try:
        scratch_stores.start(recipe)
        wait_for_recovery(str(scratch_stores.containers[recipe.service].name))
    except PlatformError as error:
        if not ends_early(error):
            raise
        if not plan.or_end:
            raise early_end(error, plan) from error
        # The whole WAL was replayed without reaching the target: start without a target. The files stay, the replay continues from there.
        progress.log(f"nothing was committed between the last transaction of the log and {_target_text(plan)}")
        remove(scratch_stores.containers.pop(recipe.service))
        run_once(scratch_stores, recipe, ("sh", "-c", NO_TARGET))
        scratch_stores.start(recipe)
        wait_for_recovery(str(scratch_stores.containers[recipe.service].name))
    return Timing(files - began, time.monotonic() - files)


def live(platform: Platform, plan: StorePlan, work: LiveWork) -> None:
    """Restore onto the live PostgreSQL, step by step, each step noted in the journal."""
    name = platform.containers["timescaledb"]
    stopped.remove_earlier(f"{name}-restore")
    container: Container = docker_client().containers.get(name)
    step = work.begun.steps.get("postgres")
    if step and _was_promoted(container, work.begun.timeline or 1):
        # Somebody started the promoted server meanwhile: it may have new writes, so don't restore it again.
        stopped.start(container)
    elif step not in (FILES, RECOVERED) or not _recovers(container, plan):
        work.journal.reach("postgres", PLANNED)
        _put_files_back(platform, container, plan)
        work.journal.reach("postgres", FILES)
        _start_recovery(container, plan)
    replayed = live_log.replayed(name)
    seen = {"position": replayed.position, "committed": replayed.committed.isoformat() if replayed.committed else None}
    work.journal.reach("postgres", RECOVERED, **({} if replayed.position is None else seen))
    work.journal.reach("postgres", PROMOTED)


def recovery_options(plan: StorePlan) -> tuple[str, ...]:
    """Options of pgBackRest for the end of the replay, and for its timeline: the plan's, or the backup's own."""
    part = plan.manifest.postgres
    own = plan.timeline is None or (part is not None and part.timeline == plan.timeline)
    along = f"--target-timeline={'current' if own else plan.timeline}"
    if plan.lsn:
        # The record at that position is the first that must not be replayed.
        return ("--type=lsn", f"--target={plan.lsn}", "--target-exclusive", "--target-action=promote", along)
    if plan.until:
        moment = plan.until.astimezone(UTC)
        return ("--type=time", f"--target={moment:%Y-%m-%d %H:%M:%S.%f}+00", "--target-action=promote", along)
    return ("--type=default", along)


def restore_command(plan: StorePlan, *, archive: bool) -> tuple[str, ...]:
    """The pgBackRest command that restores a data directory."""
    if plan.manifest.postgres is None:
        raise PlatformError(what=f"set {plan.manifest.id} has no backup of PostgreSQL", where="its manifest")
    mode = () if archive else ("--archive-mode=off",)
    return pgbackrest.command("restore", f"--set={plan.manifest.postgres.label}", *recovery_options(plan), *mode)


def repository_volume(scratch_stores: Scratch, ingredients: Ingredients, plan: StorePlan, progress: Progress) -> str:
    """A volume with the needed part of a remote repository: the backup and those it refers to, the WAL after it, the index.

    The scratch network reaches nothing outside, so the files are copied in. The index is the set's own: the place's may be newer.
    """
    part = plan.manifest.postgres
    if part is None:
        raise PlatformError(what=f"set {plan.manifest.id} has no backup of PostgreSQL", where="its manifest")
    stored, files = ingredients.source.repository, ingredients.files(plan.manifest)
    backups = stored.sizes([pgbackrest.backup_path(label) for label in (part.label, *part.references)])
    log = {
        path: size
        for path, size in stored.sizes([f"archive/{STANZA}"]).items()
        if path.endswith(".history") or ((match := SEGMENT.search(path)) and match["segment"] >= part.wal_start)
    }
    progress.status(f"bringing {round(sum((*backups.values(), *log.values())) / 1e6)} MB of the repository from {ingredients.source.where}")
    entries = [
        FileToPut(path, StreamedFile(path, size, ingredients.source.where, functools.partial(stored.read, path)))
        for path, size in sorted((backups | log).items())
    ]
    index = {record.path: record for record in part.files if record.path.startswith(f"{INFO_PATH}/")}
    entries += [FileToPut(path, plain_file(files, index[f"{INFO_PATH}/{path}"])) for path in INFO_FILES]
    volume = scratch_stores.volume("pgbackrest")
    base = ingredients.bases["timescaledb"]
    with helper(base.image, "repository", volumes={volume: REPOSITORY_PATH}) as container:
        give(container, REPOSITORY_PATH, **base.owner)
        put_files(container, REPOSITORY_PATH, entries, **base.owner)
    return volume


def _put_files_back(platform: Platform, container: Container, plan: StorePlan) -> None:
    container.stop(timeout=stopped.STOP_SECONDS)
    # --delta copies only what differs, so a run after an interrupted one is quicker.
    command = (*restore_command(plan, archive=True)[:-1], "--delta", "restore")
    # A repository in a bucket is reached from the stack's own network.
    network = platform.network if platform.backup.place else "none"
    # The server is certainly stopped. A killed one leaves a pid file that says otherwise, and pgBackRest would believe it.
    script = f"rm -f {PGDATA}/postmaster.pid && {shlex.join(command)}"
    stopped.run(container, script, purpose="restore", network=network)


def _start_recovery(container: Container, plan: StorePlan) -> None:
    try:
        stopped.start(container)
        wait_for_recovery(str(container.name))
    except PlatformError as error:
        if not ends_early(error):
            raise
        if not plan.or_end:
            raise early_end(error, plan) from error
        container.stop(timeout=stopped.STOP_SECONDS)
        stopped.run(container, NO_TARGET, purpose="restore")
        stopped.start(container)
        wait_for_recovery(str(container.name))


def _recovers(container: Container, plan: StorePlan) -> bool:
    """Whether the server starts on the files that an interrupted run restored; if not, they are restored again."""
    try:
        _start_recovery(container, plan)
    except PlatformError:
        return False
    return True


def _was_promoted(container: Container, before: int) -> bool:
    """Whether the server was promoted to a new timeline: its history file exists, and its recovery signal is gone.

    Read from files, since the server may be stopped, or killed halfway.
    """
    script = (
        f"last=$(ls {PGDATA}/pg_wal 2>/dev/null | grep -E '^[0-9A-F]{{8}}[.]history$' | sort | tail -n 1); "
        f'[ -e {PGDATA}/global/pg_control ] && [ ! -e {PGDATA}/recovery.signal ] && [ -n "$last" ] && '
        f"[ $((0x${{last%.history}})) -gt {before} ] || exit {stopped.NOT_SO}"
    )
    try:
        stopped.run(container, script, purpose="restore")
    except stopped.ScriptError as error:
        if error.code == stopped.NOT_SO:
            return False
        raise
    return True


NO_TARGET = f"sed -i '/^recovery_target_\\(time\\|lsn\\|inclusive\\|action\\)/d' {PGDATA}/postgresql.auto.conf"
"""A shell line that makes recovery go to the end of the WAL, along the same timeline."""


def ends_early(error: PlatformError) -> bool:
    """Whether the server stopped because its WAL ended before the target."""
    return "recovery ended before configured recovery target was reached" in error.what


def early_end(error: PlatformError, plan: StorePlan) -> PlatformError:
    """The error for a WAL that ends before the target, where its end does not count as the target."""
    return PlatformError(
        what=f"the archived log ends before {_target_text(plan)}" + (f": {plan.doubt}" if plan.doubt else ""),
        where=error.where,
        next_step="give an earlier target, or --to latest for the whole log",
    )


def _target_text(plan: StorePlan) -> str:
    return plan.lsn or (plan.until.isoformat(timespec="milliseconds") if plan.until else "its end")


def wait_for_recovery(container: str) -> None:
    """Wait until PostgreSQL has replayed its WAL and was promoted.

    Raises PlatformError with its last log lines if it stops, most often because its WAL ends too early.
    """
    question = ("psql", "--no-psqlrc", "-Atq", f"--dbname={database('postgres')}", "--command=select pg_is_in_recovery()")
    for in_time in looks(_RECOVERY_SECONDS):
        server: Any = docker_client().containers.get(container)
        if server.status == "running":
            try:
                if execute_short(server, question, user=pgbackrest.USER).text() == "f":
                    return
            except PlatformError:
                server.reload()
                if server.status == "running":
                    raise
                # It stopped while it was asked: the next look tells why.
        else:
            said = server.logs(tail=8).decode(errors="replace").strip()
            raise PlatformError(what=f"PostgreSQL stopped while replaying its log:\n{said}", where=f"container {container}")
        if not in_time:
            raise PlatformError(what="PostgreSQL did not finish replaying its log", where=f"container {container}")
