"""Restores: into new stores beside the live ones or, if asked explicitly, onto the live ones."""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backup import drill, make
from backup.make import SharedProgress, known_stores
from backup.postgres import known_log, live_log
from backup.postgres import restore as postgres_restore
from backup.postgres.choice_of_timeline import KnownLog, insist_on_line, lineage
from backup.redis import restore as redis_restore
from backup.restoring import live
from backup.restoring.ingredients import Ingredients, Timing, ingredients_of
from backup.restoring.journal import Journal, refuse_part
from backup.restoring.scratch import Scratch, remove_labelled
from backup.restoring.targets import StorePlan, Target, parse_target, plan
from backup.restoring.told import RestoreOutcome, Seen, tell
from backup.sets import folders, keys
from backup.sets.model import STORES, Manifest, Store
from backup.storage import bring_back, mirror
from backup.weaviate import restore as weaviate_restore
from core import lock
from core.disk import write_whole
from core.docker_client import docker_client
from core.errors import PlatformError
from core.labels import PURPOSE_LABEL, STACK_LABEL, with_labels
from core.progress import Progress, SilentProgress
from infra.backup_places import FIRST
from infra.connections import LOCAL, Platform

PURPOSE = "restore"
_NAME = re.compile(r"[a-z][a-z0-9-]{1,40}")
_STATE = "state.json"


def restore(
    platform: Platform,
    to: str = "latest",
    *,
    stores: Sequence[str] | None = None,
    into: str | None = None,
    live: bool = False,
    force: bool = False,
    dry_run: bool = False,
    timeline: int | None = None,
    progress: Progress | None = None,
    folder: Path | None = None,
    place: str = "",
) -> RestoreOutcome:
    """Restore to `latest`, a time, a WAL position or a set.

    By default into new stores named `into` (a random name if empty), which stay until `remove` deletes them. With `live`,
    onto the stack itself, after a safety backup; refused while clients write, unless `force`. `dry_run` only reports.
    PostgreSQL's WAL is replayed along the live timeline; `timeline` names another one, of an abandoned branch.
    `place` names the copy to read instead of the first place, which may be lost. With `live` the first place must be lost; the named
    copy, or the one with the newest set, then becomes the first place.
    Call it again to continue an interrupted restore. Raises PlatformError if the target can't be reached.
    """
    folder = folder or folders.folder_of(platform.stack)
    progress = progress or SilentProgress()
    if live and into and into != platform.stack:
        raise PlatformError(what="--live and --into exclude each other", where=f"--live --into {into}")
    if live and (place := bring_back.choose(platform, folder, place, stores)) and not dry_run:
        bring_back.bring_back(platform, folder, place, progress)
        place = ""
    elif place in ("", FIRST):
        refuse_part(folder)
    every = mirror.sets_at(platform, folder, place)
    target = parse_target(to, every)
    chosen = stores_for(target, every, stores)
    begun = Journal(folder).read()
    if live and begun and begun.half:
        # Continue along the timeline that the journal noted: the present server's timeline no longer counts.
        return _onto_the_live(platform, target, chosen, None, force=force, progress=progress, folder=folder)
    if begun:
        progress.log(f"{begun.told()}; {begun.next_step()}")
    if not dry_run and not live and not place and _copy_redis(platform, target, chosen, every, progress, folder):
        every = folders.list_sets(folder=folder)
    along = timeline or (begun.along if begun and begun.half else None)
    log = _look(platform, folder, every, place, along, chosen, progress, archive=not target.set_id)
    # Until the full set that follows a live restore exists, the newest set shows the undone state.
    undone = begun.safety if begun and target == Target() else None
    plans = plan(target, [manifest for manifest in every if manifest.id != undone], chosen, datetime.now(UTC), log)
    if live:
        _refuse_doubt(target, plans)
    if dry_run:
        name = platform.stack if live else into or "a new name"
        return tell(target, name, plans, every, log, live=live, seconds=_estimate(folder, plans))
    if live:
        return _onto_the_live(platform, target, chosen, log, force=force, progress=progress, folder=folder)
    ingredients = ingredients_of(platform, keys.repository_passphrase(platform), folder, place)
    return _restore_beside(platform, target, plans, every, into or f"restore-{secrets.token_hex(3)}", progress, ingredients, log)


def _look(
    platform: Platform,
    folder: Path,
    every: Sequence[Manifest],
    place: str,
    timeline: int | None,
    stores: Sequence[Store],
    progress: Progress,
    *,
    archive: bool,
) -> KnownLog | None:
    """The state of PostgreSQL's WAL, archived up to now if the server runs; None if PostgreSQL is not restored."""
    if "postgres" not in stores:
        return None
    progress.status("having PostgreSQL's log archived up to now")
    return known_log.look(platform, folder, every, place=place, timeline=timeline, archive=archive)


