"""A machine whose first process is systemd: this one's file system below a layer of its own, booted in namespaces, and booted again.

Nothing of it outlives the process that started it, and nothing that is written in there is seen outside.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.waiting import wait_for

SYSTEMD = Path("/lib/systemd/systemd")
_GROUPS = Path("/sys/fs/cgroup")
_NAMESPACES = "setpriv --pdeathsig KILL unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child --propagation=private"
_ENTER = "nsenter --mount --pid --uts --ipc --net --cgroup --root --wd=/"
_MASKED = (
    *("docker.service", "docker.socket", "containerd.service", "postgresql.service", "cron.service", "ssh.service"),
    *("systemd-networkd-wait-online.service", "NetworkManager-wait-online.service", "apt-daily.timer", "apt-daily-upgrade.timer"),
)
_SCRIPT = """
set -e
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work merged
{binds}
cd merged
# The clone may lie below /tmp, which a start empties; and of this machine's own services none is wanted.
mkdir -p etc/tmpfiles.d
ln -sf /dev/null etc/tmpfiles.d/tmp.conf
for each in {masked}; do ln -sf /dev/null etc/systemd/system/$each; done
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs dev
for each in null zero full random urandom tty; do touch dev/$each; mount --bind /dev/$each dev/$each; done
mkdir dev/pts dev/shm
mount -t tmpfs -o mode=0755 tmpfs run
mkdir -p .old
pivot_root . .old
umount -l /.old
exec env -i container=christmas PATH=/usr/sbin:/usr/bin:/sbin:/bin {systemd} --unit=multi-user.target
"""


@dataclass
class Booted:
    """The machine. `folder` has its layer and the log of its console."""

    folder: Path
    group: Path
    mounts: tuple[Path, ...]
    process: subprocess.Popen[bytes] | None = field(default=None)

    def boot(self) -> None:
        """Start it, as a switch would."""
        assert SYSTEMD.exists(), "this machine has no systemd to boot: apt-get install systemd"
        # Folders of other file systems are not below the layer, so they are seen as they are.
        binds = "\n".join(f"mkdir -p merged{mount} && mount --bind {mount} merged{mount}" for mount in self.mounts)
        script = _SCRIPT.format(systemd=SYSTEMD, binds=binds, masked=" ".join(_MASKED))
        with (self.folder / "console.log").open("ab") as console:
            enter = f'echo $$ > "$1/cgroup.procs"; exec {_NAMESPACES} /bin/sh -c "$2"'
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", enter, "sh", str(self.group), script],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        wait_for(self._is_up, "systemd is up")

    def _is_up(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.folder / "console.log").read_text(errors="replace")[-3000:]
        if not self._first():
            return False
        return self.run("systemctl is-system-running", check=False).stdout.strip() in {"running", "degraded"}

    def _first(self) -> int:
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        if not children or Path(f"/proc/{children[0]}/comm").read_text().strip() != "systemd":
            return 0
        return int(children[0])

    def run(self, command: str, *, user: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell command in there, as root or another user with no session of theirs; what it prints comes back."""
        first = wait_for(self._first, "systemd has begun")
        shell = ["runuser", "-u", user, "--", "/bin/sh", "-c", command] if user else ["/bin/sh", "-c", command]
        home = f"/home/{user}" if user else "/root"
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "LANG": "C.UTF-8"}
        done = subprocess.run(
            [*_ENTER.split(), f"--target={first}", *shell],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def lose_power(self) -> None:
        """End it as a cut of power does: every process at once, in the middle of whatever it does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None

        def empty() -> bool:
            # A process that ends keeps its group busy for a moment more.
            for folder, _, _ in os.walk(self.group, topdown=False):
                if Path(folder) != self.group:
                    with contextlib.suppress(OSError):
                        Path(folder).rmdir()
            return not any(path.is_dir() for path in self.group.iterdir()) and not (self.group / "cgroup.procs").read_text()

        wait_for(empty, "nothing of the machine runs any more")


@contextlib.contextmanager
def booted(folder: Path, clone: Path) -> Iterator[Booted]:
    """A machine that has booted once; with its layer in `folder`. It goes when the block is left."""
    assert os.geteuid() == 0, "a machine needs root's rights for its mounts: run these tests as root"
    for name in ("upper", "work", "merged"):
        (folder / name).mkdir()
    (folder / "upper").chmod(0o755)
    unified = _GROUPS if (_GROUPS / "cgroup.procs").exists() else _GROUPS / "unified"
    group = unified / f"christmas-tests-{os.getpid()}"
    group.mkdir()
    other = tuple(each for each in (clone,) if each.stat().st_dev != Path("/").stat().st_dev)
    machine = Booted(folder, group, other)
    try:
        machine.boot()
        yield machine
    finally:
        machine.lose_power()
        group.rmdir()
        shutil.rmtree(folder, ignore_errors=True)
