"""The drill restores a set into scratch containers, proves it against its manifest and measures the time. It only reads the live stores.

A backup counts only after a drill of it has passed.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backup import later_dump
from backup.postgres import back_up as postgres
from backup.postgres.logical import Dump
from backup.proving import proofs
from backup.proving.proof import READER
from backup.restoring.beside import fill
from backup.restoring.ingredients import Ingredients, Timing, ingredients_of
from backup.restoring.journal import refuse_part
from backup.restoring.scratch import Scratch, scratch
from backup.restoring.targets import Target, plan
from backup.sets import folders, keys, marks
from backup.sets.model import Manifest, Store
from backup.storage.mirror import sets_at
from core import lock
from core.container_commands import execute
from core.errors import PlatformError
from core.progress import Progress, SilentProgress
from core.side_by_side import one_for_two_processors
from core.step import Step, follow
from core.words import cell_text, size_text
from infra.backup_places import FIRST
from infra.components.names import redis_cli
from infra.connections import Platform

FOLDER = "drills"
HISTORY = "history.jsonl"
_NEEDED = frozenset({READER, "admin", "monitor"})
"""Who reads what is restored, who makes Redis count and take writes, and who asks the servers whether they are well."""
_ASIDE = "dump"
"""In that folder: a logical backup until it is in its set."""


@dataclass(frozen=True, slots=True)
class Proven:
    """One proof's outcome."""

    name: str
    passed: bool
    message: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a drill.

    `restore_seconds` (RTO) is the time until every store answered. `loss_seconds` (RPO) is what a failure at the start would have lost.

    `unproven` lists what the set keeps without proof or does not keep: a drill proves nothing about it. `logical` tells what became of
    the logical backup where the set awaited one.
    """

    id: str
    set_id: str
    started: datetime
    seconds: float
    restore_seconds: float
    stores: dict[str, Timing]
    loss_seconds: dict[str, float]
    proofs: tuple[Proven, ...] = field(default=())
    failure: str = ""
    unproven: tuple[str, ...] = ()
    logical: str = ""

    @property
    def passed(self) -> bool:
        """Whether the set was restored and every proof passed."""
        return not self.failure and bool(self.proofs) and all(proof.passed for proof in self.proofs)

    def as_dict(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {**asdict(self), "started": self.started.isoformat(), "passed": self.passed}


def drill(
    platform: Platform, set_id: str | None = None, *, progress: Progress | None = None, folder: Path | None = None, place: str = ""
) -> Report:
    """Drill a set, the newest by default: write a report, append to the history, and mark the set if every proof passed.

    A set that awaits its logical backup gets it, if it is one of the first place and every proof of PostgreSQL passed.
    `place` names the copy to read; the default is the first place.
    A set that can't be restored gives a failed report. Raises PlatformError only where the drill could not begin.
    """
    folder = folder or folders.folder_of(platform.stack)
    if place in ("", FIRST):
        refuse_part(folder)
    every = sets_at(platform, folder, place)
    run = _Run(platform, folder, place, every, folders.choose(every, set_id, folder))
    if strangers := locked_out(platform, run.manifest):
        raise PlatformError(
            what=f"the secrets of {', '.join(strangers)} are newer than set {run.manifest.id}, so what is restored can't be read",
            where=f"the drill of {run.manifest.id}",
            next_step="invoke backup --full makes a set that knows them; then invoke backup.drill",
        )
    with lock.hold(folder / FOLDER, f"a drill of {run.manifest.id}"):
        follow(run.steps(), progress or SilentProgress())
        return run.report()


@dataclass(slots=True)
class _Run:
    """One drill: what it restores, then what its steps measured and proved."""

    platform: Platform
    folder: Path
    place: str
    every: list[Manifest]
    manifest: Manifest
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    loss: dict[str, float] = field(default_factory=dict)
    restore_seconds: float = 0.0
    seconds: float = 0.0
    timings: dict[Store, Timing] = field(default_factory=dict)
    proven: list[Proven] = field(default_factory=list)
    failure: str = ""
    dumped: Dump | None = None
    logical: str = ""

    def steps(self) -> list[Step]:
        """The drill from its beginning to its end. The live stores are only read."""
        return [
            Step("measure what a failure now would lose", "the RPO, of the live stores", self._measure_loss),
            Step("restore the set into scratch stores, prove it, remove them", "a set counts once it was restored", self._rehearse),
            Step("add the logical backup", "the live server was not read for it", self._add_dump, lambda: self.dumped is None),
            Step("write the report and a line of the history", "also of a failure", self._keep),
            Step("mark the set as drilled", "listings and checks show it", self._mark, lambda: not self.report().passed),
        ]

    def _measure_loss(self, _: Progress) -> None:
        self.loss = loss_now(self.platform, self.every)

    def _rehearse(self, progress: Progress) -> None:
        ingredients = ingredients_of(self.platform, keys.repository_passphrase(self.platform), self.folder, self.place)
        self.started, began = datetime.now(UTC), time.monotonic()
        try:
            with scratch("drill") as scratch_stores:
                restored = self._restore(scratch_stores, ingredients, progress)
                self.restore_seconds = round(time.monotonic() - began, 2)
                if self.manifest.awaits_logical and self.place in ("", FIRST):
                    progress.status("logical backup of the restored server")
                    self._dump(restored.platform, ingredients)
                fitting = proofs.of(self.manifest, embedder="embedder" in scratch_stores.containers, rotated=restored.rotated)
                for name, proof in fitting.items():
                    progress.status(f"proving {name}")
                    self.proven.append(_prove(name, proof, restored))
                progress.status("cleaning up")
        except PlatformError as error:
            self.failure = error.what
        self.seconds = round(time.monotonic() - began, 2)

    def _dump(self, restored: Platform, ingredients: Ingredients) -> None:
        """Before the proofs: one of them makes an extension, others draw numbers."""
        try:
            copy_dump = later_dump.make(restored, self._aside, ingredients.keyring)
        except Exception as error:  # the restore is proven all the same
            self.logical = f"not made: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
            return
        if copy_dump.complete:
            self.dumped = copy_dump
        else:
            self.logical = "; ".join(map(str, copy_dump.unproven))

    @property
    def _aside(self) -> Path:
        return self.folder / FOLDER / _ASIDE

    def _add_dump(self, progress: Progress) -> None:
        proofs_of_it = [proof for proof in self.proven if proof.name.startswith("postgres.")]
        try:
            if self.failure or not proofs_of_it or not all(proof.passed for proof in proofs_of_it):
                self.logical = "not added: the restored server is not as the set says"
            elif self.dumped:
                later_dump.add(self.platform, self.folder, self.manifest, self._aside, self.dumped, progress)
                self.logical = f"made from the restored server, {size_text(sum(record.size for record in self.dumped.files))}"
        except (PlatformError, OSError) as error:
            self.logical = f"not added: {' '.join(str(error).split())[:300]}"
        finally:
            shutil.rmtree(self._aside, ignore_errors=True)

    def _restore(self, scratch_stores: Scratch, ingredients: Ingredients, progress: Progress) -> proofs.RestoredPlatform:
        """Restore all stores of the set, each to the set's own point."""
        plans = plan(Target(set_id=self.manifest.id), self.every, self.manifest.stores, datetime.now(UTC))
        # Replicate from a master that does not exist: replicas do not expire keys, so every key can be counted.
        replica = ("replicaof 127.0.0.1 1",)
        platform = fill(
            scratch_stores,
            self.platform,
            ingredients,
            plans,
            self.every,
            self.timings,
            progress,
            redis_settings=replica,
            at_once=one_for_two_processors(),
        )
        redis = scratch_stores.containers.get("redis")
        keys, expires = _count_and_promote(str(redis.name)) if redis else (None, None)
        return proofs.RestoredPlatform(platform, self.manifest, keys, expires, rotated_since(self.platform, self.manifest))

    def report(self) -> Report:
        """What came of it."""
        return Report(
            id=f"{self.started:%Y%m%d-%H%M%S}-{self.manifest.id}",
            set_id=self.manifest.id,
            started=self.started,
            seconds=self.seconds,
            restore_seconds=self.restore_seconds,
            stores={str(store): timing for store, timing in self.timings.items()},
            loss_seconds=self.loss,
            proofs=tuple(self.proven),
            failure=self.failure,
            unproven=tuple(map(str, self.manifest.unproven)),
            logical=self.logical,
        )

    def _keep(self, _: Progress) -> None:
        _keep(self.folder, self.report())

    def _mark(self, _: Progress) -> None:
        marks.mark(self.folder, self.manifest.id, drilled=datetime.now(UTC))


