"""Whether the machine has disk, memory and processor left, tells the right time, and its Docker engine answers."""

from __future__ import annotations

import os
import re
import shutil
import time
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from christmas.blueprint.server_alarms import HOST_ALARMS, HostAlarms
from core.aside import gather
from core.chosen_engine import chosen_engine
from core.docker_host import docker_host
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


def disk(platform: Platform, alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """Each file system that the platform writes to has room, and won't be full soon."""
    found = []
    now = time.time()
    for folder in _file_systems():
        usage = shutil.disk_usage(folder)
        name = f"disk{str(folder).replace('/', '-').rstrip('-')}"
        speed = samples.slope(samples.remember(platform, name, usage.used, now), usage.used, now, span=_DAY, least=_HOUR)
        found.append(judge_disk(str(folder), usage.free, usage.total, speed, alarms))
    return max(found, key=lambda each: (severity(each.status), -(each.value or 0.0)))


def judge_disk(folder: str, free: int, total: int, speed: float | None, alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """What free bytes, of a total, come to where it fills by `speed` bytes a second; None where that is not known. Pure."""
    share = free / max(total, 1)
    days = free / speed / _DAY if speed and speed > 0 else None
    told = f"{folder}: {size_text(free)} of {size_text(total)} free"
    if days is not None:
        told += f", full in {days:.1f} days as it filled within the last one" if days < 1000 else ", hardly filling"
    step = "docker system df and du -xh --max-depth 2 show what takes it; invoke backup.prune removes sets past their time"
    found = bounded(share, "share", told, step, warn=alarms.disk_warn, critical=alarms.disk_critical, below=True)
    soon = Status.CRITICAL if days is not None and days <= alarms.days_critical else Status.WARNING
    if days is not None and days <= alarms.days_warn and severity(soon) > severity(found.status):
        return Finding(soon, told, step, found.value, "share", alarms.disk_warn, alarms.disk_critical)
    return found


def _file_systems() -> list[Path]:
    """A folder of each file system: Docker's, where it is this machine's, and the clone's."""
    folders = [ROOT]
    if chosen_engine().url.startswith("unix://"):
        with docker_host() as client:
            folders.insert(0, Path(str(client.info().get("DockerRootDir", ""))))
    found: dict[int, Path] = {}
    for folder in folders:
        try:
            found.setdefault(folder.stat().st_dev, folder)
        except OSError:
            continue  # out of this user's sight
    return list(found.values())


def memory(platform: Platform, alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """Programs can still have memory, and no container is about to meet its bound."""
    lines = (_PROC / "meminfo").read_text(encoding="ascii").splitlines()
    sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return judge_memory(sizes["MemAvailable"], sizes["MemTotal"], _containers_memory(platform), alarms)


def judge_memory(available: int, total: int, containers: Mapping[str, tuple[int, int]], alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """What the machine's memory and that of containers, as (in use, bound), come to. Pure."""
    tight = {name: used / bound for name, (used, bound) in containers.items() if bound}
    worst = max(tight, key=lambda name: tight[name], default="")
    told = f"{size_text(available)} of {size_text(total)} available"
    step = "docker stats and ps aux --sort=-rss show who takes it; bounds are christmas:limits in the stack's settings"
    machine = bounded(available / max(total, 1), "share", told, step, warn=alarms.memory_warn, critical=alarms.memory_critical, below=True)
    if not worst:
        return machine
    said = f"{worst} uses {size_text(containers[worst][0])} of its {size_text(containers[worst][1])}"
    inside = bounded(
        tight[worst], "share", f"{said}; {told}", step, warn=alarms.container_memory_warn, critical=alarms.container_memory_critical
    )
    if severity(inside.status) > severity(machine.status):
        return inside
    return Finding(machine.status, f"{told}; {said}", machine.next_step, machine.value, "share", machine.warn_from, machine.critical_from)


def _containers_memory(platform: Platform) -> dict[str, tuple[int, int]]:
    """Bytes that each service's processes use, the kernel's cache of files left out, and their bound."""
    found = {}
    with docker_host() as client:
        for service, name in platform.containers.items():
            used, bound = memory_of(client.api.stats(name, stream=False, one_shot=True))
            if used is not None and bound:
                found[service] = (used, bound)
    return found


def out_of_memory(platform: Platform) -> Finding:
    """The kernel has ended no process for want of memory."""
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
        # What a server's own cgroup counted before anybody looked is as much worth a word.
        risen[service] = increase if increase is not None else Increase(count, 0.0)
    return judge_out_of_memory(risen)


def judge_out_of_memory(risen: Mapping[str, Increase], alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """What processes that were ended, by service, come to. Pure."""
    ended = {name: each for name, each in risen.items() if each.count >= alarms.oom_critical}
    if not ended:
        return ok("the kernel has ended no process of the stores", 0, "processes")
    told = ", ".join(f"{each.count:.0f} of {name} {each}" for name, each in ended.items())
    return critical(
        f"out of memory, the kernel ended processes: {told}",
        f"invoke logs {next(iter(ended))} --since 1h; give it more: christmas:limits in the stack's settings, then invoke up",
        sum(each.count for each in ended.values()),
        "processes",
    )


def kills_in(process: int, proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """How many processes the kernel has ended for want of memory in the cgroup of a process; None where that can't be read here."""
    try:
        lines = [line.split(":", 2) for line in (proc / str(process) / "cgroup").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return None
    # Of the first version each controller has a tree of its own, the second has one for all.
    places = [cgroups / "memory" / path.lstrip("/") / "memory.oom_control" for _, kinds, path in lines if "memory" in kinds.split(",")]
    places += [cgroups / path.lstrip("/") / "memory.events" for _, kinds, path in lines if not kinds]
    for path in places:
        try:
            found = re.search(r"^oom_kill (\d+)$", path.read_text(encoding="ascii"), re.MULTILINE)
        except OSError:
            continue
        if found:
            return int(found[1])
    return None


def load(_platform: Platform) -> Finding:
    """The processors are not asked for far more than they have."""
    return judge_load(os.getloadavg()[2], os.cpu_count() or 1)


def judge_load(waiting: float, cores: int, alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """What the mean of fifteen minutes comes to. Pure."""
    each = waiting / cores
    step = "top, and docker stats, show who works; checks and backups give way to others, so they are late then"
    return bounded(
        each, "for each core", f"{waiting:.1f} processes run or wait, mean of 15 min, on {cores} cores", step, warn=alarms.load_warn
    )


def engine(_platform: Platform) -> Finding:
    """The Docker engine answers, and at once."""
    began = time.monotonic()
    with docker_host() as client:
        version = client.version()["Version"]
    return judge_engine(time.monotonic() - began, str(version))


def judge_engine(seconds: float, version: str, alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """What the time of an answer comes to. Pure."""
    step = "journalctl -u docker tells what holds it up; a slow disk below its folder does"
    return bounded(
        seconds, "seconds", f"version {version} answers in {seconds * 1000:.0f} ms", step, warn=alarms.engine_warn.total_seconds()
    )


def clock(platform: Platform) -> Finding:
    """The stores' clocks and this machine's say the same: expiries, certificates and points in time hang on it."""
    looks = {
        "timescaledb": lambda: _ask(lambda: _postgres_time(platform)),
        "redis": lambda: _ask(lambda: _redis_time(platform)),
        "weaviate": lambda: _ask(lambda: _weaviate_time(platform)),
    }
    answers = gather(looks, 8.0)
    apart = {name: answer for name, answer in answers.items() if isinstance(answer, float)}
    return judge_clock(apart, [name for name in answers if name not in apart])


def judge_clock(apart: Mapping[str, float], silent: Sequence[str] = (), alarms: HostAlarms = HOST_ALARMS) -> Finding:
    """What seconds come to, by which the stores' clocks are ahead of this machine's. Pure."""
    if not apart:
        return unknown("no store told its time", "invoke check --only containers; invoke status")
    worst = max(apart, key=lambda name: abs(apart[name]))
    told = ", ".join(f"{name} {seconds:+.1f} s" for name, seconds in apart.items())
    quiet = f"; {', '.join(silent)} did not tell" if silent else ""
    return bounded(
        abs(apart[worst]),
        "seconds",
        f"apart from this machine's clock: {told}{quiet}",
        "set the clocks: timedatectl set-ntp true here and where the engine runs; invoke doctor",
        warn=alarms.clock_warn.total_seconds(),
        critical=alarms.clock_critical.total_seconds(),
    )


def _ask(look: Any) -> float:
    """Seconds by which a store's clock is ahead; what the question took is no difference."""
    before = time.time()
    told = look()
    after = time.time()
    return float(told - after if told > after else told - before if told < before else 0.0)


def _postgres_time(platform: Platform) -> float:
    with connected(platform) as connection:
        row = connection.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
    return float(row[0]) if row else 0.0


def _redis_time(platform: Platform) -> float:
    with clients.redis_client(platform, "monitor") as client:
        return int(client.info("server")["server_time_usec"]) / 1_000_000


def _weaviate_time(platform: Platform) -> float:
    """The time in the head of an answer, which has whole seconds."""
    request = urllib.request.Request(f"{platform.weaviate_url()}/v1/.well-known/live")  # noqa: S310 - the scheme is ours
    with urllib.request.urlopen(request, timeout=wire.SECONDS, context=wire.context(platform.ca_file)) as answer:  # noqa: S310
        told = parsedate_to_datetime(str(answer.headers["Date"]))
    now = datetime.now(UTC).timestamp()
    # Within its second it may be any moment: the nearest one counts.
    return min(max(now, told.timestamp()), told.timestamp() + 1)
