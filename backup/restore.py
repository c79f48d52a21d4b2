"""Restores: into new stores beside the live ones or, if asked explicitly, onto the live ones."""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backup import drill, make
from backup.make import known_stores
from backup.postgres import known_log, live_log
from backup.postgres.choice_of_timeline import KnownLog, insist_on_line, lineage
from backup.restoring import live
from backup.restoring.beside import fill
from backup.restoring.ingredients import Ingredients, ingredients_of
from backup.restoring.journal import Begun, Journal, refuse_part
from backup.restoring.outcome import RestoreOutcome, Seen, tell
from backup.restoring.scratch import Scratch
from backup.restoring.targets import StorePlan, Target, parse_target, plan
from backup.sets import folders, keys
from backup.sets.model import STORES, Manifest, Store
from backup.storage import bring_back, mirror
from core import lock
from core.disk import write_whole
from core.docker_client import docker_client
from core.errors import PlatformError
from core.labels import PURPOSE_LABEL, STACK_LABEL, with_labels
from core.leftovers import remove_labelled, remove_of_dead_processes
from core.patience import patience
from core.progress import Progress, SilentProgress
from core.step import Step, follow
from core.waiting import looks
from infra.backup_places import FIRST
from infra.connections import LOCAL, Platform

PURPOSE = "restore"
_NAME = re.compile(r"[a-z][a-z0-9-]{1,40}")
_STATE = "state.json"
_LET_GO_SECONDS = 10


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
    if live and into and into != platform.stack:
        raise PlatformError(what="--live and --into exclude each other", where=f"--live --into {into}")
    run = _Run(
        platform, folder or folders.folder_of(platform.stack), to, stores, into, place, timeline, live=live, force=force, dry_run=dry_run
    )
    follow(run.steps(), progress or SilentProgress())
    return run.outcome


@dataclass(slots=True)
class _Run:
    """One restore: what was asked for, then what its steps read and planned, and the outcome."""

    platform: Platform
    folder: Path
    to: str
    named: Sequence[str] | None
    into: str | None
    place: str
    timeline: int | None
    live: bool
    force: bool
    dry_run: bool
    every: list[Manifest] = field(default_factory=list)
    target: Target = field(default_factory=Target)
    stores: tuple[Store, ...] = ()
    begun: Begun | None = None
    log: KnownLog | None = None
    plans: dict[Store, StorePlan] = field(default_factory=dict)
    outcome: RestoreOutcome = field(init=False)

    def steps(self) -> list[Step]:
        """The restore from its beginning to its end. An interrupted one is begun again from the first step."""
        return [
            Step("bring a lost first place back from a copy", "a live restore reads the first place", self._first_place),
            Step("read the sets, the target, and what an interrupted live restore left", "they say what is to be done", self._read),
            Step("copy Redis' log up to now", "the newest set may be older than the target", self._copy_redis, self._needs_no_redis),
            Step("have PostgreSQL's log archived, and look how far it goes", "the target lies in it", self._look, self._goes_on),
            Step("choose each store's set and way to the target", "nothing is touched without a proven one", self._plan, self._goes_on),
            Step("say what would be done", "nothing is restored", self._only_say, lambda: not self.dry_run),
            Step("restore onto the live stores", "see the steps there", self._onto_the_live, lambda: self.dry_run or not self.live),
            Step("restore into new stores beside the live ones", "they stay", self._beside, lambda: self.dry_run or self.live),
        ]

    def _goes_on(self) -> bool:
        """Whether a live restore that was cut off goes on, along the timeline that its journal noted: the server's no longer counts."""
        return self.live and not self.dry_run and self.begun is not None and self.begun.half

    def _first_place(self, progress: Progress) -> None:
        if self.live:
            self.place = bring_back.choose(self.platform, self.folder, self.place, self.named)
        if self.live and self.place and not self.dry_run:
            bring_back.bring_back(self.platform, self.folder, self.place, progress)
            self.place = ""
        elif self.place in ("", FIRST):
            refuse_part(self.folder)

    def _read(self, progress: Progress) -> None:
        self.every = mirror.sets_at(self.platform, self.folder, self.place)
        self.target = parse_target(self.to, self.every)
        self.stores = stores_for(self.target, self.every, self.named)
        self.begun = Journal(self.folder).read()
        if self.begun and not self._goes_on():
            progress.log(f"{self.begun.description()}; {self.begun.next_step()}")

    def _needs_no_redis(self) -> bool:
        if self.live or self.dry_run or self.place or "redis" not in self.stores or not self.target.moment:
            return True
        copied = [manifest.redis.aof_at for manifest in self.every if manifest.redis]
        return bool(copied) and max(copied) >= self.target.moment

    def _copy_redis(self, progress: Progress) -> None:
        progress.status("copying Redis' log up to now")
        try:
            make.make(self.platform, kind="full", stores=["redis"], progress=progress, folder=self.folder)
        except PlatformError as error:
            progress.log(f"Redis' log could not be copied: changes after the newest set are not restored: {error.what}")
        else:
            self.every = folders.list_sets(folder=self.folder)

    def _look(self, progress: Progress) -> None:
        if "postgres" in self.stores:
            progress.status("having PostgreSQL's log archived up to now")
            along = self.timeline or (self.begun.along if self.begun and self.begun.half else None)
            archive = not self.target.set_id
            self.log = known_log.look(self.platform, self.folder, self.every, place=self.place, timeline=along, archive=archive)

    def _plan(self, _: Progress) -> None:
        # Until the full set that follows a live restore exists, the newest set shows the undone state.
        undone = self.begun.safety if self.begun and self.target == Target() else None
        usable = [manifest for manifest in self.every if manifest.id != undone]
        self.plans = plan(self.target, usable, self.stores, datetime.now(UTC), self.log)
        if self.live:
            _refuse_doubt(self.target, self.plans)

    def _only_say(self, _: Progress) -> None:
        name = self.platform.stack if self.live else self.into or "a new name"
        seconds = _estimate(self.folder, self.plans)
        self.outcome = tell(self.target, name, self.plans, self.every, self.log, live=self.live, seconds=seconds)

    def _onto_the_live(self, progress: Progress) -> None:
        began = time.monotonic()
        plans, end = live.restore(
            self.platform, self.target, self.stores, force=self.force, progress=progress, folder=self.folder, log=self.log
        )
        moments = [datetime.fromisoformat(moment) if moment else None for moment in (end.committed, end.replayed.get("committed"))]
        seen = Seen(moments[0], moments[1], end.replayed.get("position"))
        every = folders.list_sets(folder=self.folder)
        after = known_log.look(self.platform, self.folder, every, archive=False) if "postgres" in self.stores else None
        seconds = round(time.monotonic() - began, 1)
        self.outcome = tell(self.target, self.platform.stack, plans, every, after, live=True, seconds=seconds, seen=seen)

    def _beside(self, progress: Progress) -> None:
        ingredients = ingredients_of(self.platform, keys.repository_passphrase(self.platform), self.folder, self.place)
        name = self.into or f"restore-{secrets.token_hex(3)}"
        self.outcome = _restore_beside(self.platform, self.target, self.plans, self.every, name, progress, ingredients, self.log)