def _refuse_doubt(target: Target, plans: Mapping[Store, StorePlan]) -> None:
    doubt = plans["postgres"].doubt if "postgres" in plans else ""
    if doubt:
        raise PlatformError(
            what=f"nothing proves that {target} can be reached, so nothing was touched: {doubt}",
            where="--live",
            next_step="restore it beside first (without --live), which shows what can be reached; or give an earlier target, or a set's id",
        )


def _onto_the_live(
    platform: Platform, target: Target, stores: tuple[Store, ...], log: KnownLog | None, *, force: bool, progress: Progress, folder: Path
) -> RestoreOutcome:
    began = time.monotonic()
    plans, end = live.restore(platform, target, stores, force=force, progress=progress, folder=folder, log=log)
    moments = [datetime.fromisoformat(moment) if moment else None for moment in (end.committed, end.replayed.get("committed"))]
    seen = Seen(moments[0], moments[1], end.replayed.get("position"))
    every = folders.list_sets(folder=folder)
    after = known_log.look(platform, folder, every, archive=False) if "postgres" in stores else None
    seconds = round(time.monotonic() - began, 1)
    return tell(target, platform.stack, plans, every, after, live=True, seconds=seconds, seen=seen)


def _copy_redis(
    platform: Platform, target: Target, stores: Sequence[Store], every: Sequence[Manifest], progress: Progress, folder: Path
) -> bool:
    """Copy Redis' AOF if the target may be later than the newest set; returns whether a set was made."""
    if target.set_id or target.lsn:
        return False
    copied = [manifest.redis.aof_at for manifest in every if manifest.redis]
    if target.moment and "redis" in stores and (not copied or max(copied) < target.moment):
        progress.status("copying Redis' log up to now")
        try:
            make.make(platform, kind="full", stores=["redis"], progress=progress, folder=folder)
        except PlatformError as error:
            progress.log(f"Redis' log could not be copied: changes after the newest set are not restored: {error.what}")
            return False
        return True
    return False


def stores_for(target: Target, every: Sequence[Manifest], stores: Sequence[str] | None) -> tuple[Store, ...]:
    """The stores to restore: those named, else all stores of the target."""
    if stores:
        return known_stores(stores)
    if target.lsn:
        return ("postgres",)
    if target.set_id:
        return next(manifest for manifest in every if manifest.id == target.set_id).stores
    return STORES


def _estimate(folder: Path, plans: Mapping[Store, StorePlan]) -> float | None:
    """Estimated seconds of a restore, from the newest drill of the same stores; None if there was none."""
    for past in reversed(drill.history(folder)):
        timings = past.get("stores", {})
        if past.get("passed") and set(plans) <= set(timings):
            return round(max(float(timings[store]["files"] + timings[store]["start"]) for store in plans), 1)
    return None


def home(name: str) -> Path:
    """The folder of a restored stack's CA and connections."""
    return LOCAL / "restores" / name


def _restore_beside(
    platform: Platform,
    target: Target,
    plans: Mapping[Store, StorePlan],
    every: list[Manifest],
    name: str,
    progress: Progress,
    ingredients: Ingredients,
    log: KnownLog | None,
) -> RestoreOutcome:
    _check_name(platform, name)
    began = time.monotonic()
    own_folder = home(name)
    with lock.hold(own_folder, f"a restore into {name}"):
        state = _state(own_folder)
        if state == "done":
            raise PlatformError(
                what=f"{name} still exists from an earlier restore",
                where=str(own_folder),
                next_step=f"choose another name, or remove it: invoke backup.remove {name}",
            )
        remove_labelled([f"{STACK_LABEL}={name}", f"{PURPOSE_LABEL}={PURPOSE}"], lambda _: True)
        write_whole(own_folder / _STATE, b'{"state": "running"}')
        scratch_stores = Scratch(name, PURPOSE, own_folder, owned=False)
        try:
            scratch_stores.open()
            _fill(scratch_stores, platform, ingredients, plans, every, progress)
            seen = _seen(platform, scratch_stores, plans, log, every)
        except BaseException:
            scratch_stores.close()
            _empty(own_folder)
            raise
        _write_connections(own_folder, scratch_stores, platform)
        write_whole(own_folder / _STATE, b'{"state": "done"}')
    took = round(time.monotonic() - began, 1)
    outcome = tell(target, name, plans, every, log, seconds=took, seen=seen)
    return dataclasses.replace(outcome, connections=str(own_folder / "connections.json"))


def _empty(own_folder: Path) -> None:
    """Remove the keys and connections that a failed restore wrote. The lock file stays for the next one."""
    for path in own_folder.iterdir():
        if path.name != lock.FILE:
            path.unlink(missing_ok=True)


