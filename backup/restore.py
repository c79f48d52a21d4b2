"""Restoring: into stores of its own beside the live ones, or, on an explicit word, onto the live ones."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airgap.errors import PlatformError
from airgap.setup.progress import Progress, SilentProgress
from backup import drill, keys, lock, postgres, refill, restore_live, run, sets
from backup.containers import docker_client
from backup.files import write_atomically
from backup.model import STORES, Manifest, Store
from backup.refill import Timing
from backup.run import SharedProgress, known_stores
from backup.scratch import PURPOSE_LABEL, Scratch, remove_labelled
from backup.storage import bring_back, mirror
from backup.targets import StorePlan, Target, parse_target, plan
from infra.components.names import STACK_LABEL
from infra.connections import LOCAL, Platform

PURPOSE = "restore"
_NAME = re.compile(r"[a-z][a-z0-9-]{1,40}")
_STATE = "state.json"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did, or would do: which set and moment for each store, what is lost, and how long it took or may take."""

    target: str
    into: str
    live: bool
    dry_run: bool
    stores: dict[str, dict[str, Any]]
    seconds: float | None
    connections: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The outcome for `--json`."""
        return {name: getattr(self, name) for name in ("target", "into", "live", "dry_run", "stores", "seconds", "connections")}


def restore(
    platform: Platform,
    to: str = "latest",
    *,
    stores: Sequence[str] | None = None,
    into: str | None = None,
    live: bool = False,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    folder: Path | None = None,
    place: str = "",
) -> Restored:
    """Restore to `latest`, a time, a position in PostgreSQL's log or a set.

    By default into new stores named `into` (a random name without), which stay until `remove` takes them away. With `live`,
    onto the stack itself, after a safety backup; refused while clients write, unless `force`. `dry_run` only tells.
    `place` names the copy that is read in place of the first place: that one may be lost. With `live` it has to be lost, and the copy,
    or that with the newest set, becomes the first place again.
    An interrupted restore is run again by the same call. Raises PlatformError where the target can't be reached.
    """
    folder = folder or sets.folder_of(platform.stack)
    progress = progress or SilentProgress()
    if live and (place := bring_back.choose(platform, folder, place, stores)) and not dry_run:
        bring_back.bring_back(platform, folder, place, progress)
        place = ""
    every = mirror.sets_at(platform, folder, place)
    target = parse_target(to, every)
    if not dry_run and not live and not place and _catch_up(platform, target, stores_for(target, every, stores), every, progress, folder):
        every = sets.list_sets(folder=folder)
    wanted = plan(target, every, stores_for(target, every, stores), datetime.now(UTC))
    if dry_run:
        return _told(platform, target, into or "a new name", wanted, live=live, seconds=_estimate(folder, wanted))
    if live:
        if into and into != platform.stack:
            raise PlatformError(what="onto the live stack, or into another one, but not both", where=f"--live --into {into}")
        began = time.monotonic()
        done = restore_live.restore(platform, target, tuple(wanted), force=force, progress=progress, folder=folder)
        told = _told(platform, target, platform.stack, done, live=True, seconds=None)
        return Restored(**{**told.as_dict(), "dry_run": False, "seconds": round(time.monotonic() - began, 1)})
    use = refill.ingredients_of(platform, keys.repository_passphrase(platform), folder, place)
    return _restore_beside(platform, target, wanted, every, into or f"restore-{secrets.token_hex(3)}", progress, use)


def _catch_up(
    platform: Platform, target: Target, stores: Sequence[Store], every: Sequence[Manifest], progress: Progress, folder: Path
) -> bool:
    """Have the logs of stores that still run kept up to now, where the target may lie behind the newest set; tells if a set was made."""
    if target.set_id or target.lsn:
        return False
    if "postgres" in stores:
        progress.status("having PostgreSQL's log archived up to now")
        postgres.archive_now(platform)
    copied = [each.redis.aof_at for each in every if each.redis]
    if target.moment and "redis" in stores and (not copied or max(copied) < target.moment):
        progress.status("copying Redis' log up to now")
        try:
            run.make(platform, kind="full", stores=["redis"], progress=progress, folder=folder)
        except PlatformError as error:
            progress.log(f"Redis' log could not be copied, so what is newer than the newest set is not in it: {error.what}")
            return False
        return True
    return False


def stores_for(target: Target, every: Sequence[Manifest], stores: Sequence[str] | None) -> tuple[Store, ...]:
    """The stores meant: those named, else those that the target has."""
    if stores:
        return known_stores(stores)
    if target.lsn:
        return ("postgres",)
    if target.set_id:
        return next(each for each in every if each.id == target.set_id).stores
    return STORES


def _told(
    platform: Platform, target: Target, into: str, wanted: Mapping[Store, StorePlan], *, live: bool, seconds: float | None
) -> Restored:
    """The plan in words and figures. What a store shows is its state at `shows`; what came after that is lost."""
    now = datetime.now(UTC)
    told: dict[str, dict[str, Any]] = {}
    for store, each in wanted.items():
        shows = each.until
        if store == "postgres" and shows is None and each.lsn is None:
            lost = _unarchived(platform, each.manifest)
        else:
            lost = (now - (shows or now)).total_seconds()
        told[store] = {
            "set": each.manifest.id,
            "shows": shows.isoformat(timespec="milliseconds") if shows else (each.lsn or "the end of the archived log"),
            "seconds_lost": round(max(0.0, lost), 1),
            "replays": "log" if store == "postgres" else ("log, cut off" if each.truncate else "nothing"),
        }
    return Restored(target=str(target), into=into, live=live, dry_run=True, stores=told, seconds=seconds)


def _unarchived(platform: Platform, manifest: Manifest) -> float:
    """Seconds of writes that no archived log has; of a server that can't be asked any more, all since the set: the most it may be."""
    import psycopg

    try:
        return drill.loss_now(platform, [manifest]).get("postgres", 0.0)
    except psycopg.OperationalError:
        return (datetime.now(UTC) - manifest.moments()["postgres"]).total_seconds()