def _refuse_doubt(target: Target, plans: Mapping[Store, StorePlan]) -> None:
    doubt = plans["postgres"].doubt if "postgres" in plans else ""
    if doubt:
        raise PlatformError(
            what=f"nothing proves that {target} can be reached, so nothing was touched: {doubt}",
            where="--live",
            next_step="restore it beside first (without --live), which shows what can be reached; or give an earlier target, or a set's id",
        )


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
        _clear(name)
        write_whole(own_folder / _STATE, b'{"state": "running"}')
        scratch_stores = Scratch(name, PURPOSE, own_folder, owned=False)
        try:
            scratch_stores.open()
            restored = fill(scratch_stores, platform, ingredients, plans, every, {}, progress)
            seen = _seen(platform, scratch_stores, plans, log, every)
        except BaseException:
            scratch_stores.close()
            _empty(own_folder)
            raise
        _write_connections(own_folder, restored)
        write_whole(own_folder / _STATE, b'{"state": "done"}')
    took = round(time.monotonic() - began, 1)
    outcome = tell(target, name, plans, every, log, seconds=took, seen=seen)
    return dataclasses.replace(outcome, connections=str(own_folder / "connections.json"))


def _clear(name: str) -> None:
    """Remove what a killed run of this restore left. Its last requests may still be on their way, and its helpers hold its volumes."""
    for in_time in looks(patience(_LET_GO_SECONDS)):
        remove_of_dead_processes()
        lines = remove_labelled([f"{STACK_LABEL}={name}", f"{PURPOSE_LABEL}={PURPOSE}"], lambda _: True)
        if not in_time or not any(line.startswith("kept") for line in lines):
            return


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


def _write_connections(own_folder: Path, restored: Platform) -> None:
    """Write how to reach the restored stores: each account has its password of the live stack."""
    known: dict[str, Any] = {"ca_file": str(restored.ca_file), "containers": restored.containers, "accounts": {}}
    for name, secret in restored.accounts.items():
        urls = {}
        if secret.postgres and "postgres" in restored.endpoints:
            urls["DATABASE_URL"] = restored.postgres_url(name)
        if secret.redis and "redis" in restored.endpoints:
            urls["REDIS_URL"] = restored.redis_url(name)
        if secret.weaviate and "weaviate" in restored.endpoints:
            urls |= {"WEAVIATE_URL": restored.weaviate_url(), "WEAVIATE_API_KEY": secret.weaviate}
        if urls:
            known["accounts"][name] = urls
    write_whole(own_folder / "connections.json", json.dumps(known, indent=2).encode() + b"\n")


def remove(name: str) -> int:
    """Remove restored stores by their name, with their data; returns how many containers, volumes and networks were removed.

    Raises PlatformError if no restore has that name.
    """
    own_folder = home(name)
    lines = remove_labelled([f"{STACK_LABEL}={name}", f"{PURPOSE_LABEL}={PURPOSE}"], lambda _: True)
    removed = sum(line.startswith("removed") for line in lines)
    if not removed and not own_folder.exists():
        raise PlatformError(what=f"no restore is named {name}", where=str(own_folder), next_step=".christmas/restores lists them")
    for path in sorted(own_folder.glob("*")) if own_folder.exists() else ():
        path.unlink()
    if own_folder.exists():
        own_folder.rmdir()
    return removed
