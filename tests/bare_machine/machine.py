"""Bare machines: root file systems of Debian releases in which commands run as on a computer of their own, in the network of this one.

Every command has mount and process namespaces of its own, so that nothing stays mounted or running, also not after a run that was
killed: the kernel takes them down with their first process.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airgap.images.apt_sources import mirror_lines
from airgap.images.base import bootstrap_command
from airgap.images.versions import DEBIAN_SUITE

CLONE = Path(__file__).resolve().parents[2]
PACKAGES = ("python3", "python3-pip", "make", "ca-certificates")
"""What a bare machine has: the commands of the README are typed with `make`, and Debian's Python brings no pip of its own."""
USER = 1000
HOME = "/home/newcomer"

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How a user of this network reaches the package registries. None of these names is one of the project's own settings.
_NETWORK = re.compile(
    r"(PIP_|UV_|SSL_CERT_|GOPROXY$|GOSUMDB$|GONOSUMDB$|GOPRIVATE$|REQUESTS_CA_BUNDLE$|CURL_CA_BUNDLE$)|(http|https|no|all)_proxy$", re.I
)
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
_NETWORK_FILES = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/xdg/pip", "usr/local/share/ca-certificates", _CERTIFICATES)


def network_variables() -> dict[str, str]:
    """Return the variables of this process that say how package registries are reached."""
    return {name: value for name, value in os.environ.items() if _NETWORK.match(name)}


def bootstrap(suite: str, root: Path, packages: tuple[str, ...] = PACKAGES) -> None:
    """Make the root file system of a Debian release at `root`, from the mirrors of this machine's own apt sources."""
    tool = shutil.which("mmdebstrap")
    assert tool, "bare machines are bootstrapped by mmdebstrap: apt-get install mmdebstrap"
    assert os.geteuid() == 0, "bare machines need root's rights for their mounts: run these tests as root"
    command = [suite if part == DEBIAN_SUITE else part for part in bootstrap_command(tool, root, mirror_lines(suite))]
    command.insert(1, f"--include={','.join(packages)}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr[-4000:]}"
    _hand_in_network(root)
    with (root / "etc/passwd").open("a") as users:
        users.write(f"newcomer:x:{USER}:{USER}::{HOME}:/bin/sh\n")
    with (root / "etc/group").open("a") as groups:
        groups.write(f"newcomer:x:{USER}:\n")
    home = root / HOME.lstrip("/")
    home.mkdir(parents=True)
    os.chown(home, USER, USER)


def _hand_in_network(root: Path) -> None:
    """Give the machine what an administrator of this network gives each: names, certificates, proxies, pip's configuration."""
    for name in _NETWORK_FILES:
        source, target = Path("/", name), root / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file():
            target.unlink(missing_ok=True)
            _copy_file(source, target)
    for proxy in Path("/etc/apt/apt.conf.d").glob("*prox*"):
        shutil.copyfile(proxy, root / "etc/apt/apt.conf.d" / proxy.name)
    for value in network_variables().values():
        # A folder of wheels, a bundle of certificates: what a variable names is there, too.
        named = Path(value)
        if named.is_absolute() and named.exists() and not (root / value.lstrip("/")).exists():
            (shutil.copytree if named.is_dir() else _copy_file)(named, root / value.lstrip("/"))


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


@dataclass
class Machine:
    """One computer: a root file system that is only read, and a layer of its own above it for all that is written."""

    suite: str
    root: Path
    layer: Path
    variables: dict[str, str] = field(default_factory=dict)
    binds: dict[str, Path] = field(default_factory=dict)
    """Folders of this machine that are seen in there, read only: path there, folder here."""

    def __post_init__(self) -> None:
        for name in ("upper", "work", "merged"):
            (self.layer / name).mkdir(parents=True, exist_ok=True)
        (self.layer / "upper").chmod(0o755)

    def run(
        self,
        command: str,
        *,
        user: int = 0,
        variables: Mapping[str, str] | None = None,
        before: str = "",
        timeout: float = 900,
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command in there as root or as the ordinary user, standard input closed, and return what came of it.

        `before` runs as root, with `merged` as the machine's root folder: a place for mounts of a test's own.
        """
        home = HOME if user else "/root"
        # No terminal, no variables but those of a log-in and of the network.
        environment = {"PATH": _SYSTEM_PATH, "HOME": home, "USER": "newcomer" if user else "root", "LANG": "C.UTF-8"}
        environment |= network_variables() | self.variables | dict(variables or {})
        shell = ["chroot", *([f"--userspec={user}:{user}", "--groups="] if user else []), "merged", "/bin/sh", "-c", f"cd ~ && {command}"]
        binds = [
            f"mkdir -p merged{there} && mount --bind {shlex.quote(str(here))} merged{there} && mount -o remount,bind,ro merged{there}"
            for there, here in self.binds.items()
        ]
        script = "\n".join(
            [
                "set -e",
                f"mount -t overlay overlay -o lowerdir={shlex.quote(str(self.root))},upperdir=upper,workdir=work merged",
                "mount -t proc proc merged/proc",
                "mount --rbind /sys merged/sys",
                "mount --rbind /dev merged/dev",
                "mount -t tmpfs -o mode=0755 tmpfs merged/run",
                *binds,
                before,
                f"exec {shlex.join(shell)}",
            ]
        )
        # A run that is killed takes its machines with it.
        namespaces = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"]
        process = subprocess.run(
            [*namespaces, "/bin/sh", "-c", script],
            cwd=self.layer,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check:
            assert process.returncode == 0, f"{self.suite}: {command}\n{process.stdout}\n{process.stderr}"
        return process

    def path(self, inside: str) -> Path:
        """Return where a file that was written in there lies on this machine."""
        return self.layer / "upper" / inside.lstrip("/")
