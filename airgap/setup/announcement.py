"""The first lines of `make up`: its steps, their duration, the paths that it writes, and whether there is room.

Standard library only: it is printed before anything is installed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from airgap.setup import expected, probe
from core.errors import PlatformError
from core.labels import PROJECT_LABEL, STACK_LABEL
from core.words import size_text

_STACK_LABELS = (f"{PROJECT_LABEL}=christmas", f"{STACK_LABEL}={{}}")


@dataclass(frozen=True)
class State:
    """A step by its name in `expected.STEPS`, and whether it is done; None if unknown yet."""

    name: str
    done: bool | None


@dataclass(frozen=True)
class Room:
    """A file system's folder, with its needed and free bytes."""

    folder: Path
    needed: int
    free: int


def announcement(stack: str, states: Sequence[State]) -> list[str]:
    """Return the lines to print: the stack, each open step with its time, and the total."""
    ahead = [state for state in states if state.done is not True]
    ready = [state.name for state in states if state.done]
    total = sum(expected.STEPS[state.name].cold if state.done is not True else expected.STEPS[state.name].warm for state in states)
    unsure = [state.name for state in states if state.done is None]
    lines = [
        f"make up: brings stack {stack} up (TimescaleDB, Redis, Weaviate), migrates, seeds, backs up and checks it. Nothing is asked.",
        f"  to do:   {', '.join(f'{step.name} ({_duration(expected.STEPS[step.name].cold)})' for step in ahead) or 'only to look again'}",
    ]
    if ready:
        lines.append(f"  ready:   {', '.join(ready)}")
    about = f"up to {_duration(total)}" if unsure else f"about {_duration(total)}"
    lines.append(f"  takes:   {about} on two quiet cores, longer on a busy machine or slow network; it continues after an interruption")
    if unsure:
        lines.append(f"  unknown: {', '.join(unsure)}: what is there shows once Docker answers")
    return lines


def where_things_go(stack: str, clone: Path, cache: Path) -> str:
    """Return the line about the written paths."""
    from airgap.images.catalog import REPOSITORY

    return (
        f"  writes:  {clone}/.venv and .christmas, {cache}, in Docker images {REPOSITORY}/… and everything named christmas-{stack}-…; "
        "Debian packages only where the engine is missing; a unit of systemd or a line of cron, for after a reboot"
    )


def states(stack: str, *, environment_ready: bool) -> list[State]:
    """Check which steps are done: in the clone, in the cache, and at this machine's Docker engine."""
    from airgap.images.catalog import SERVICES, image_reference
    from airgap.toolchain.locate import real_pulumi

    try:
        real_pulumi()
        cli = True
    except PlatformError:
        cli = False
    engine: bool | None
    images: bool | None
    runs: bool | None
    try:
        engine = probe.engine_has("/version") is not None
        images = not probe.missing_images([image_reference(service) for service in SERVICES])
        runs = probe.containers_run([label.format(stack) for label in _STACK_LABELS])
    except OSError:
        # An engine elsewhere, or without access for this user, is not asked here; without any socket there is none.
        engine_exists = bool(os.environ.get("DOCKER_HOST")) or Path("/var/run/docker.sock").exists()
        engine = images = runs = None if engine_exists else False
    return [
        State("Python environment", environment_ready),
        State("Docker engine", engine),
        State("Pulumi CLI", cli),
        State("images", images),
        State("platform and data", runs),
    ]


def rooms(state_list: Sequence[State], clone: Path, cache: Path, docker: Path | None) -> list[Room]:
    """Return the required free space on each file system: more if something is still to be built."""
    from airgap.images.catalog import SERVICES

    done = {state.name: state.done is True for state in state_list}
    bytes_of = {
        cache: (0 if done["Pulumi CLI"] else expected.CLI_BYTES)
        + (0 if done["images"] else expected.WEAVIATE_BYTES + expected.WHEELS_BYTES),
        clone: 0 if done["Python environment"] else expected.CLONE_BYTES,
    }
    if docker is not None:
        bytes_of[docker] = expected.STACK_BYTES + (0 if done["images"] else sum(expected.IMAGE_BYTES[service] for service in SERVICES))
    by_device: dict[int, Room] = {}
    for folder, needed in bytes_of.items():
        try:
            existing = next(folder_above for folder_above in (folder.absolute(), *folder.absolute().parents) if folder_above.exists())
        except OSError:
            continue  # not visible to this user
        before = by_device.get(existing.stat().st_dev)
        # Folders on one file system share its free space.
        needed_there = needed + (before.needed if before else 0)
        by_device[existing.stat().st_dev] = Room(before.folder if before else existing, needed_there, shutil.disk_usage(existing).free)
    return list(by_device.values())


def available_memory(meminfo: Path = Path("/proc/meminfo"), limit: Path = Path("/sys/fs/cgroup/memory.max")) -> int | None:
    """Return the bytes of memory that programs can still get, within a container's own limit; None if unknown."""
    try:
        lines = meminfo.read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None
    try:
        return min(free, int(limit.read_text()))
    except (OSError, ValueError):
        return free  # no limit: the file is absent, or says `max`


def require(room_list: Sequence[Room], memory: int | None, *, running: bool) -> list[str]:
    """Return warnings about memory. Raises PlatformError if a file system has too little room.

    Memory is only warned of: the system can reclaim much of it. A running platform has its share already.
    """
    short = [room for room in room_list if room.free < room.needed]
    if short:
        raise PlatformError(
            "There is too little disk space for `make up`.",
            where="\n    ".join(
                f"the file system of {room.folder}: {size_text(room.needed)} needed, {size_text(room.free)} free" for room in short
            ),
            next_step="free some there, or put the caches elsewhere (XDG_CACHE_HOME), then run `make up` again",
        )
    if memory is None or running or memory >= expected.MEMORY_BYTES:
        return []
    needed_memory = size_text(expected.MEMORY_BYTES)
    return [f"  memory:  {size_text(memory)} are available; with less than {needed_memory} it becomes slow, or something is killed"]


def announce(clone: Path, *, environment_ready: bool) -> None:
    """Print all of it on standard output. Raises PlatformError if there is too little room; nothing was changed then."""
    from airgap.toolchain.locate import cache_folder

    stack = os.environ.get("CHRISTMAS_STACK") or "dev"
    state_list = states(stack, environment_ready=environment_ready)
    running = all(state.done for state in state_list)
    warnings = require(rooms(state_list, clone, cache_folder(), docker_folder()), available_memory(), running=running)
    text = announcement(stack, state_list)
    if not running:
        text.append(where_things_go(stack, clone, cache_folder()))
    print("\n".join([*text, *warnings]), flush=True)


def docker_folder() -> Path | None:
    """The folder of this machine's engine for images and volumes, existing or not; None for an engine elsewhere."""
    try:
        folder = Path((probe.engine_has("/info") or {}).get("DockerRootDir", ""))
        return folder if folder.is_absolute() and folder.exists() else None
    except OSError:
        return None if os.environ.get("DOCKER_HOST") else Path("/var/lib/docker")


def _duration(seconds: float) -> str:
    """Return a rounded duration: `20 s`, `4 min`."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min"
