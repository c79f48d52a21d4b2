"""The doctor's checks of the machine: Python, memory, disk, clock, proxies."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from airgap.setup import announcement, expected
from airgap.setup.bootstrap import MINIMUM, VENV, is_installed
from airgap.toolchain.locate import cache_folder
from console import engine
from core.chosen_engine import chosen_engine
from core.words import size_text
from monitor.result import Finding, bounded, critical, ok, unknown, warning

_UNSYNCHRONIZED = 0x40  # STA_UNSYNC of adjtimex(2)
_STATUS_AT = 40  # its place in struct timex of a 64-bit Linux
_PROXY_SECONDS = 2.0
_AHEAD_SECONDS = 120.0
_FEWEST_PROCESSORS = 2


def python() -> Finding:
    """The Python version. The bootstrap refuses an older one before this module is read."""
    version = ".".join(map(str, sys.version_info[:3]))
    return ok(f"{version}, {MINIMUM[0]}.{MINIMUM[1]} or newer is needed ({sys.executable})")


def environment(root: Path) -> Finding:
    """The virtual environment matches the lock files, and its Python still exists."""
    place = VENV.relative_to(root) if VENV.is_relative_to(root) else VENV
    if is_installed("runtime") or is_installed("dev"):
        return ok(f"{place} holds the locked packages")
    if not VENV.exists():
        return warning(f"there is no {place} yet", "make machine (make up does it, too)")
    link = VENV / "bin" / "python"
    if not link.exists():
        return critical(f"{link} is a broken link: its Python was removed", "make machine recreates it")
    return warning(f"{place} does not match the lock files", "make machine updates it")


def processors() -> Finding:
    """There are enough cores for four servers."""
    count = len(os.sched_getaffinity(0))
    return bounded(count, "cores", f"{count} cores", "use two cores or more: checks and backups are slow on one", warn=1, below=True)


def memory(stack: str) -> Finding:
    """The available memory is enough to start the platform, or to keep it running."""
    free = announcement.available_memory()
    if free is None:
        return unknown("the available memory is not known", "free -h")
    runs = next(state.done for state in announcement.states(stack, environment_ready=True) if state.name == "platform and data")
    wanted = expected.MEMORY_BYTES // 8 if runs else expected.MEMORY_BYTES
    message = f"{size_text(free)} available, {size_text(wanted)} needed {'beside the running stack' if runs else 'to start it'}"
    step = "stop other programs (ps aux --sort=-rss | head), or add memory"
    return bounded(free, "bytes", message, step, warn=wanted, below=True)


def disk(stack: str, root: Path) -> Finding:
    """Each file system has room for the remaining builds and for the data."""
    states = announcement.states(stack, environment_ready=is_installed("runtime") or is_installed("dev"))
    rooms = announcement.rooms(states, root, cache_folder(), announcement.docker_folder())
    message = "; ".join(f"{room.folder}: {size_text(room.free)} free, {size_text(room.needed)} needed" for room in rooms)
    step = "free disk space (docker system df shows Docker's part), or move the caches: XDG_CACHE_HOME"
    least = min(rooms, key=lambda room: room.free - room.needed)
    if least.free < least.needed:
        return critical(message, step, least.free, "bytes")
    if least.free < 2 * least.needed:
        return warning(f"{message}; less than twice what is needed", step, least.free, "bytes")
    return ok(message, least.free, "bytes")


def clock(root: Path) -> Finding:
    """The clock was not set back, is synchronized, and agrees with the engine's."""
    now = datetime.now(UTC)
    newest = max(map(_written, (root / ".christmas").glob("*/*")), default=0.0)
    ahead = newest - now.timestamp()
    step = "sudo timedatectl set-ntp true, or install chrony: certificates, expiries and point-in-time restores depend on the clock"
    if ahead > _AHEAD_SECONDS:
        message = f"the clock was set back: files of this clone are {ahead:.0f} s newer than now ({now:%Y-%m-%d %H:%M} UTC)"
        return critical(message, step, ahead, "seconds")
    apart = _engines_clock(now)
    if apart is not None and abs(apart) > _AHEAD_SECONDS / 4:
        return critical(f"the engine's clock is {apart:+.0f} s from this one", step, abs(apart), "seconds")
    message = f"{now:%Y-%m-%d %H:%M:%S} UTC" + ("" if apart is None else f", {abs(apart):.1f} s from the engine's")
    if kept_right() is False:
        return warning(f"{message}; the kernel reports an unsynchronized clock", step, abs(apart or 0.0), "seconds")
    return ok(message, abs(apart or 0.0), "seconds")


def _written(path: Path) -> float:
    """When a file was written, in Unix time; 0 for what is none, or is gone: tasks and the schedule write here all the time."""
    try:
        return path.stat().st_mtime if path.is_file() else 0.0
    except FileNotFoundError:
        return 0.0


def _engines_clock(now: datetime) -> float | None:
    """Seconds by which the engine's clock is ahead, or None if unknown."""
    try:
        system_time = (engine.ask(chosen_engine(), "/info") or {}).get("SystemTime", "")
        engines_now = datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", str(system_time)))
    except (OSError, ValueError, engine.Unasked):
        return None
    # The answer's own time is no difference.
    later = datetime.now(UTC)
    return 0.0 if now <= engines_now <= later else (engines_now - (later if engines_now > later else now)).total_seconds()


def kept_right() -> bool | None:
    """Whether the kernel's clock is synchronized, or None if unknown."""
    try:
        buffer = ctypes.create_string_buffer(512)
        if ctypes.CDLL(None, use_errno=True).adjtimex(buffer) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return not int.from_bytes(buffer.raw[_STATUS_AT : _STATUS_AT + 4], sys.byteorder) & _UNSYNCHRONIZED


def proxies() -> Finding:
    """Proxies from the environment answer, and are not used for the stores on this machine."""
    named = {name: value for name in ("http_proxy", "https_proxy", "all_proxy") if (value := _variable(name))}
    if not named:
        return ok("none is set")
    if wrong := [f"{name}={_shown(value)}: {problem}" for name, value in named.items() if (problem := _no_answer(value))]:
        return critical("; ".join(wrong), "correct or unset the variable: downloads use it", len(wrong), "proxies")
    spared = [host.strip() for host in _variable("no_proxy").split(",")]
    missing = [host for host in ("localhost", "127.0.0.1") if host not in spared and "*" not in spared]
    if missing:
        return warning(
            f"clients would reach the stores of this machine through {_shown(next(iter(named.values())))}",
            f"export no_proxy={','.join([*filter(None, spared), *missing])} NO_PROXY={','.join([*filter(None, spared), *missing])}",
            len(missing),
            "addresses",
        )
    return ok(f"{', '.join(named)} answer; local addresses bypass them")


def _variable(name: str, variables: Mapping[str, str] = os.environ) -> str:
    return variables.get(name) or variables.get(name.upper()) or ""


def _shown(value: str) -> str:
    """A proxy's address without user and password."""
    return value.rpartition("@")[2] if "@" in value else value


def _no_answer(value: str) -> str:
    parts = urlsplit(value if "://" in value else f"http://{value}")
    try:
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 1080 if parts.scheme.startswith("socks") else 80)
    except ValueError as error:
        return str(error)
    if not host:
        return "not a valid address"
    try:
        socket.create_connection((host, port), timeout=_PROXY_SECONDS).close()
    except OSError as error:
        return f"does not answer: {error}"
    return ""
