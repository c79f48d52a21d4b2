"""Finds the Docker engine; on Debian installs and starts it, elsewhere says what to install."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from airgap.setup.debian import apt_install, as_root, is_debian
from airgap.toolchain.locate import cache_folder
from core.chosen_engine import LOCAL_SOCKET, chosen_engine
from core.errors import PlatformError
from core.progress import Progress
from core.waiting import looks

MINIMUM = (20, 10)
"""The oldest tested engine."""

SOCKET = Path(LOCAL_SOCKET.removeprefix("unix://"))
_START_SECONDS = 60.0


class EngineUnreachable(Exception):  # noqa: N818 - a state to examine, not an error for the user
    """The engine does not answer; `denied` if permission is missing."""

    def __init__(self, reason: str, *, denied: bool = False) -> None:
        super().__init__(reason)
        self.denied = denied


def engine_is_ready() -> bool:
    """Whether an engine answers that is new enough."""
    try:
        return _is_new_enough(engine_version())
    except EngineUnreachable:
        return False


def ensure_engine(progress: Progress) -> str:
    """Return the version of a running Docker engine, installing and starting it first if possible.

    Raises PlatformError if the engine is too old, closed to this user, or can't be installed here.
    """
    progress.status("asking the Docker engine for its version")
    try:
        return _checked(engine_version())
    except EngineUnreachable as refusal:
        if refusal.denied:
            raise _no_rights() from None
        chosen = chosen_engine()
        if chosen.url != LOCAL_SOCKET:
            raise PlatformError(
                f"The Docker engine that {chosen.source} names does not answer.",
                where=f"{chosen.url}: {refusal}",
                next_step="start it, or unset DOCKER_HOST and choose `docker context use default` to use the engine of this machine",
            ) from None
    if find_daemon() is None:
        _install(progress)
    # A package's own scripts may have started it by now.
    if not _answers_within(3 if SOCKET.exists() else 0, progress):
        _start(progress)
    try:
        return _checked(engine_version())
    except EngineUnreachable as refusal:
        raise _no_rights() if refusal.denied else _does_not_start(str(refusal)) from None


def engine_version() -> str:
    """Return the version of the environment's engine, e.g. `20.10.24+dfsg1`. Raises EngineUnreachable."""
    from docker.errors import DockerException

    from core import docker_client

    try:
        client = docker_client.connect(timeout=20)
    except DockerException as error:
        raise EngineUnreachable(str(error), denied="PermissionError" in str(error) or "Permission denied" in str(error)) from error
    with contextlib.closing(client):
        try:
            return str(client.version()["Version"])
        except (DockerException, OSError) as error:
            raise EngineUnreachable(str(error)) from error


def find_daemon() -> str | None:
    """Return the path of `dockerd`, even if sbin is not on the user's PATH."""
    return shutil.which("dockerd") or shutil.which("dockerd", path="/usr/sbin:/usr/local/sbin:/sbin")


def parse_version(text: str) -> tuple[int, int]:
    """Return (20, 10) for `20.10.24+dfsg1`, and (0, 0) for an invalid version."""
    match = re.match(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _is_new_enough(version: str) -> bool:
    return parse_version(version) >= MINIMUM


def _checked(version: str) -> str:
    if not _is_new_enough(version):
        raise PlatformError(
            f"The Docker engine is version {version}; {MINIMUM[0]}.{MINIMUM[1]} or newer is needed.",
            where=str(chosen_engine()),
            next_step="update it (on Debian: sudo apt-get install docker.io; else https://docs.docker.com/engine/install),\n"
            "then run `make up` again",
        )
    return version


def _install(progress: Progress) -> None:
    if not is_debian():
        raise PlatformError(
            "Docker is not installed, and this is not a Debian system on which set-up could install it.",
            where="no answer on the Docker socket, and no `dockerd`",
            next_step="install Docker Engine 20.10 or newer (https://docs.docker.com/engine/install) or Docker Desktop, start it,\n"
            "then run `make up` again",
        )
    apt_install(["docker.io"], progress, "Docker is missing")


def _start(progress: Progress) -> None:
    """Start the engine in this machine's way, and wait for its socket."""
    if Path("/run/systemd/system").is_dir():
        progress.log("the Docker engine is not running: starting it with systemctl")
        _run(as_root("systemctl", "enable", "--now", "docker", why="The Docker engine must be started"))
        if _answers_within(_START_SECONDS, progress):
            return
    elif Path("/etc/init.d/docker").is_file():
        progress.log("the Docker engine is not running: starting it with service")
        # The script fails when it raises limits that a container may not raise; dockerd itself does not need them.
        if _run(as_root("service", "docker", "start", why="The Docker engine must be started")) and _answers_within(20, progress):
            return
    daemon = _start_detached(progress)
    if not _answers_within(_START_SECONDS, progress, daemon):
        ended = daemon.poll()
        raise _does_not_start(f"no answer within {_START_SECONDS:.0f} s" if ended is None else f"dockerd ended with exit code {ended}")


def _start_detached(progress: Progress) -> subprocess.Popen[bytes]:
    """Run dockerd in the background, in a new session so that it outlives this terminal."""
    daemon = find_daemon()
    if daemon is None:
        raise _does_not_start("there is no dockerd")
    command = as_root(daemon, why="The Docker engine must be started")
    log = _log_file()
    log.parent.mkdir(parents=True, exist_ok=True)
    progress.log(f"starting dockerd in the background; its log: {log}")
    with log.open("ab") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)


def _run(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0


def _answers_within(seconds: float, progress: Progress, daemon: subprocess.Popen[bytes] | None = None) -> bool:
    """Wait for an answer, but not after the `daemon` that should give it has ended."""
    progress.status("waiting for the Docker engine to answer")
    for _ in looks(seconds, pause=0.5):
        try:
            engine_version()
        except EngineUnreachable as refusal:
            if refusal.denied:
                return True  # It runs; the caller reports the missing permission.
            if daemon is not None and daemon.poll() is not None:
                return False
        else:
            return True
    return False


def _no_rights() -> PlatformError:
    user = pwd.getpwuid(os.geteuid()).pw_name
    return PlatformError(
        "The Docker engine runs, but this user may not talk to it.",
        where=f"{chosen_engine()}, user {user}",
        next_step=f"sudo usermod -aG docker {user}\nthen log out and in again (or: newgrp docker) and run `make up` again",
    )


def _log_file() -> Path:
    return cache_folder() / "docker" / "dockerd.log"


def _does_not_start(reason: str) -> PlatformError:
    try:
        words = _log_file().read_text(errors="replace").strip().splitlines()[-6:]
    except OSError:
        words = []
    return PlatformError(
        "The Docker engine does not start.",
        where=reason + "".join(f"\n    {line[:400]}" for line in words),
        next_step="start it by hand (systemctl start docker, or service docker start) and see what it says; then run `make up` again",
    )
