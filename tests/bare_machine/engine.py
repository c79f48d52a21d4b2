"""A newer Docker engine beside the machine's own: Debian 13's, in a root file system, network and processes of its own.

Two engines in one network would write each other's firewall rules, so this one has loopback and bridges for itself: what talks to its
containers' published ports has to run in its network, see `Engine.command`. With its first process all of it is gone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bare_machine.machine import bootstrap
from tests.support.waiting import wait_for

PACKAGES = ("docker.io", "iptables", "ca-certificates", "procps")
_SCRIPT = """
set -e
ip link set lo up
mount -t overlay overlay -o lowerdir={root},upperdir=upper,workdir=work merged
cd merged
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs -o mode=0755 tmpfs run
mkdir -p srv/data srv/run .old
mount --bind ../data srv/data
mount --bind ../run srv/run
pivot_root . .old
umount -l /.old
exec dockerd --host unix:///srv/run/docker.sock --data-root /srv/data --exec-root /run/docker --pidfile /run/docker.pid \
  --bip 10.213.0.1/24 --cgroup-parent {parent}
"""


@dataclass
class Engine:
    """A running engine: its address, and the process whose network its containers' ports are published in."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def command(self, *command: str) -> list[str]:
        """Return the command that runs `command` in the engine's network; files and processes are those of this machine."""
        return ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", *command]

    def version(self) -> str:
        """Return the engine's version, e.g. `26.1.5+dfsg1`."""
        command = ["docker", "--host", self.url, "version", "--format", "{{.Server.Version}}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def take_images(self, references: Sequence[str]) -> None:
        """Copy images from the machine's own engine."""
        with subprocess.Popen(["docker", "save", *references], stdout=subprocess.PIPE) as saved:
            loaded = subprocess.run(["docker", "--host", self.url, "load"], stdin=saved.stdout, capture_output=True, text=True, check=False)
        assert (saved.returncode, loaded.returncode) == (0, 0), f"{references}: {loaded.stderr}"


@contextlib.contextmanager
def newer_engine() -> Iterator[Engine]:
    """Bootstrap and start the engine, and take all of it away afterwards."""
    # Not in pytest's folders: the path of a socket has 108 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="christmas-tests-engine-"))
    parent = folder.name
    try:
        root = folder / "root"
        bootstrap("trixie", root, PACKAGES)
        for name in ("upper", "work", "merged", "data", "run"):
            (folder / name).mkdir()
        log = folder / "dockerd.log"
        namespaces = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"]
        script = _SCRIPT.format(root=root, parent=parent)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*namespaces, "--propagation=private", "/bin/sh", "-c", script],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            engine = Engine(f"unix://{folder}/run/docker.sock", process, log)
            _wait(engine)
            yield engine
        finally:
            process.kill()
            process.wait()
    finally:
        _remove_groups(parent)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(engine: Engine) -> None:
    def answers() -> bool:
        assert engine.process.poll() is None, f"the newer engine ended: {engine.log.read_text(errors='replace')[-3000:]}"
        with contextlib.suppress(subprocess.CalledProcessError):
            engine.version()
            return True
        return False

    wait_for(answers, "the newer engine answers")


def _remove_groups(parent: str) -> None:
    """Remove the empty control groups that the engine's containers had: the kernel keeps them, whoever made them."""
    for hierarchy in Path("/sys/fs/cgroup").iterdir():
        for folder, _, _ in os.walk(hierarchy / parent, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