def _estimate(folder: Path, wanted: Mapping[Store, StorePlan]) -> float | None:
    """Seconds that a restore may take, from the newest drill of the same stores; None where there was none."""
    for past in reversed(drill.history(folder)):
        timings = past.get("stores", {})
        if past.get("passed") and set(wanted) <= set(timings):
            return round(max(float(timings[store]["files"] + timings[store]["start"]) for store in wanted), 1)
    return None


def home(name: str) -> Path:
    """Where a restored stack's CA and connections are."""
    return LOCAL / "restores" / name


def _restore_beside(
    platform: Platform,
    target: Target,
    wanted: Mapping[Store, StorePlan],
    every: list[Manifest],
    name: str,
    progress: Progress,
    use: refill.Ingredients,
) -> Restored:
    _check_name(platform, name)
    began = time.monotonic()
    place = home(name)
    with lock.hold(place, f"a restore into {name}"):
        state = _state(place)
        if state == "done":
            raise PlatformError(
                what=f"{name} was restored before and is still there",
                where=str(place),
                next_step=f"choose another name, or remove it: invoke backup.remove {name}",
            )
        remove_labelled([f"{STACK_LABEL}={name}", f"{PURPOSE_LABEL}={PURPOSE}"], lambda _: True)
        write_atomically(place / _STATE, b'{"state": "running"}')
        made = Scratch(name, PURPOSE, place, owned=False)
        try:
            made.open()
            _fill(made, platform, use, wanted, every, progress)
        except BaseException:
            made.close()
            raise
        _write_connections(place, made, platform)
        write_atomically(place / _STATE, b'{"state": "done"}')
    told = _told(platform, target, name, wanted, live=False, seconds=None)
    took = round(time.monotonic() - began, 1)
    return Restored(**{**told.as_dict(), "dry_run": False, "seconds": took, "connections": str(place / "connections.json")})


