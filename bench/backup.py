"""Backups against the stores' own tools: `python -m bench.backup [--scale 0.05]`. Works on scratch containers and removes them again.

At scale 1 there are 1 GB of market data, 200,000 Redis keys and 20,000 documents.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from backup.postgres import back_up as postgres
from backup.postgres import pgbackrest
from backup.postgres.restore import restore_command, wait_for_recovery
from backup.restoring import recipes
from backup.restoring.bases import Base
from backup.restoring.ingredients import run_once
from backup.restoring.scratch import scratch
from backup.restoring.targets import Target, plan
from backup.sets import folders
from backup.weaviate import back_up as weaviate_store
from bench import backup_load, backup_task
from bench.measured import Figure, add_options, processor_seconds, show
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from christmas.blueprint.redis_policy import REDIS_POLICY
from christmas.blueprint.relational import DATABASE
from core import temporary
from core.container_commands import execute
from core.docker_client import docker_client
from infra.clients import redis_client, weaviate_client
from infra.components.names import redis_cli
from infra.connections import Platform
from tests.support.scratch_platform import ScratchPlatform, run_scratch_platform

_T = TypeVar("_T")

CHANGED = 0.01
QUIET_SECONDS = 15
STEADY_SECONDS = 75
"""Longer than the server waits before it archives a segment that is not full."""


def main() -> int:
    """Measure, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full amount of data")
    add_options(parser)
    options = parser.parse_args()
    with run_scratch_platform("bench") as running, temporary.folder("bench") as place:
        figures = _figures(running, place, options.scale)
    return show(f"Backups at scale {options.scale:g}", figures, options)


def _figures(running: ScratchPlatform, place: Path, scale: float) -> list[Figure]:
    platform = running.platform
    folder, stored = place / "sets", backup_task.store(platform, place / "platform")
    rows = backup_load.fill(platform, scale, _tell)
    alone = _tools_alone(platform)
    physical, dumped = alone["pgbackrest"], alone["pg_dump"]
    slowest = max(physical.wall + dumped.wall, alone["redis"].wall, alone["weaviate"].wall)
    script = Spent(sum(tool.wall for tool in alone.values()), 0.0, sum(tool.every for tool in alone.values()))

    def measured(verb: str, kind: str, what: str) -> tuple[backup_task.Done, Spent]:
        _tell(what)
        done, spent = _spent(platform, lambda: backup_task.run(verb, stored, folder, kind))
        spent = Spent(done.seconds, spent.postgres, spent.every + done.processor)
        _tell(f"{what}: {done.seconds:.1f} s, {spent.postgres:.1f} s of PostgreSQL's processors, {spent.every:.1f} s of all, {done.result}")
        return done, spent

    full, full_spent = measured("make", "full", "a full set, its dump from the live server")
    backup_load.change(platform, rows, scale, CHANGED)
    incremental, incremental_spent = measured("make", "incremental", f"an incremental set after {CHANGED:.0%} change")
    _, scheduled = measured("make-as-scheduled", "full", "a later full set, its dump left to a drill")
    _, postgres_alone = measured("make-postgres", "full", "PostgreSQL alone, its dump left to a drill")
    bare = _bare_restore(running, folder, full.result["id"])
    _tell(f"bare restore {bare:.1f} s")
    drill = backup_task.run("drill", stored, folder, full.result["id"])
    _tell(f"drill {drill.result}")
    verified = backup_task.run("verify", stored, folder)
    restored = sum(drill.result["stores"]["postgres"].values())
    peaks = [full.peak_mb, incremental.peak_mb, drill.peak_mb, verified.peak_mb]
    _tell("peak memory in MB of set, incremental set, drill and verifying: " + ", ".join(f"{megabytes:.0f}" for megabytes in peaks))
    return [
        Figure("full set ÷ the slowest store's own tools alone", full.seconds / slowest, "x", 1.15),
        Figure("full set ÷ all stores' own tools one after another, wall", full.seconds / script.wall, "x", 1.0),
        Figure("full set ÷ all stores' own tools, processor seconds, ours included", full_spent.every / script.every, "x", 1.1),
        Figure(f"incremental set after {CHANGED:.0%} change ÷ full set, time", incremental.seconds / full.seconds, "x", 0.15),
        Figure(
            f"incremental set after {CHANGED:.0%} change ÷ full set, PostgreSQL's processor seconds",
            incremental_spent.postgres / full_spent.postgres,
            "x",
            0.15,
        ),
        Figure("first full set ÷ pgbackrest alone, PostgreSQL's processor seconds", full_spent.postgres / physical.postgres, "x", 1.2),
        Figure("scheduled full set ÷ pgbackrest alone, PostgreSQL's processor seconds", scheduled.postgres / physical.postgres, "x", 1.2),
        Figure("scheduled full set of PostgreSQL alone ÷ pgbackrest alone, wall", postgres_alone.wall / physical.wall, "x", 1.3),
        Figure(
            f"incremental set after {CHANGED:.0%} change ÷ full set, bytes", incremental.result["bytes"] / full.result["bytes"], "x", 0.05
        ),
        Figure("a drill's PostgreSQL ÷ bare pgbackrest restore and start", restored / bare, "x", 1.3),
        Figure("peak memory of our processes", max(peaks), "MB", 200),
        *_under_writes(platform, stored, folder),
    ]


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds on the clock, and of processors: in PostgreSQL's container, and in those of all stores."""

    wall: float
    postgres: float
    every: float


