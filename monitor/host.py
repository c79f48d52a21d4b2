"""Checks of the machine: disk, memory, load, clocks, Docker engine."""

from __future__ import annotations

import os
import re
import shutil
import time
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

from christmas.blueprint.machine_alarms import HOST_ALARMS, HostAlarms
from core.aside import Late, gather
from core.chosen_engine import chosen_engine
from core.docker_client import docker_host
from core.patience import patience
from core.words import size_text
from infra import clients
from infra.connections import ROOT, Platform
from monitor import samples, wire
from monitor.containers import memory_of
from monitor.postgres import connected
from monitor.result import Finding, Status, bounded, critical, ok, severity, unknown
from monitor.samples import Increase

_DAY = 86_400.0
_HOUR = 3_600.0
_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_STATS_SECONDS = 8.0


def disk(platform: Platform, alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """Each file system of the platform has room, and won't be full soon."""
    findings = []
    now = time.time()
    for folder in _file_systems():
        usage = shutil.disk_usage(folder)
        name = f"disk{str(folder).replace('/', '-').rstrip('-')}"
        speed = samples.slope(samples.remember(platform, name, usage.used, now), usage.used, now, span=_DAY, least=_HOUR)
        findings.append(judge_disk(str(folder), usage.free, usage.total, speed, alarms))
    return max(findings, key=lambda finding: (severity(finding.status), -(finding.value or 0.0)))


def judge_disk(folder: str, free: int, total: int, speed: float | None, alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """Judge free and total bytes, and the growth `speed` in bytes per second or None. Pure."""
    share = free / max(total, 1)
    days = free / speed / _DAY if speed and speed > 0 else None
    message = f"{folder}: {size_text(free)} of {size_text(total)} free"
    if days is not None:
        message += f", full in {days:.1f} days at the growth of the last day" if days < 1000 else ", hardly growing"
    step = "docker system df and du -xh --max-depth 2 show the usage; invoke backup.prune removes old sets"
    finding = bounded(share, "share", message, step, warn=alarms.disk_warn, critical=alarms.disk_critical, below=True)
    soon = Status.CRITICAL if days is not None and days <= alarms.days_critical else Status.WARNING
    if days is not None and days <= alarms.days_warn and severity(soon) > severity(finding.status):
        return Finding(soon, message, step, finding.value, "share", alarms.disk_warn, alarms.disk_critical)
    return finding


def _file_systems() -> list[Path]:
    """A folder of each file system: a local engine's data and the clone."""
    folders = [ROOT]
    if chosen_engine().url.startswith("unix://"):
        with docker_host() as client:
            folders.insert(0, Path(str(client.info().get("DockerRootDir", ""))))
    paths: dict[int, Path] = {}
    for folder in folders:
        try:
            paths.setdefault(folder.stat().st_dev, folder)
        except OSError:
            continue  # not accessible to this user
    return list(paths.values())


def memory(platform: Platform, alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """The machine has available memory, and no container is near its limit."""
    lines = (_PROC / "meminfo").read_text(encoding="ascii").splitlines()
    sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return judge_memory(sizes["MemAvailable"], sizes["MemTotal"], _containers_memory(platform), alarms)


def judge_memory(available: int, total: int, containers: Mapping[str, tuple[int, int]], alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """Judge the machine's memory and that of containers, as (used, limit). Pure."""
    tight = {name: used / bound for name, (used, bound) in containers.items() if bound}
    worst = max(tight, key=lambda name: tight[name], default="")
    message = f"{size_text(available)} of {size_text(total)} available"
    step = "docker stats and ps aux --sort=-rss show the usage; raise christmas:limits in the stack's settings"
    machine = bounded(
        available / max(total, 1), "share", message, step, warn=alarms.memory_warn, critical=alarms.memory_critical, below=True
    )
    if not worst:
        return machine
    said = f"{worst} uses {size_text(containers[worst][0])} of its {size_text(containers[worst][1])}"
    inside = bounded(
        tight[worst], "share", f"{said}; {message}", step, warn=alarms.container_memory_warn, critical=alarms.container_memory_critical
    )
    if severity(inside.status) > severity(machine.status):
        return inside
    return Finding(
        machine.status, f"{message}; {said}", machine.next_step, machine.value, "share", machine.warn_from, machine.critical_from
    )


def _containers_memory(platform: Platform) -> dict[str, tuple[int, int]]:
    """Each service's memory without page cache, and its limit, in bytes."""
    # The engine takes up to a second for each: it reads all that the kernel counts, for any one figure.
    with docker_host() as client:
        looks = {name: partial(client.api.stats, name, stream=False, one_shot=True) for name in platform.containers.values()}
        answers = gather(looks, patience(_STATS_SECONDS))
    memory = {}
    for service, name in platform.containers.items():
        if isinstance(answer := answers[name], Exception):
            raise answer
        if not isinstance(answer, Late):
            used, bound = memory_of(answer)
            if used is not None and bound:
                memory[service] = (used, bound)
    return memory


def out_of_memory(platform: Platform) -> Finding:
    """The kernel killed no process of the stores (OOM)."""
    counts: dict[str, int] = {}
    with docker_host() as client:
        for service, name in platform.containers.items():
            described = client.api.inspect_container(name)
            state = described["State"]
            count = kills_in(int(state.get("Pid") or 0)) if state.get("Pid") else None
            counts[service] = int(bool(state.get("OOMKilled"))) if count is None else count
    risen = {}
    for service, count in counts.items():
        increase = samples.increase(platform, f"oom.{service}", count)
        # Kills before the first sample count too.
        risen[service] = increase if increase is not None else Increase(count, 0.0)
    return judge_out_of_memory(risen)


def judge_out_of_memory(risen: Mapping[str, Increase], alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """Judge OOM kills by service. Pure."""
    ended = {name: rise for name, rise in risen.items() if rise.count >= alarms.oom_critical}
    if not ended:
        return ok("no OOM kills", 0, "processes")
    message = ", ".join(f"{rise.count:.0f} of {name} {rise}" for name, rise in ended.items())
    return critical(
        f"the kernel killed processes (out of memory): {message}",
        f"invoke logs {next(iter(ended))} --since 1h; raise christmas:limits in the stack's settings, then invoke up",
        sum(rise.count for rise in ended.values()),
        "processes",
    )


def kills_in(process: int, proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """The number of OOM kills in the cgroup of a process, or None if it can't be read."""
    try:
        lines = [line.split(":", 2) for line in (proc / str(process) / "cgroup").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return None
    # Cgroup v1 has a tree for each controller, v2 has one for all.
    places = [cgroups / "memory" / path.lstrip("/") / "memory.oom_control" for _, kinds, path in lines if "memory" in kinds.split(",")]
    places += [cgroups / path.lstrip("/") / "memory.events" for _, kinds, path in lines if not kinds]
    for path in places:
        try:
            match = re.search(r"^oom_kill (\d+)$", path.read_text(encoding="ascii"), re.MULTILINE)
        except OSError:
            continue
        if match:
            return int(match[1])
    return None


def load(_platform: Platform) -> Finding:
    """The load is not too high."""
    return judge_load(os.getloadavg()[2], os.cpu_count() or 1)


def judge_load(waiting: float, cores: int, alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """Judge the 15-minute load average. Pure."""
    per_core = waiting / cores
    step = "top and docker stats show the load; backups and checks are late on a busy machine"
    return bounded(per_core, "per core", f"load average (15 min) {waiting:.1f} on {cores} cores", step, warn=alarms.load_warn)


def engine(_platform: Platform) -> Finding:
    """The Docker engine answers quickly."""
    began = time.monotonic()
    with docker_host() as client:
        version = client.version()["Version"]
    return judge_engine(time.monotonic() - began, str(version))


def judge_engine(seconds: float, version: str, alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """Judge the answer time. Pure."""
    step = "see journalctl -u docker; a slow disk is a common cause"
    return bounded(
        seconds, "seconds", f"version {version} answers in {seconds * 1000:.0f} ms", step, warn=alarms.engine_warn.total_seconds()
    )


def clock(platform: Platform) -> Finding:
    """The stores' clocks agree with this machine's: expiries, certificates and restores depend on it."""
    looks = {
        "timescaledb": lambda: _ask(lambda: _postgres_time(platform)),
        "redis": lambda: _ask(lambda: _redis_time(platform)),
        "weaviate": lambda: _ask(lambda: _weaviate_time(platform)),
    }
    answers = gather(looks, 8.0)
    apart = {name: answer for name, answer in answers.items() if isinstance(answer, float)}
    return judge_clock(apart, [name for name in answers if name not in apart])


def judge_clock(apart: Mapping[str, float], silent: Sequence[str] = (), alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """Judge the stores' clocks, as seconds ahead of this machine's. Pure."""
    if not apart:
        return unknown("no store's clock could be read", "invoke check --only containers; invoke status")
    worst = max(apart, key=lambda name: abs(apart[name]))
    message = ", ".join(f"{name} {seconds:+.1f} s" for name, seconds in apart.items())
    quiet = f"; {', '.join(silent)} unknown" if silent else ""
    return bounded(
        abs(apart[worst]),
        "seconds",
        f"difference to this machine's clock: {message}{quiet}",
        "synchronize the clocks: timedatectl set-ntp true here and on the engine's machine; invoke doctor",
        warn=alarms.clock_warn.total_seconds(),
        critical=alarms.clock_critical.total_seconds(),
    )


def _ask(look: Any) -> float:
    """Seconds by which a store's clock is ahead; the query's own time is no difference."""
    before = time.time()
    answer = look()
    after = time.time()
    return float(answer - after if answer > after else answer - before if answer < before else 0.0)


def _postgres_time(platform: Platform) -> float:
    with connected(platform) as connection:
        row = connection.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
    return float(row[0]) if row else 0.0


def _redis_time(platform: Platform) -> float:
    with clients.redis_client(platform, "monitor") as client:
        return int(client.info("server")["server_time_usec"]) / 1_000_000


def _weaviate_time(platform: Platform) -> float:
    """The Date header of an answer, in whole seconds."""
    request = urllib.request.Request(f"{platform.weaviate_url()}/v1/.well-known/live")  # noqa: S310 - the scheme is ours
    with urllib.request.urlopen(request, timeout=wire.SECONDS, context=wire.context(platform.ca_file)) as answer:  # noqa: S310
        server_time = parsedate_to_datetime(str(answer.headers["Date"]))
    now = datetime.now(UTC).timestamp()
    # Any moment of that second is possible: take the nearest.
    return min(max(now, server_time.timestamp()), server_time.timestamp() + 1)
