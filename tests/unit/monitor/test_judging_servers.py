"""Bounds of the checks of servers and the machine, and the figures of earlier samples."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from christmas.blueprint.machine_alarms import HOST_ALARMS
from christmas.blueprint.server_alarms import POSTGRES_ALARMS, REDIS_ALARMS
from core.errors import PlatformError
from infra.connections import Platform
from monitor import host, postgres_server, redis_health, samples, weaviate_clients, weaviate_server
from monitor.postgres_server import Holder, Slot, Waiting
from monitor.result import Finding
from monitor.samples import Increase

GIB = 2**30
DAY = 86_400.0
PERSISTENCE = {"aof_enabled": 1, "aof_last_write_status": "ok", "rdb_last_bgsave_status": "ok", "aof_last_bgrewrite_status": "ok"}


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        (postgres_server.judge_connections(100, {"api": 30}), "ok", "30 of 100: api 30"),
        (postgres_server.judge_connections(100, {"api": 36}), "warning", "api has 36 of its 40"),
        (postgres_server.judge_connections(40, {"api": 30}), "warning", "30 of 40"),
        (postgres_server.judge_connections(100, {"nobody yet": 95}), "critical", "nobody yet 95"),
        (postgres_server.judge_locks([Waiting(2, 5.0, "users", [1])], {}), "ok", "head: process 1, no account"),
        (
            postgres_server.judge_locks([Waiting(2, 11.0, "users", [1])], {1: Holder("api", "a", False, 90)}),
            "warning",
            "api from a, process 1, idle",
        ),
        (postgres_server.judge_locks([Waiting(2, 61.0, "users", [1]), Waiting(3, 9.0, "users", [2])], {}), "critical", "head: process 1"),
        (postgres_server.judge_locks([Waiting(2, 61.0, "x", [3]), Waiting(3, 9.0, "x", [2])], {}), "critical", "wait for each other"),
        (postgres_server.judge_slots([Slot("a", True, "reserved", 100)]), "ok", "a (active"),
        (postgres_server.judge_slots([Slot("a", False, "reserved", 100)]), "warning", "a (inactive"),
        (postgres_server.judge_slots([Slot("a", True, "extended", 3 * GIB)]), "critical", "retains"),
        (postgres_server.judge_slots([Slot("a", False, "lost", 0)]), "critical", "lost"),
        (postgres_server.judge_wraparound([("a", 200_000_000, 0)]), "ok", "a is 200 million"),
        (postgres_server.judge_wraparound([("a", 1, 0), ("b", 1, 600_000_000)]), "warning", "b is"),
        (postgres_server.judge_wraparound([("a", 1_100_000_000, 0)]), "critical", "a is 1100 million"),
        (postgres_server.judge_sequences([]), "ok", "no sequence"),
        (postgres_server.judge_sequences([("a.id", 80, 100), ("b.id", 1, 100)]), "warning", "a.id is at 80 of 100"),
        (postgres_server.judge_sequences([("a.id", 95, 100)]), "critical", "a.id"),
        (postgres_server.judge_deadlocks(None), "ok", "first sample"),
        (postgres_server.judge_deadlocks(Increase(5, 3600)), "warning", "5 deadlocks within 60 min"),
        (postgres_server.judge_temporary(Increase(5 * GIB, 600)), "warning", "within 10 min"),
        (postgres_server.judge_checkpoints(Increase(11, 3600)), "ok", "11 requested"),
        (postgres_server.judge_checkpoints(Increase(12, 3600)), "warning", "12 requested"),
        (postgres_server.judge_commits(None, 0.0), "ok", "first sample"),
        (postgres_server.judge_commits(Increase(0, 900), 0.0), "ok", "0 times within 15 min"),
        (postgres_server.judge_commits(Increase(4, 900), 1_240.0), "ok", "4 times within 15 min"),
        (postgres_server.judge_commits(Increase(3, 10), 9_000.0), "critical", "3000.0 ms each"),
        (postgres_server.judge_commits(Increase(100, 900), 24_000.0), "ok", "240.0 ms each"),
        (postgres_server.judge_commits(Increase(100, 900), 25_000.0), "warning", "250.0 ms each"),
        (postgres_server.judge_commits(Increase(5, 10), 10_000.0), "critical", "2000.0 ms each"),
        (postgres_server.judge_checksums(has=True, failures=0, last=None), "ok", "no checksum failures"),
        (postgres_server.judge_checksums(has=False, failures=0, last=None), "warning", "off"),
        (postgres_server.judge_checksums(has=True, failures=1, last="now"), "critical", "1 checksum failures"),
        (redis_health.judge_fragmentation({"mem_fragmentation_ratio": 9.0, "mem_fragmentation_bytes": 1000}), "ok", "9.00"),
        (redis_health.judge_fragmentation({"mem_fragmentation_ratio": 1.6, "mem_fragmentation_bytes": GIB}), "warning", "1.60"),
        (redis_health.judge_clients(10, 1000, Increase(0, 60)), "ok", "10 of 1000"),
        (redis_health.judge_clients(950, 1000, None), "critical", "950 of 1000"),
        (redis_health.judge_clients(10, 1000, Increase(3, 60)), "critical", "3 clients were rejected"),
        (weaviate_clients.judge(10, Increase(0, 60)), "ok", "10 connections"),
        (weaviate_clients.judge(340, None), "critical", "340 connections"),
        (weaviate_clients.judge(10, Increase(3, 60)), "critical", "3 connections were refused"),
        (redis_health.judge_blocked(20), "warning", "20 clients"),
        (redis_health.judge_evictions(Increase(1, 60)), "warning", "1 keys"),
        (redis_health.judge_evictions(Increase(20_000, 60)), "critical", "20000 keys"),
        (redis_health.judge_persistence(PERSISTENCE, None), "ok", "is on"),
        (redis_health.judge_persistence(PERSISTENCE | {"aof_enabled": 0}, None), "critical", "is off"),
        (redis_health.judge_persistence(PERSISTENCE | {"aof_last_write_status": "err"}, None), "critical", "last write"),
        (redis_health.judge_persistence(PERSISTENCE, Increase(2, 60)), "warning", "delayed 2 times"),
        (
            redis_health.judge_persistence(PERSISTENCE | {"rdb_last_save_time": 1, "rdb_changes_since_last_save": 3}, None),
            "warning",
            "3 changes",
        ),
        (redis_health.judge_latency([], 1000), "ok", "no latency event"),
        (redis_health.judge_latency([("fork", 0, 9000)], 4000), "ok", "no latency event"),
        (redis_health.judge_latency([("fork", 3000, 300)], 4000), "warning", "fork 300 ms"),
        (redis_health.judge_latency([("fork", 3000, 300), ("command", 3000, 2500)], 4000), "critical", "command 2500 ms"),
        (weaviate_server.judge_shards([]), "critical", "no node"),
        (weaviate_server.judge_shards([{"name": "n", "status": "UNHEALTHY"}]), "critical", "n is UNHEALTHY"),
        (weaviate_server.judge_index([], 3), "ok", "3 collections"),
        (weaviate_server.judge_index([f"{n} of A" for n in range(5)], 5), "critical", "3 of A and more: lost"),
        (weaviate_server.judge_queue([{"shards": [{"class": "A", "vectorQueueLength": 20_000}]}]), "warning", "most of A"),
        (host.judge_disk("/d", 50, 100, None), "ok", "/d"),
        (host.judge_disk("/d", 8, 100, None), "warning", "/d"),
        (host.judge_disk("/d", 2, 100, None), "critical", "/d"),
        (host.judge_disk("/d", 50, 100, 10 / DAY), "warning", "full in 5.0 days"),
        (host.judge_disk("/d", 50, 100, 60 / DAY), "critical", "full in 0.8 days"),
        (host.judge_disk("/d", 50, 100, -1.0), "ok", "/d"),
        (host.judge_memory(50, 100, {"redis": (10, 100)}), "ok", "redis uses"),
        (host.judge_memory(9, 100, {}), "warning", "available"),
        (host.judge_memory(50, 100, {"redis": (99, 100)}), "critical", "redis uses"),
        (host.judge_out_of_memory({"redis": Increase(0, 60)}), "ok", "no OOM kills"),
        (host.judge_out_of_memory({"redis": Increase(2, 60)}), "critical", "2 of redis"),
        (host.judge_load(7.9, 2), "ok", "7.9 on 2 cores"),
        (host.judge_load(8.0, 2), "warning", "8.0 on 2 cores"),
        (host.judge_engine(2.5, "20.10"), "warning", "2500 ms"),
        (host.judge_clock({"redis": 0.5}), "ok", "redis +0.5 s"),
        (host.judge_clock({"redis": -3.0}, ["weaviate"]), "warning", "weaviate unknown"),
        (host.judge_clock({"redis": 40.0}), "critical", "redis +40.0 s"),
        (host.judge_clock({}), "unknown", "no store"),
    ],
    ids=lambda value: value.message[:40] if isinstance(value, Finding) else "",
)
def test_each_bound(found: Finding, status: str, words: str) -> None:
    assert found.status == status, found
    assert words in found.message
    assert bool(found.next_step) == (status != "ok")


def test_bounds_are_in_order() -> None:
    assert POSTGRES_ALARMS.connections_warn < POSTGRES_ALARMS.connections_critical
    assert REDIS_ALARMS.latency_warn < REDIS_ALARMS.latency_critical
    assert HOST_ALARMS.disk_warn > HOST_ALARMS.disk_critical
    assert HOST_ALARMS.days_warn > HOST_ALARMS.days_critical


@pytest.mark.parametrize(
    ("earlier", "value", "count"),
    [
        ([], 5, None),
        ([(900, 3)], 5, 2),
        ([(0, 1), (900, 3)], 5, 4),
        ([(900, 30)], 5, 5),  # reset
        ([(500, 10), (700, 2), (900, 4)], 5, 5),  # reset in between
        ([(-9000, 1)], 5, 4),  # only an old sample
    ],
)
def test_an_increase_survives_resets(earlier: list[tuple[float, float]], value: float, count: float | None) -> None:
    found = samples.risen(earlier, value, 1000.0)
    assert (None if found is None else found.count) == count


def test_growth_is_a_fitted_line() -> None:
    earlier = [(hour * 3600.0, 100.0 * hour) for hour in range(5)]
    speed = samples.slope(earlier, 500.0, 5 * 3600.0, span=DAY, least=3600)
    assert speed == pytest.approx(100 / 3600)
    assert samples.slope(earlier[-1:], 500.0, 4 * 3600.0 + 60, span=DAY, least=3600) is None


def test_what_is_judged_as_it_is_now_counts_from_the_last_look_alone(tmp_path: Path) -> None:
    platform = Platform("tests", {}, {}, tmp_path / "ca.pem", {}, {}, "", "embedded", "")
    found = [samples.since_last(platform, "a.c", value, now=at) for at, value in ((0.0, 10), (900.0, 30), (905.0, 31), (910.0, 35))]
    assert found[0] is None
    assert [(each.count, each.seconds) for each in found[1:] if each] == [(20, 900.0), (1, 5.0), (4, 5.0)]
    assert samples.increase(platform, "a.c", 36, now=920.0) == Increase(26, 920.0), "as the others do, by the same samples"


def test_samples_are_kept_thinned_and_never_fail(tmp_path: Path) -> None:
    platform = Platform("tests", {}, {}, tmp_path / "ca.pem", {}, {}, "", "embedded", "")
    for second in range(10):
        samples.remember(platform, "a.b", second, now=1000.0 + second)
    kept = json.loads((tmp_path / "figures" / "a.b.json").read_text())
    assert kept == [[1000.0, 0], [1009.0, 9]]
    (tmp_path / "figures" / "a.b.json").write_text("[[1,")
    assert samples.increase(platform, "a.b", 3, now=2000.0) is None
    nowhere = replace(platform, ca_file=Path("/proc/nowhere/ca.pem"))
    assert samples.increase(nowhere, "a.b", 3) is None


def test_what_is_no_statistics_of_haproxy_is_unknown() -> None:
    assert weaviate_clients.connections("# pxname,svname,scur,dcon,\nweaviate,FRONTEND,7,3,\n") == (7, 3)
    for statistics in ("", "Permission denied\n", "# pxname,svname,scur,dcon,\n", "# pxname,svname,scur,dcon,\nweaviate,FRONTEND,,3,\n"):
        with pytest.raises(PlatformError, match="can't be read"):
            weaviate_clients.connections(statistics)