def _seen(
    platform: Platform, scratch_stores: Scratch, plans: Mapping[Store, StorePlan], log: KnownLog | None, every: Sequence[Manifest]
) -> Seen:
    """PostgreSQL's last replayed commit and the live server's last commit, after checking the replayed timeline.

    Raises PlatformError if the replay went into an abandoned branch.
    """
    if "postgres" not in plans:
        return Seen()
    replayed = live_log.replayed(str(scratch_stores.containers["timescaledb"].name))
    if log and plans["postgres"].timeline is not None:
        insist_on_line(replayed.history, lineage([manifest for manifest in every if manifest.postgres], log).line)
    live = live_log.ask(platform)
    now = live.committed if live else None
    if now and log and log.live and now == log.ticked:
        # The only later commit is the one that this restore made itself.
        now = log.live.committed
    return Seen(now, replayed.committed, replayed.position)


def _check_name(platform: Platform, name: str) -> None:
    """Raise PlatformError for an invalid name, and for one that is in use on this machine."""
    if not _NAME.fullmatch(name):
        raise PlatformError(
            what=f"{name!r} can't be a stack's name", where="--into", next_step="use lower-case letters, digits and hyphens"
        )
    filters = with_labels(f"{STACK_LABEL}={name}")
    existing = [
        str(container.name)
        for container in docker_client().containers.list(all=True, ignore_removed=True, filters=filters)
        if container.labels.get(PURPOSE_LABEL) != PURPOSE
    ]
    if existing or name == platform.stack:
        raise PlatformError(
            what=f"{name} is a live stack: {', '.join(existing) or platform.stack}",
            where="--into",
            next_step="choose another name; --live restores onto the live stack",
        )


def _state(own_folder: Path) -> str:
    try:
        return str(json.loads((own_folder / _STATE).read_text(encoding="utf-8"))["state"])
    except (OSError, ValueError, KeyError):
        return ""


def _fill(
    scratch_stores: Scratch,
    platform: Platform,
    ingredients: Ingredients,
    plans: Mapping[Store, StorePlan],
    every: list[Manifest],
    progress: Progress,
) -> None:
    shared = SharedProgress(progress)
    passwords = {name: platform.secret(name, "redis") for name in ("admin", "monitor")}
    root_key = secrets.token_urlsafe(24)

    def weaviate(store_progress: Progress) -> Timing:
        drill.start_embedder(scratch_stores, platform, ingredients)
        plan_ = plans["weaviate"]
        return weaviate_restore.beside(
            scratch_stores, ingredients, plan_, weaviate_restore.chain_of(plan_.manifest, every), root_key, store_progress
        )

    jobs: dict[Store, Callable[[Progress], Timing]] = {
        "postgres": lambda store_progress: postgres_restore.beside(scratch_stores, ingredients, plans["postgres"], store_progress),
        "redis": lambda store_progress: redis_restore.beside(scratch_stores, ingredients, plans["redis"], passwords, store_progress),
        "weaviate": weaviate,
    }
    with ThreadPoolExecutor(max_workers=len(jobs), thread_name_prefix="restore") as pool:
        running = [pool.submit(jobs[store], shared.of(store)) for store in plans]
    for future in running:
        future.result()


def _write_connections(own_folder: Path, scratch_stores: Scratch, platform: Platform) -> None:
    """Write how to reach the restored stores: each account has its password of the live stack."""
    restored_platform = scratch_stores.platform(
        platform.accounts, embedding_profile=platform.embedding_profile, embedding_key=platform.embedding_key
    )
    known: dict[str, Any] = {"ca_file": str(scratch_stores.ca_file), "containers": restored_platform.containers, "accounts": {}}
    for name, secret in platform.accounts.items():
        urls = {}
        if secret.postgres and "postgres" in restored_platform.endpoints:
            urls["DATABASE_URL"] = restored_platform.postgres_url(name)
        if secret.redis and "redis" in restored_platform.endpoints:
            urls["REDIS_URL"] = restored_platform.redis_url(name)
        if secret.weaviate and "weaviate" in restored_platform.endpoints:
            urls |= {"WEAVIATE_URL": restored_platform.weaviate_url(), "WEAVIATE_API_KEY": secret.weaviate}
        if urls:
            known["accounts"][name] = urls
    write_whole(own_folder / "connections.json", json.dumps(known, indent=2).encode() + b"\n")


def remove(name: str) -> int:
    """Remove restored stores by their name, with their data; returns how many containers, volumes and networks were removed.

    Raises PlatformError if no restore has that name.
    """
    own_folder = home(name)
    removed = remove_labelled([f"{STACK_LABEL}={name}", f"{PURPOSE_LABEL}={PURPOSE}"], lambda _: True)
    if not removed and not own_folder.exists():
        raise PlatformError(what=f"no restore is named {name}", where=str(own_folder), next_step=".christmas/restores lists them")
    for path in sorted(own_folder.glob("*")) if own_folder.exists() else ():
        path.unlink()
    if own_folder.exists():
        own_folder.rmdir()
    return removed
