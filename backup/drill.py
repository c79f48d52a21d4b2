"""The drill restores a set into scratch containers, proves it against its manifest and measures the time. It only reads the live stores.

A backup counts only after a drill of it has passed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backup.make import SharedProgress
from backup.postgres import back_up as postgres
from backup.postgres import restore as postgres_restore
from backup.proving import proofs
from backup.redis import restore as redis_restore
from backup.restoring import recipes
from backup.restoring.ingredients import Ingredients, Timing, ingredients_of
from backup.restoring.journal import refuse_part
from backup.restoring.scratch import Scratch, scratch
from backup.restoring.targets import Target, plan
from backup.sets import folders, keys, marks
from backup.sets.model import Manifest, Store
from backup.storage.mirror import sets_at
from backup.weaviate import restore as weaviate_restore
from core import lock
from core.containers import execute
from core.errors import PlatformError
from core.progress import Progress, SilentProgress
from infra.backup_places import FIRST
from infra.components.names import redis_cli
from infra.connections import Platform

FOLDER = "drills"
HISTORY = "history.jsonl"
_ROOT_KEY_BYTES = 24


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

    `unproven` lists what the set keeps without proof or does not keep: a drill proves nothing about it.
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

    `place` names the copy to read; the default is the first place.
    A set that can't be restored gives a failed report. Raises PlatformError only where the drill could not begin.
    """
    folder = folder or folders.folder_of(platform.stack)
    progress = progress or SilentProgress()
    if place in ("", FIRST):
        refuse_part(folder)
    every = sets_at(platform, folder, place)
    manifest = folders.choose(every, set_id, folder)
    with lock.hold(folder / FOLDER, f"a drill of {manifest.id}"):
        loss = loss_now(platform, every)
        ingredients = ingredients_of(platform, keys.repository_passphrase(platform), folder, place)
        report = _drill(platform, manifest, every, ingredients, loss, progress)
        _keep(folder, report)
    if report.passed:
        marks.mark(folder, manifest.id, drilled=datetime.now(UTC))
    return report


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


def _drill(
    platform: Platform, manifest: Manifest, every: list[Manifest], ingredients: Ingredients, loss: dict[str, float], progress: Progress
) -> Report:
    began, started = time.monotonic(), datetime.now(UTC)
    timings: dict[str, Timing] = {}
    proven: list[Proven] = []
    failure, restored_at = "", 0.0
    try:
        with scratch("drill") as scratch_stores:
            restored = _restore(scratch_stores, platform, manifest, every, ingredients, timings, progress)
            restored_at = time.monotonic()
            for name, proof in proofs.of(manifest, embedder="embedder" in scratch_stores.containers).items():
                progress.status(f"proving {name}")
                proven.append(_prove(name, proof, restored))
            progress.status("cleaning up")
    except PlatformError as error:
        failure = error.what
    return Report(
        id=f"{started:%Y%m%d-%H%M%S}-{manifest.id}",
        set_id=manifest.id,
        started=started,
        seconds=round(time.monotonic() - began, 2),
        restore_seconds=round(restored_at - began, 2) if restored_at else 0.0,
        stores=timings,
        loss_seconds=loss,
        proofs=tuple(proven),
        failure=failure,
        unproven=tuple(map(str, manifest.unproven)),
    )


def _restore(
    scratch_stores: Scratch,
    platform: Platform,
    manifest: Manifest,
    every: list[Manifest],
    ingredients: Ingredients,
    timings: dict[str, Timing],
    progress: Progress,
) -> proofs.RestoredPlatform:
    """Restore all stores of the set in parallel, each to the set's own point."""
    plans = plan(Target(set_id=manifest.id), every, manifest.stores, datetime.now(UTC))
    shared = SharedProgress(progress)
    root_key = os.urandom(_ROOT_KEY_BYTES).hex()
    passwords = {name: platform.secret(name, "redis") for name in ("admin", "monitor")}
    redis_keys: list[int] = []

    def redis(store_progress: Progress) -> Timing:
        # Replicate from a master that does not exist: replicas do not expire keys, so every key can be counted.
        timing = redis_restore.beside(
            scratch_stores, ingredients, plans["redis"], passwords, store_progress, settings=("replicaof 127.0.0.1 1",)
        )
        redis_keys.append(_count_and_promote(str(scratch_stores.containers["redis"].name)))
        return timing

    def weaviate(store_progress: Progress) -> Timing:
        start_embedder(scratch_stores, platform, ingredients)
        chain = weaviate_restore.chain_of(manifest, every)
        return weaviate_restore.beside(scratch_stores, ingredients, plans["weaviate"], chain, root_key, store_progress)

    jobs: Mapping[Store, Callable[[Progress], Timing]] = {
        "postgres": lambda store_progress: postgres_restore.beside(scratch_stores, ingredients, plans["postgres"], store_progress),
        "redis": redis,
        "weaviate": weaviate,
    }
    with ThreadPoolExecutor(max_workers=len(jobs), thread_name_prefix="restore") as pool:
        running = {store: pool.submit(jobs[store], shared.of(store)) for store in manifest.stores}
    for store, future in running.items():
        timings[store] = future.result()
    restored_platform = scratch_stores.platform(
        platform.accounts, embedding_profile=platform.embedding_profile, embedding_key=platform.embedding_key
    )
    return proofs.RestoredPlatform(restored_platform, manifest, redis_keys[0] if redis_keys else None)


def _count_and_promote(container: str) -> int:
    script = f"{redis_cli('admin')} -e dbsize && {redis_cli('admin')} -e replicaof no one"
    return int(execute(container, ["sh", "-c", script]).text().split()[0])


def start_embedder(scratch_stores: Scratch, platform: Platform, ingredients: Ingredients) -> None:
    """Start an embedder for questions in words, if the stack uses the embedded one."""
    if platform.embedding_profile == "embedded" and "embedder" in ingredients.bases:
        scratch_stores.start(recipes.embedder(ingredients.bases["embedder"], token=platform.embedding_key))


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
            f"| {proof.name} | {'proven' if proof.passed else 'DISPROVED'} | {_cell(proof.message)} | {proof.seconds:.1f} s |"
            for proof in report.proofs
        ]
    if report.unproven:
        lines += ["", "Not proven, according to the set:", "", *(f"- {' '.join(finding.split())}" for finding in report.unproven)]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text as one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