def rotated_since(platform: Platform, manifest: Manifest) -> frozenset[str]:
    """The accounts whose secrets were made after the set: restored stores know only the former ones."""
    return frozenset(name for name, turn in platform.rotations.items() if turn.generation and turn.made_at > manifest.started)


def locked_out(platform: Platform, manifest: Manifest) -> list[str]:
    """Those of them without whom there is no drill."""
    return sorted(rotated_since(platform, manifest) & _NEEDED)


def loss_now(platform: Platform, every: list[Manifest]) -> dict[str, float]:
    """Seconds of writes lost if the live volumes were lost now, by store. Stores without a backup are left out.

    PostgreSQL loses the writes that are not archived yet; Redis and Weaviate fall back to their newest set.
    """
    now = datetime.now(UTC)
    newest = {store: moment for manifest in every for store, moment in manifest.moments().items()}
    loss = {store: max(0.0, (now - moment).total_seconds()) for store, moment in newest.items()}
    if "postgres" in loss:
        loss["postgres"] = postgres.seconds_unarchived(platform)
    return {store: round(seconds, 1) for store, seconds in loss.items()}


def _count_and_promote(container: str) -> tuple[int, int]:
    """How many keys there are, and how many of them expire; from then on they do."""
    script = f"{redis_cli('admin')} -e info keyspace && {redis_cli('admin')} -e replicaof no one"
    counted = re.search(r"^db0:keys=(\d+),expires=(\d+)", execute(container, ["sh", "-c", script]).text(), re.MULTILINE)
    return (int(counted[1]), int(counted[2])) if counted else (0, 0)