def _check_name(platform: Platform, name: str) -> None:
    """Refuse a name that is no name, or that anything else on this machine has."""
    if not _NAME.fullmatch(name):
        raise PlatformError(
            what=f"{name!r} can't be a stack's name", where="--into", next_step="use lower-case letters, digits and hyphens"
        )
    filters: dict[str, str | list[str] | bool] = {"label": [f"{STACK_LABEL}={name}"]}
    there = [
        str(each.name)
        for each in docker_client().containers.list(all=True, ignore_removed=True, filters=filters)
        if each.labels.get(PURPOSE_LABEL) != PURPOSE
    ]
    if there or name == platform.stack:
        raise PlatformError(
            what=f"{name} is a live stack: {', '.join(there) or platform.stack}",
            where="--into",
            next_step="choose another name; --live restores onto the live stack",
        )


def _state(place: Path) -> str:
    try:
        return str(json.loads((place / _STATE).read_text(encoding="utf-8"))["state"])
    except (OSError, ValueError, KeyError):
        return ""


def _fill(
    made: Scratch,
    platform: Platform,
    use: refill.Ingredients,
    wanted: Mapping[Store, StorePlan],
    every: list[Manifest],
    progress: Progress,
) -> None:
    shared = SharedProgress(progress)
    passwords = {name: platform.secret(name, "redis") for name in ("admin", "monitor")}
    root_key = secrets.token_urlsafe(24)

    def weaviate(told: Progress) -> Timing:
        drill.start_embedder(made, platform, use)
        plan_ = wanted["weaviate"]
        return refill.weaviate(made, use, plan_, refill.chain_of(plan_.manifest, every), root_key, told)

    jobs: dict[Store, Callable[[Progress], Timing]] = {
        "postgres": lambda told: refill.postgres(made, use, wanted["postgres"], told),
        "redis": lambda told: refill.redis(made, use, wanted["redis"], passwords, told),
        "weaviate": weaviate,
    }
    with ThreadPoolExecutor(max_workers=len(jobs), thread_name_prefix="restore") as pool:
        running = [pool.submit(jobs[store], shared.of(store)) for store in wanted]
    for future in running:
        future.result()


def _write_connections(place: Path, made: Scratch, platform: Platform) -> None:
    """How to reach the restored stores: each account has the password that it has in the live stack."""
    there = made.platform(platform.accounts, embedding_profile=platform.embedding_profile, embedding_key=platform.embedding_key)
    known: dict[str, Any] = {"ca_file": str(made.ca_file), "containers": there.containers, "accounts": {}}
    for name, secret in platform.accounts.items():
        urls = {}
        if secret.postgres and "postgres" in there.endpoints:
            urls["DATABASE_URL"] = there.postgres_url(name)
        if secret.redis and "redis" in there.endpoints:
            urls["REDIS_URL"] = there.redis_url(name)
        if secret.weaviate and "weaviate" in there.endpoints:
            urls |= {"WEAVIATE_URL": there.weaviate_url(), "WEAVIATE_API_KEY": secret.weaviate}
        if urls:
            known["accounts"][name] = urls
    write_atomically(place / "connections.json", json.dumps(known, indent=2).encode() + b"\n")


def remove(name: str) -> int:
    """Remove what was restored under a name, data included; returns how many containers, volumes and networks went.

    Raises PlatformError where nothing of that name was restored.
    """
    place = home(name)
    removed = remove_labelled([f"{STACK_LABEL}={name}", f"{PURPOSE_LABEL}={PURPOSE}"], lambda _: True)
    if not removed and not place.exists():
        raise PlatformError(what=f"nothing was restored into {name}", where=str(place), next_step="see .christmas/restores for what was")
    for path in sorted(place.glob("*")) if place.exists() else ():
        path.unlink()
    if place.exists():
        place.rmdir()
    return removed
