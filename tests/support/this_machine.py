"""What this machine shows, changed for a test: a folder or /proc/meminfo in a namespace of its own, the pace of a container's disk.

Nothing of it reaches whoever else uses the machine. It takes root, which tests of the machine have or get by sudo.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.models.containers import Container

AS_ROOT: tuple[str, ...] = () if os.geteuid() == 0 else ("sudo", "-n", "--preserve-env")


def seeing(source: str, target: str) -> tuple[str, ...]:
    """What starts a command that sees `source` in the place of `target`; nobody else does."""
    return (*AS_ROOT, "unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', source, target)


@contextlib.contextmanager
def small_disk(folder: str, mebibytes: int, user: str) -> Iterator[None]:
    """A file system of that size at a folder, which belongs to a user as `1001:1001`."""
    uid, _, gid = user.partition(":")
    options = f"size={mebibytes}m,mode=0700,uid={uid},gid={gid}"
    subprocess.run([*AS_ROOT, "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        unmount(folder)


def unmount(folder: str) -> None:
    """Take a test's file system away from a folder, also where something still uses it."""
    subprocess.run([*AS_ROOT, "umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def shown_in(container: Container, source: str, target: str) -> Iterator[None]:
    """A container sees a file of its own in the place of another."""
    container.reload()
    entered = (*AS_ROOT, "nsenter", "--target", str(container.attrs["State"]["Pid"]), "--mount", "--pid")
    subprocess.run([*entered, "mount", "--bind", source, target], check=True)
    try:
        yield
    finally:
        subprocess.run([*entered, "umount", target], check=True)


@contextlib.contextmanager
def slow_disk(container: Container, writes_a_second: int) -> Iterator[None]:
    """Docker's disk takes no more writes than that from one container: the kernel holds them back, as a worn or busy disk does."""
    container.reload()
    lines = Path(f"/proc/{container.attrs['State']['Pid']}/cgroup").read_text("ascii").splitlines()
    groups = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    disk = _disk_of(Path(docker.from_env().info()["DockerRootDir"]))
    if "blkio" in groups:
        file = f"/sys/fs/cgroup/blkio{groups['blkio']}/blkio.throttle.write_iops_device"
        slow, normal = f"{disk} {writes_a_second}", f"{disk} 0"
    else:
        file = f"/sys/fs/cgroup{groups['']}/io.max"
        slow, normal = f"{disk} wiops={writes_a_second}", f"{disk} wiops=max"
    _write(slow, file)
    try:
        yield
    finally:
        _write(normal, file)


def _disk_of(folder: Path) -> str:
    """The numbers of the whole disk below a folder: a part of one can't be slowed down alone."""
    device = folder.stat().st_dev
    block = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve()
    whole = block.parent if (block / "partition").exists() else block
    return (whole / "dev").read_text("ascii").strip()


def _write(text: str, file: str) -> None:
    subprocess.run([*AS_ROOT, "sh", "-c", 'echo "$0" >"$1"', text, file], check=True)
