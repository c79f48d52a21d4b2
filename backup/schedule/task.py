"""What `invoke backup.schedule` does with its switches."""

from __future__ import annotations

from pathlib import Path

from airgap.errors import PlatformError
from backup import sets
from backup.schedule import units
from backup.schedule.jobs import WORKS, Job
from backup.schedule.service import once as do_once
from backup.schedule.service import serve
from infra import connections
from infra.yielding import yield_processor


def run(stack: str, *, only: str, write_to: str, once: bool, systemd: bool, cron: bool) -> int:
    """Run the schedule, one look of it, or print what a machine's own scheduler needs; returns the exit code.

    Raises PlatformError for switches that don't fit together.
    """
    if only and only not in WORKS:
        raise PlatformError(what=f"there is no work called {only}", where="--only", next_step=f"use one of: {', '.join(WORKS)}")
    if sum((once, systemd, cron)) > 1 or (write_to and not systemd) or (only and (systemd or cron)):
        raise PlatformError(
            what="these switches don't fit together",
            where="backup.schedule",
            next_step="give one of --once, --systemd and --cron, or none; --write-to goes with --systemd, --only with none of these two",
        )
    name = connections.stack_name(stack)
    if systemd or cron:
        _print_units(name, write_to, as_systemd=systemd)
        return 0
    yield_processor()
    if not once:
        # A stack that doesn't exist is told now, not in a line every minute.
        connections.load(name)
    jobs = [Job(work, name, connections.load, sets.folder_of(name), goes_on=not once) for work in WORKS if only in ("", work)]
    if once:
        return do_once(jobs)
    serve(jobs)
    return 0


def _print_units(stack: str, write_to: str, *, as_systemd: bool) -> None:
    clone = units.Clone.here(connections.ROOT)
    if not as_systemd:
        print(units.cron(clone, stack), end="")
    elif write_to:
        for path in units.write_systemd(clone, stack, Path(write_to).expanduser()):
            print(path)
    else:
        print(units.show_systemd(clone, stack), end="")
