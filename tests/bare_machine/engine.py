"""A newer Docker engine beside the machine's own: Debian 13's, in a root file system, network and processes of its own.

Two engines in one network would write each other's firewall rules, so this one has loopback and bridges for itself: what talks to its
containers' published ports has to run in its network, see `Engine.command`. With its first process all of it is gone.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import temporary
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
    """An engine in its folder; while it runs, `process` is what the network is of that its containers' ports are published in."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"unix://{self.folder}/run/docker.sock"

    def boot(self) -> None:
        """Start it, as its machine does, and wait until it answers."""
        namespaces = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"]
        script = _SCRIPT.format(root=self.folder / "root", parent=self.folder.name)
        with (self.folder / "dockerd.log").open("ab") as output:
            self.process = subprocess.Popen(
                [*namespaces, "--propagation=private", "/bin/sh", "-c", script],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_for(self._answers, "the newer engine answers")

    def lose_power(self) -> None:
        """End it with its containers at once, as when its machine loses power; what is on its disks stays."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _answers(self) -> bool:
        assert self.process
        log = self.folder / "dockerd.log"
        assert self.process.poll() is None, f"the newer engine ended: {log.read_text(errors='replace')[-3000:]}"
        with contextlib.suppress(subprocess.CalledProcessError):
            self.version()
            return True
        return False

    def command(self, *command: str) -> list[str]:
        """Return the command that runs `command` in the engine's network; files and processes are those of this machine."""
        assert self.process
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
    with temporary.folder("engine") as folder:
        engine = Engine(folder)
        try:
            bootstrap("trixie", folder / "root", PACKAGES)
            for name in ("upper", "work", "merged", "data", "run"):
                (folder / name).mkdir()
            engine.boot()
            yield engine
        finally:
            engine.lose_power()
            _remove_groups(folder.name)


def _remove_groups(parent: str) -> None:
    """Remove the empty control groups that the engine's containers had: the kernel keeps them, whoever made them."""
    for hierarchy in Path("/sys/fs/cgroup").iterdir():
        for folder, _, _ in os.walk(hierarchy / parent, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
