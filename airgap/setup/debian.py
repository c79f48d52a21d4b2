"""Installs packages on a Debian machine, as root or through sudo, always announced first."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from core.errors import PlatformError
from core.progress import Progress

_LOCK_SECONDS = 300


def is_debian(release: Path = Path("/etc/os-release")) -> bool:
    """Whether this is Debian or a derived system with apt-get."""
    try:
        lines = release.read_text().splitlines()
    except OSError:
        return False
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    family = f"{values.get('ID', '')} {values.get('ID_LIKE', '')}".replace('"', "").split()
    return "debian" in family and shutil.which("apt-get") is not None


def as_root(*command: str, why: str) -> list[str]:
    """Return the command line that runs `command` as root without asking for a password.

    Raises PlatformError with the command to type if that is impossible.
    """
    if os.geteuid() == 0:
        return list(command)
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n", *command]
    missing = "`sudo -n` is not allowed" if sudo else "there is no `sudo`"
    shown = f"sudo {shlex.join(command)}" if sudo else f"su -c {shlex.quote(shlex.join(command))}"
    raise PlatformError(
        f"{why}, which needs root.",
        where=f"user id {os.geteuid()}, and {missing}",
        next_step=f"run it yourself, or ask an administrator to: {shown}\nthen run `make up` again",
    )


def apt_install(packages: list[str], progress: Progress, why: str, *, recommended: bool = True) -> None:
    """Install Debian packages, announced first, by default with recommended ones. Raises PlatformError if it fails."""
    names = " ".join(packages)
    # Wait for another apt, such as the machine's automatic upgrades.
    options = ("--yes", "--quiet", f"--{'' if recommended else 'no-'}install-recommends", "-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}")
    install = as_root("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", *options, *packages, why=why)
    progress.log(f"{why}: installing the Debian package{'s' if len(packages) > 1 else ''} {names}")
    progress.status("apt-get update")
    # An old package list names files that the mirror no longer has; an unreachable mirror shows in the next command.
    subprocess.run(as_root("apt-get", "update", "--quiet", why=why), capture_output=True, check=False)
    progress.status(f"apt-get install {names}")
    # The reason may be in either stream: apt's own errors in one, those of a package's scripts in the other.
    outcome = subprocess.run(install, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, check=False)
    if outcome.returncode != 0:
        words = outcome.stdout.strip().splitlines()[-8:]
        raise PlatformError(
            f"apt-get can't install {names}.",
            where="its last words:\n    " + "\n    ".join(words),
            next_step=f"repair what it names, try `sudo apt-get install {names}`, then run `make up` again",
        )
