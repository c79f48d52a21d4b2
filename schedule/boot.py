"""Starts a stack's schedule at boot: by a systemd unit, a cron line, or not at all, which is reported.

Everything belongs to the user who runs this: root's unit is a system unit, another user's is in their own folder, with lingering.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.disk import write_whole
from core.errors import PlatformError
from core.waiting import until
from infra.connections import ROOT
from schedule import remembered, units

SYSTEMD_RUNS = Path("/run/systemd/system")
"""This folder exists if systemd is the machine's first process, sd_booted(3)."""
_LINGERING = Path("/var/lib/systemd/linger")
_CRONS = {"cron", "crond", "fcron", "cronie"}
_MANAGER_SECONDS = 20.0
_COMMAND_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Arranged:
    """The boot arrangement. `message` is for the user; `begin` starts the keeper through systemd if necessary."""

    message: str
    begin: Callable[[], None] | None = None


class _RefusedError(Exception):
    """This machine or user does not offer that way; the text says why, and what would change it."""


def arrange(stack: str) -> Arranged:
    """Make the machine start the schedule at boot. An existing arrangement stays. Never raises."""
    refusals = []
    for way in (_by_systemd, _by_cron):
        try:
            arranged = way(stack)
        except _RefusedError as error:
            refusals.append(str(error))
        else:
            secret = remembered.remember(stack)
            missing = f"\n  not saved, so unknown after a restart: {', '.join(secret)}; use a file instead" if secret else ""
            return Arranged(arranged.message + missing, arranged.begin)
    by_hand = f"cd {ROOT} && {units.python()} -m schedule.keeper --after-boot {stack}"
    return Arranged(
        f"nothing starts the schedule after a reboot ({'; '.join(refusals)}). After a reboot run: invoke schedule.start;\n"
        f"  or make the machine run this at boot: {by_hand}"
    )


def remove(stack: str) -> str:
    """Remove the boot arrangement; returns what was done, "" if there was none. Never raises."""
    done = []
    unit, folder = units.keeper_name(ROOT, stack), _unit_folder()
    with contextlib.suppress(_RefusedError, OSError):
        if (folder / unit).exists():
            # Remove the file first: it must not come back, even if systemd can't be asked now.
            with contextlib.suppress(_RefusedError):
                _systemctl("disable", unit)
            (folder / unit).unlink(missing_ok=True)
            done.append(f"{folder / unit} is removed")
            _systemctl("daemon-reload")
    with contextlib.suppress(_RefusedError):
        lines = _crontab() if shutil.which("crontab") else []
        remaining = [line for line in lines if not line.endswith(units.mark(ROOT, stack))]
        if remaining != lines:
            _write_crontab(remaining)
            done.append("its line in the crontab is removed")
    remembered.forget(stack)
    return "; ".join(done)


def _by_systemd(stack: str) -> Arranged:
    if not SYSTEMD_RUNS.is_dir():
        raise _RefusedError("systemd is not the first process")
    if os.geteuid() != 0:
        _linger()
    unit, folder = units.keeper_name(ROOT, stack), _unit_folder()
    text = units.keeper_unit(units.Clone.here(ROOT), stack, system=os.geteuid() == 0).encode()
    path = folder / unit
    before = path.read_bytes() if path.exists() else b""
    try:
        if before != text:
            write_whole(path, text, mode=0o644)
            _systemctl("daemon-reload")
        _systemctl("enable", unit)
    except (OSError, _RefusedError) as error:
        if not before:
            path.unlink(missing_ok=True)
        raise _RefusedError(f"systemd refused {unit}: {error}") from None
    message = f"after a reboot systemd starts it: {path} ({'as there before' if before == text else 'written now'})"
    if os.geteuid() == 0:
        return Arranged(message, lambda: _systemctl("start", unit))
    # The user's systemd may be older than the user's groups, such as Docker's: start the schedule from here this time.
    return Arranged(message)


def _by_cron(stack: str) -> Arranged:
    if not shutil.which("crontab"):
        raise _RefusedError("there is no cron")
    if not _cron_runs():
        raise _RefusedError("cron is installed but does not run")
    lines, line = _crontab(), units.keeper_cron_line(ROOT, stack)
    if line not in lines:
        _write_crontab([*(existing for existing in lines if not existing.endswith(units.mark(ROOT, stack))), line])
    return Arranged("after a reboot cron starts it: an @reboot line in your crontab (crontab -l)")


def _linger() -> None:
    """Let this user's systemd run without a login."""
    user = getpass.getuser()
    if not (_LINGERING / user).exists():
        try:
            _run(["loginctl", "enable-linger"])
        except _RefusedError as error:
            raise _RefusedError(
                f"systemd runs nothing for {user} without a login: {error}; sudo loginctl enable-linger {user} allows it"
            ) from None
    if not until(Path(_runtime_folder(), "systemd/private").exists, _MANAGER_SECONDS, pause=0.1):
        raise _RefusedError(f"the systemd of {user} does not start")


def _runtime_folder() -> str:
    return os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"


def _unit_folder() -> Path:
    if os.geteuid() == 0:
        return Path(units.UNIT_FOLDER)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user"


def _systemctl(*arguments: str) -> None:
    _run(["systemctl", *([] if os.geteuid() == 0 else ["--user"]), *arguments])


def _cron_runs() -> bool:
    for comm in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if comm.read_text().strip() in _CRONS:
                return True
    return False


def _crontab() -> list[str]:
    """This user's crontab lines; empty without a crontab."""
    done = _call(["crontab", "-l"])
    if done.returncode != 0 and "no crontab" not in done.stderr.lower():
        raise _RefusedError(f"cron refuses: {_first_line(done.stderr)}")
    return done.stdout.splitlines() if done.returncode == 0 else []


def _write_crontab(lines: Sequence[str]) -> None:
    done = _call(["crontab", "-"], "".join(f"{line}\n" for line in lines))
    if done.returncode != 0:
        raise _RefusedError(f"cron refuses: {_first_line(done.stderr)}")


def _run(command: list[str]) -> None:
    done = _call(command)
    if done.returncode != 0:
        raise _RefusedError(_first_line(done.stderr) or f"{command[0]} ended with {done.returncode}")


def _call(command: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C", "XDG_RUNTIME_DIR": _runtime_folder()}
    try:
        return subprocess.run(
            command, input=stdin, env=environment, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _RefusedError(f"{command[0]}: {error}") from None


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def begin_by(arranged: Arranged) -> Callable[[], None] | None:
    """The function that starts a keeper, with a refusal as the error of a command."""
    begin = arranged.begin
    if begin is None:
        return None

    def beginning() -> None:
        try:
            begin()
        except _RefusedError as error:
            raise PlatformError(
                what=f"systemd does not start the schedule: {error}",
                where=str(_unit_folder()),
                next_step="journalctl -u 'christmas-schedule-*' says why; christmas:startAtBoot false starts it without systemd",
            ) from None

    return beginning
