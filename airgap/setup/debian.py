"""What set-up does to a Debian machine: installing packages, as root or through sudo, always announced first."""

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
    """Tell whether this is Debian or a system derived from it that has apt-get."""
    try:
        lines = release.read_text().splitlines()
    except OSError:
        return False
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    family = f"{values.get('ID', '')} {values.get('ID_LIKE', '')}".replace('"', "").split()
    return "debian" in family and shutil.which("apt-get") is not None


def as_root(*command: str, why: str) -> list[str]:
    """Return the command line that runs `command` as root without asking for a password.

    Raises PlatformError, with what to type, where there is no way to.
    """
    if os.geteuid() == 0:
        return list(command)
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n", *command]
    missing = "`sudo -n` is not allowed" if sudo else "there is no `sudo`"
    shown = f"sudo {shlex.join(command)}" if sudo else f"su -c {shlex.quote(shlex.join(command))}"
    raise PlatformError(
        f"{why}, which takes root's rights.",
        where=f"user id {os.geteuid()}, and {missing}",
        next_step=f"run it yourself, or have it run by whoever may: {shown}\nthen run `make up` again",
    )


def apt_install(packages: list[str], progress: Progress, why: str, *, recommended: bool = True) -> None:
    """Install Debian packages, with those they recommend unless told otherwise, saying so first. Raises PlatformError where it fails."""
    names = " ".join(packages)
    # Another apt, such as a machine's own upgrades, is waited for.
    options = ("--yes", "--quiet", f"--{'' if recommended else 'no-'}install-recommends", "-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}")
    install = as_root("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", *options, *packages, why=why)
    progress.log(f"{why}: installing the Debian package{'s' if len(packages) > 1 else ''} {names}")
    progress.status("apt-get update")
    # An old list of packages names files that the mirror no longer has; a mirror that is away shows in the next command.
    subprocess.run(as_root("apt-get", "update", "--quiet", why=why), capture_output=True, check=False)
    progress.status(f"apt-get install {names}")
    # The reason may stand in either stream: apt's own errors in one, those of a package's scripts in the other.
    outcome = subprocess.run(install, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, check=False)
    if outcome.returncode != 0:
        words = outcome.stdout.strip().splitlines()[-8:]
        raise PlatformError(
            f"apt-get can't install {names}.",
            where="its last words:\n    " + "\n    ".join(words),
            next_step=f"repair what it names, try `sudo apt-get install {names}`, then run `make up` again",
        )