def _spent(platform: Platform, work: Callable[[], _T]) -> tuple[_T, Spent]:
    """Do the work; the kernel counts what the containers use, whoever runs in them."""
    before, began = _processors(platform), time.perf_counter()
    done = work()
    wall, after = time.perf_counter() - began, _processors(platform)
    spent = {service: after[service] - before[service] for service in after}
    return done, Spent(wall, spent["timescaledb"], sum(spent.values()))


def _processors(platform: Platform) -> dict[str, float]:
    return {service: processor_seconds(container) for service, container in platform.containers.items()}


def _tools_alone(platform: Platform) -> dict[str, Spent]:
    """What each store's own tools take with the same settings, one store after another, copying nothing out."""
    container = platform.containers["timescaledb"]

    def physical() -> None:
        pgbackrest.run(container, pgbackrest.command("backup", "--type=full"))

    def logical() -> None:
        line = f"pg_dump -U postgres --format=custom --compress=zstd:3 {DATABASE} >/dev/null"
        execute(container, ["sh", "-c", line], user=pgbackrest.USER)

    def redis() -> None:
        with redis_client(platform, "backup") as client:
            saves = client.info("persistence")["rdb_saves"]
            client.bgsave()
            while client.info("persistence")["rdb_saves"] == saves:
                time.sleep(0.05)

    def weaviate() -> None:
        from weaviate.backup.backup import BackupStorage

        with weaviate_client(platform, "backup") as client:
            client.backup.create(
                backup_id="bench-alone", backend=BackupStorage.FILESYSTEM, config=weaviate_store.settings(), wait_for_completion=True
            )

    # Whatever a backup reads first comes from the disk, so that each tool has its turn with a cache that is warm.
    tools = {"pgbackrest": physical, "pg_dump": logical, "redis": redis, "weaviate": weaviate}
    alone = {name: _spent(platform, tool)[1] for name, tool in tools.items()}
    _tell("alone: " + ", ".join(f"{name} {spent.wall:.1f} s, {spent.every:.1f} s of processors" for name, spent in alone.items()))
    return alone


def _bare_restore(running: ScratchPlatform, folder: Path, set_id: str) -> float:
    """Seconds of `pgbackrest restore` to the set's point, and until the server has replayed its log and takes writes."""
    platform = running.platform
    every = folders.list_sets(folder=folder)
    wanted = plan(Target(set_id=set_id), every, ["postgres"], next(backup_set for backup_set in every if backup_set.id == set_id).finished)[
        "postgres"
    ]
    base = Base.live("timescaledb", docker_client().containers.get(platform.containers["timescaledb"]))
    with scratch("bench") as scratch_containers:
        recipe = recipes.timescaledb(
            scratch_containers,
            base,
            data=scratch_containers.volume("timescaledb-data"),
            repository=platform.volumes["pgbackrest"],
            passphrase=running.passphrase,
        )

        def restore() -> None:
            run_once(scratch_containers, recipe, restore_command(wanted, archive=False))
            scratch_containers.start(recipe)
            wait_for_recovery(str(scratch_containers.containers[recipe.service].name))

        return _seconds(restore)


