"""The tasks of `invoke schedule`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backup.sets import folders
from core.errors import PlatformError
from core.terminal import json_text
from core.yielding import yield_processor
from infra import connections
from monitor import signs
from schedule import boot, history, keeper, units
from schedule.jobs import WORKS, Job
from schedule.service import DELAYS, serve
from schedule.service import once as do_once

HISTORY = "checks.jsonl"
_DELAYS_SHOWN = 3


def jobs_of(stack: str, load: Callable[[str], connections.Platform], works: tuple[str, ...] = WORKS, *, goes_on: bool = True) -> list[Job]:
    """The jobs of a stack in the order of their checks."""
    folder = signs.folder_of(stack)
    drills, sets = "drill" in works, folders.folder_of(stack)
    return [Job(work, stack, load, sets, goes_on=goes_on, drills=drills, history=folder / HISTORY) for work in WORKS if work in works]


def run(stack: str, *, only: str, write_to: str, once: bool, systemd: bool, cron: bool) -> int:
    """Run the schedule, one look of it, or print the files for the machine's own scheduler; returns the exit code.

    Raises PlatformError for options that exclude each other.
    """
    if only and only not in WORKS:
        raise PlatformError(what=f"there is no work {only}", where="--only", next_step=f"use one of: {', '.join(WORKS)}")
    if sum((once, systemd, cron)) > 1 or (write_to and not systemd) or (only and (systemd or cron)):
        raise PlatformError(
            what="these options exclude each other",
            where="schedule.run",
            next_step="give one of --once, --systemd and --cron, or none; --write-to goes with --systemd, --only with none of these two",
        )
    name = connections.stack_name(stack)
    if systemd or cron:
        _print_units(name, write_to, as_systemd=systemd)
        return 0
    yield_processor()
    if not once:
        # Report a missing stack now, instead of in a log line every minute.
        connections.load(name)
    jobs = jobs_of(name, connections.load, (only,) if only else WORKS, goes_on=not once)
    folder = signs.folder_of(name)
    if once:
        return do_once(jobs, folder)
    serve(jobs, folder)
    return 0


def start(stack: str) -> str:
    """Start the stack's schedule in the background, if none runs; returns what was done.

    Raises PlatformError if the stack doesn't exist, has its schedule elsewhere, or it does not come up.
    """
    platform = connections.load(stack)
    if not platform.keeps_itself:
        raise PlatformError(
            what=f"the schedule of stack {platform.stack} runs elsewhere",
            where="CHRISTMAS_SCHEDULE=off" if os.environ.get("CHRISTMAS_SCHEDULE") == "off" else "setting christmas:schedule",
            next_step="pulumi config rm christmas:schedule, then invoke up; or invoke schedule.run --systemd for this machine's scheduler",
        )
    return _begin(platform, renew=False)


def ensure(platform: connections.Platform) -> str:
    """For `up`: start the schedule, restart a running one with new code and settings, or end one that now runs elsewhere."""
    if platform.keeps_itself:
        return _begin(platform, renew=True)
    removed = boot.remove(platform.stack)
    return "\n".join(filter(None, [keeper.stop(platform.stack) or "the schedule runs elsewhere", removed]))


def _begin(platform: connections.Platform, *, renew: bool) -> str:
    """Start or renew the schedule, and arrange its start at boot if the stack's settings say so."""
    stack = platform.stack
    if platform.starts_at_boot:
        arranged = boot.arrange(stack)
    else:
        removed = boot.remove(stack)
        off = "nothing starts it after a reboot (christmas:startAtBoot is off); after a reboot run: invoke schedule.start"
        arranged = boot.Arranged("\n".join(filter(None, [removed, off])))
    said = (keeper.renew(stack) if renew else "") or keeper.start(stack, boot.begin_by(arranged))
    return f"{said}\n{arranged.message}"


def stop(stack: str, *, now: bool) -> str:
    """Stop it; the present run is finished first, unless `now`. Returns what was done."""
    name = connections.stack_name(stack)
    removed = boot.remove(name)
    return "\n".join(filter(None, [keeper.stop(name, now=now) or f"no schedule of stack {name} was running", removed]))


def status(stack: str, *, as_json: bool) -> int:
    """Print the schedule's state, the outcomes of its work and the log's end; returns 2 if it is dead or hangs, 1 if work fails."""
    from core.words import span_text
    from monitor.schedule import judge_now

    platform = connections.load(stack)
    folder = signs.folder_of(platform.stack)
    last_signs, now = signs.read(folder), datetime.now(UTC)
    finding = judge_now(folder, keeps_itself=platform.keeps_itself)
    lines = keeper.last_lines(platform.stack)
    late = history.read(folder / DELAYS)[-_DELAYS_SHOWN:]
    if as_json:
        works = {name: asdict(work) for name, work in last_signs.works.items()} if last_signs else {}
        document = {
            "stack": platform.stack,
            "status": str(finding.status),
            "message": finding.message,
            "works": works,
            "delays": late,
            "log": lines,
        }
        print(json_text(document))
        return finding.status.exit_code
    print(f"{finding.status}: {finding.message}" + (f"; next: {finding.next_step}" if finding.next_step else ""))
    for name, work in (last_signs.works if last_signs else {}).items():
        done = f"in order {span_text(now - work.done)} ago" if work.done else "not done yet"
        print(f"  {name:<7} {done}" + (f"; failed {work.failures} times since: {work.message}" if work.failures else ""))
    for line in late:
        span = span_text(timedelta(seconds=line["seconds"]))
        what = f"{line['work']} {span} late" if line["work"] else "delay"
        print(f"  {line['at']}  {what} ({line['name']}): {line['why']}")
    if lines:
        print(f"{keeper.log_of(platform.stack)}:")
        print("\n".join(f"  {line}" for line in lines))
    return finding.status.exit_code


def _print_units(stack: str, write_to: str, *, as_systemd: bool) -> None:
    clone = units.Clone.here(connections.ROOT)
    if not as_systemd:
        print(units.cron(clone, stack), end="")
    elif write_to:
        for path in units.write_systemd(clone, stack, Path(write_to).expanduser()):
            print(path)
    else:
        print(units.show_systemd(clone, stack), end="")