def _prove(name: str, proof: proofs.Proof, restored: proofs.RestoredPlatform) -> Proven:
    began = time.monotonic()
    try:
        passed, message = True, proof(restored)
    except proofs.Disproved as error:
        passed, message = False, str(error)
    except Exception as error:  # a proof that can't run proves nothing
        passed, message = False, f"could not be proven: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return Proven(name, passed, message, round(time.monotonic() - began, 2))


def _keep(folder: Path, report: Report) -> None:
    """Write the report as JSON and Markdown, and append a line to the history."""
    home = folder / FOLDER
    (home / f"{report.id}.json").write_text(json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (home / f"{report.id}.md").write_text(describe(report), encoding="utf-8")
    line = {key: value for key, value in report.as_dict().items() if key != "proofs"}
    line["proofs"] = {"passed": sum(proof.passed for proof in report.proofs), "of": len(report.proofs)}
    with (home / HISTORY).open("a", encoding="utf-8") as history:
        history.write(json.dumps(line, ensure_ascii=False) + "\n")


def history(folder: Path) -> list[dict[str, Any]]:
    """Past drills, oldest first. Skips a line that a killed run cut off."""
    path = folder / FOLDER / HISTORY
    reports = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            reports.append(json.loads(line))
        except ValueError:
            continue
    return reports


def describe(report: Report) -> str:
    """The report in Markdown."""
    lines = [
        f"# Drill of {report.set_id}: {'passed' if report.passed else 'FAILED'}",
        "",
        f"- started {report.started:%Y-%m-%d %H:%M:%S} UTC, took {report.seconds:.1f} s",
        f"- every store answered after {report.restore_seconds:.1f} s (RTO)",
    ]
    lines += [
        f"- a failure at its start would have lost {seconds:.0f} s of {store} (RPO)" for store, seconds in report.loss_seconds.items()
    ]
    if report.logical:
        lines.append(f"- logical backup: {report.logical}")
    if report.failure:
        lines += ["", f"The restore failed: {report.failure}"]
    if report.stores:
        lines += ["", "| store | files back | replayed and started |", "| --- | --- | --- |"]
        lines += [f"| {store} | {timing.files:.1f} s | {timing.start:.1f} s |" for store, timing in report.stores.items()]
    if report.proofs:
        proven = sum(proof.passed for proof in report.proofs)
        lines += [
            "",
            f"{proven} of {len(report.proofs)} proofs:",
            "",
            "| proof | outcome | finding | took |",
            "| --- | --- | --- | --- |",
        ]
        lines += [
            f"| {proof.name} | {'proven' if proof.passed else 'DISPROVED'} | {cell_text(proof.message)} | {proof.seconds:.1f} s |"
            for proof in report.proofs
        ]
    if report.unproven:
        lines += ["", "Not proven, according to the set:", "", *(f"- {' '.join(finding.split())}" for finding in report.unproven)]
    return "\n".join(lines) + "\n"