def _under_writes(platform: Platform, stored: Path, folder: Path) -> list[Figure]:
    """What clients feel during a backup, and what a failure would lose while they write."""
    unarchived: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(1):
            unarchived.append(postgres.seconds_unarchived(platform))

    works = {
        "a full set": ("make-as-scheduled", "full"),
        "an incremental set": ("make-as-scheduled", "incremental"),
        "a drill": ("drill", ""),
    }
    quiet: list[tuple[float, float]] = []
    busy: dict[str, tuple[float, float]] = {}
    with backup_load.writing(platform) as latencies:
        watcher = threading.Thread(target=watch)
        watcher.start()
        began = time.monotonic()
        for what, (verb, kind) in works.items():
            quiet.append(_quiet(QUIET_SECONDS))
            _tell(f"{what} while clients write")
            busy[what] = backup_task.run(verb, stored, folder, kind).span
        quiet.append(_quiet(QUIET_SECONDS))
        _tell("Redis' log is rewritten while clients write")
        rewrite, copied = _rewrite(platform)
        quiet.append(_quiet(max(QUIET_SECONDS, STEADY_SECONDS - (time.monotonic() - began))))
        stop.set()
        watcher.join()
    redis = latencies["redis"]
    return [
        *(
            Figure(f"{backup_load.CLIENTS[store]} during {what} ÷ without", seen.quantile([span]) / seen.quantile(quiet), "x", 2)
            for what, span in busy.items()
            for store, seen in latencies.items()
        ),
        Figure(
            f"{backup_load.CLIENTS['redis']} during a rewrite of its log ÷ without",
            redis.quantile([rewrite]) / redis.quantile(quiet),
            "x",
            2,
        ),
        Figure(
            "Redis' memory copied while it writes a snapshot and its log anew ÷ its data", copied, "x", 1 / REDIS_POLICY.memory_share - 1
        ),
        Figure("RPO of PostgreSQL at steady writes, the worst seen", max(unarchived), "s", BACKUP_RULES.loss_at_most.total_seconds()),
        Figure("RPO of Redis' AOF: writes lost by SIGKILL", _lost_by_a_kill(platform), "s", 2),
    ]


def _rewrite(platform: Platform) -> tuple[tuple[float, float], float]:
    """Have Redis write its log anew, again and again for a while.

    Returns the span, and the most that a rewrite and the last snapshot copied on writes, as a share of the data.
    """
    copied, forks = [], []
    with redis_client(platform, "admin") as client:
        began = time.monotonic()
        while time.monotonic() < began + QUIET_SECONDS / 3:
            rewrites = client.info("persistence")["aof_rewrites"]
            client.bgrewriteaof()
            while (info := client.info("persistence"))["aof_rewrite_in_progress"] or info["aof_rewrites"] == rewrites:
                time.sleep(0.05)
            copied += [info["rdb_last_cow_size"], info["aof_last_cow_size"]]
            forks.append(client.info("stats")["latest_fork_usec"] / 1000)
        span, used = (began, time.monotonic()), client.info("memory")["used_memory"]
    _tell(f"{len(forks)} rewrites: Redis stood still for {max(forks):.1f} ms at most to fork, and copied {max(copied)} bytes of {used}")
    return span, max(copied) / used


def _quiet(seconds: float) -> tuple[float, float]:
    """Wait without a backup; returns the span, without what the last one may still cause."""
    began = time.monotonic() + 1
    time.sleep(seconds)
    return began, time.monotonic()


def _lost_by_a_kill(platform: Platform) -> float:
    """Kill Redis while a client writes, start it again, and return the age of the oldest confirmed write that is gone; 0 where none is."""
    container = docker_client().containers.get(platform.containers["redis"])
    confirmed: dict[str, float] = {}
    killed = 0.0
    with redis_client(platform, "api") as client:
        until = time.monotonic() + 3
        try:
            for number in range(1_000_000):
                key = f"rate_limit:10.2.{number // 250 % 250}.{number % 250}.{number // 62_500}"
                client.set(key, 1, ex=3600)
                confirmed[key] = time.monotonic()
                if not killed and time.monotonic() > until:
                    killed = time.monotonic()
                    threading.Thread(target=container.kill, args=("SIGKILL",)).start()
        except Exception:  # the connection is gone, in one of several ways
            killed = time.monotonic()
    container.wait()
    container.start()
    while execute(str(container.name), ["sh", "-c", f"{redis_cli('monitor')} ping | grep -q PONG"], check=False).code != 0:
        time.sleep(0.2)
    with redis_client(platform, "backup") as client:
        surviving_keys = set(client.scan_iter(match="rate_limit:10.2.*", count=1000))
    gone = [killed - moment for key, moment in confirmed.items() if key not in surviving_keys]
    _tell(f"{len(gone)} of {len(confirmed)} confirmed writes were lost by a kill")
    return max(gone, default=0.0)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _tell(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
