"""Files for machines with a scheduler: systemd units and cron lines, with the paths of this clone."""

from __future__ import annotations

import getpass
import hashlib
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from christmas.blueprint.audit_rules import AUDIT_RULES
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from christmas.blueprint.password_rotation import ROTATION_RULES
from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from core.errors import PlatformError
from core.yielding import NICE
from monitor import signs
from schedule.jobs import WORKS, Work

HELD = 75
"""Exit code of a keeper that finds another one running: there is nothing to do now."""

UNIT_FOLDER = "/etc/systemd/system"
# Each call only checks whether something is due. If it ran only as often as backups are made, a call that is a second too
# early would delay the next backup by a whole interval.
_TIMERS: Mapping[Work, tuple[str, str]] = {
    "backup": ("*:0/5", "*/5 * * * *"),
    "upkeep": ("*:1/5", "1-59/5 * * * *"),
    "drill": ("hourly", "17 * * * *"),
    "check": ("*:3/15", "3-59/15 * * * *"),
    "audit": ("*:4/5", "4-59/5 * * * *"),
    "rotation": ("*:8/15", "8-59/15 * * * *"),
}
_EVERY: Mapping[Work, timedelta] = {
    "backup": BACKUP_RULES.incremental_every,
    "upkeep": SCHEDULE_RULES.upkeep_every,
    "drill": BACKUP_RULES.drill_every,
    "check": SCHEDULE_RULES.check_every,
    "audit": AUDIT_RULES.collected_every,
    "rotation": ROTATION_RULES.looked_every,
}


@dataclass(frozen=True, slots=True)
class Clone:
    """This clone's location and user."""

    root: Path
    invoke: Path
    user: str

    @classmethod
    def here(cls, root: Path) -> Clone:
        """This clone, with the running environment.

        Raises PlatformError if it has no `invoke`.
        """
        invoke = Path(sys.prefix) / "bin" / "invoke"
        if not invoke.exists():
            raise PlatformError(
                what="there is no `invoke` beside this Python", where=str(invoke), next_step="use the clone's .venv/bin/invoke"
            )
        return cls(root.resolve(), invoke, getpass.getuser())

    def command(self, work: Work, stack: str) -> list[str]:
        """The command that does the due work of one kind."""
        return [str(self.invoke), "schedule.run", "--once", "--only", work, "--stack", stack]


def systemd(clone: Clone, stack: str) -> dict[str, str]:
    """The units by file name: a service and a timer for each kind of work."""
    units = {}
    for work in WORKS:
        name = f"christmas-{work}-{stack}"
        line = " ".join(_quoted(word) for word in clone.command(work, stack))
        every = _EVERY[work]
        units[f"{name}.service"] = f"""[Unit]
Description=Christmas data platform: {work} of stack {stack}, where due (every {_words(every.total_seconds())})
Wants=network-online.target
After=network-online.target docker.service

[Service]
Type=oneshot
User={clone.user}
WorkingDirectory={_percent(str(clone.root))}
Environment={_quoted(f"PATH={_path(clone)}")}
ExecStart={line}
UMask=0077
Nice={NICE}
# A run that is told to stop is finished first; one that is killed is cleaned up by the next.
TimeoutStopSec=30min
"""
        units[f"{name}.timer"] = f"""[Unit]
Description=Looks whether a {work} of stack {stack} is due

[Timer]
OnCalendar={_TIMERS[work][0]}
Persistent=true
AccuracySec=30s

[Install]
WantedBy=timers.target
"""
    return units


def keeper_name(root: Path, stack: str) -> str:
    """The name of the unit for a stack's keeper; two clones may have stacks of one name, on different engines."""
    return f"christmas-schedule-{stack}-{_digest(root)}.service"


def _digest(root: Path) -> str:
    return hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]


def python() -> Path:
    """The Python of this environment, by a path that stays when the environment is rebuilt."""
    return Path(sys.prefix) / "bin" / "python"


def keeper_unit(clone: Clone, stack: str, *, system: bool) -> str:
    """The unit that starts a stack's schedule at boot, and again if it is killed; of the system, or of one user."""
    root, program = str(clone.root), python()
    command = " ".join(_quoted(word) for word in (str(program), "-m", "schedule.keeper", "--after-boot", stack))
    # A user's systemd does not see the system's units: there the schedule retries until the engine answers.
    after = "Wants=network-online.target\nAfter=network-online.target docker.service\n" if system else ""
    return f"""[Unit]
Description=Christmas data platform: the schedule of stack {stack}
# A clone that was moved or removed is no fault of the machine's.
ConditionPathExists={_percent(str(program))}
RequiresMountsFor={_quoted(root)}
{after}StartLimitIntervalSec=0

[Service]
Type=exec
WorkingDirectory={_percent(root)}
ExecStart={command}
Restart=on-failure
RestartSec=5s
# Another keeper is at work, started by hand.
RestartPreventExitStatus={HELD}
KillMode=mixed
# A run under way is finished; one that is killed is cleaned up by the next.
TimeoutStopSec=2min
UMask=0077

[Install]
WantedBy={"multi-user.target" if system else "default.target"}
"""


def mark(root: Path, stack: str) -> str:
    """The mark at the end of a crontab line, to find it again."""
    return f"# {keeper_name(root, stack).removesuffix('.service')}"


def keeper_cron_line(root: Path, stack: str) -> str:
    """The crontab line that starts a stack's schedule at boot."""
    log = signs.folder_of(stack) / "log"
    command = shlex.join([str(python()), "-m", "schedule.keeper", "--after-boot", stack])
    line = f"@reboot cd {shlex.quote(str(root))} && exec {command} >> {shlex.quote(str(log))} 2>&1"
    return f"{line} {mark(root, stack)}".replace("%", "\\%")


def _words(seconds: float) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return name if count == 1 else f"{count} {name}s"
    return f"{seconds:.0f} seconds"


def _path(clone: Clone) -> str:
    return f"{clone.invoke.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _percent(text: str) -> str:
    """Systemd replaces what follows a percent sign."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """A word quoted for systemd.syntax(7) and systemd.service(5)."""
    plain = _percent(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{plain}"' if any(character in plain for character in " '\"\\;") else plain


def show_systemd(clone: Clone, stack: str) -> str:
    """The units, each under its path, and how to install them."""
    units = systemd(clone, stack)
    timers = " ".join(name for name in units if name.endswith(".timer"))
    parts = [f"# {UNIT_FOLDER}/{name}\n{text}" for name, text in units.items()]
    how = (
        "# To install: write them with --write-to DIRECTORY, copy them to the folder above, then\n"
        f"#   systemctl daemon-reload && systemctl enable --now {timers}\n"
    )
    return "\n".join([*parts, how])


def write_systemd(clone: Clone, stack: str, folder: Path) -> list[Path]:
    """Write the units into a folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in systemd(clone, stack).items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


def cron(clone: Clone, stack: str) -> str:
    """Lines for `crontab -e`. Their output goes to a file of the clone."""
    log = clone.root / ".christmas" / f"schedule-{stack}.log"
    lines = [f"# Christmas data platform, stack {stack}: each call does what is due and nothing else.", f"PATH={_path(clone)}"]
    for work in WORKS:
        line = f"cd {shlex.quote(str(clone.root))} && exec {shlex.join(clone.command(work, stack))} >> {shlex.quote(str(log))} 2>&1"
        # For cron a percent sign ends the line.
        lines.append(f"{_TIMERS[work][1]} {line}".replace("%", "\\%"))
    return "\n".join(lines) + "\n"
