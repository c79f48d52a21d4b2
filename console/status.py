"""The whole platform on one screen, within seconds; missing or slow parts are reported in their place."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backup.sets import due, folders
from backup.sets.model import STORES, Manifest
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from christmas.blueprint.model import BackupRules
from console import services
from console.services import Service
from core import terminal
from core.aside import Late, gather
from core.errors import PlatformError
from core.patience import patience
from core.words import span_text
from infra import connections
from monitor import signs
from monitor.render import COLOURS
from monitor.result import Finding, Status, critical, ok, severity, unknown, warning
from schedule import history
from schedule.task import HISTORY

_SECONDS = 4.0  # the time limit of a look on a quiet machine
_MOST_SECONDS = 12.0  # and on a busy one

_NAME_COLUMNS = 12
_STATUS_COLUMNS = 8
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of a stack: its services, and other parts by name."""

    stack: str
    at: datetime
    services: Sequence[Service]
    parts: Mapping[str, Finding]

    @property
    def status(self) -> Status:
        """The worst status."""
        judged = [service.judge(self.at).status for service in self.services]
        return max((*judged, *(part.status for part in self.parts.values())), key=severity, default=Status.UNKNOWN)

    def as_dict(self) -> dict[str, Any]:
        """The overview for `--json`."""
        parts = [
            {"name": name, "status": str(part.status), "message": part.message, "next_step": part.next_step}
            for name, part in self.parts.items()
        ]
        return {
            "stack": self.stack,
            "at": self.at.isoformat(timespec="seconds"),
            "status": str(self.status),
            "exit_code": self.status.exit_code,
            "services": [service.as_dict(self.at) for service in self.services],
            "parts": parts,
        }


def show(stack: str, *, as_json: bool, watch: object) -> int:
    """Print an overview, once or repeated; return the exit code: 0 ok, 1 warning, 2 critical, 3 unknown."""
    from console import watching

    name = connections.stack_name(stack)
    pause = watching.seconds_of(watch, 5.0, "invoke status --watch")

    def once() -> tuple[str, int]:
        overview = look(name)
        # With --watch each document is one line.
        rendered = json.dumps(overview.as_dict(), ensure_ascii=False, indent=None if pause else 2) if as_json else text(overview)
        return rendered, overview.status.exit_code

    if pause is not None:
        return watching.watch(once, pause)
    rendered, code = once()
    print(rendered)
    return code


def look(stack: str, *, seconds: float | None = None) -> Overview:
    """Collect everything at the same time, within `seconds`."""
    seconds = seconds or min(_MOST_SECONDS, patience(_SECONDS))
    folder, own = folders.folder_of(stack), signs.folder_of(stack)
    loaded = _Once(lambda: connections.load(stack))
    looks: dict[str, Callable[[], Any]] = {
        "services": lambda: services.look(stack, seconds * 3 / 4),
        "schema": lambda: _schema(loaded, seconds),
        "backups": lambda: _backups(folder, datetime.now(UTC)),
        "drill": lambda: _drill(folder, datetime.now(UTC)),
        "schedule": lambda: _schedule(own, loaded, seconds / 2),
        "checks": lambda: judge_checks(history.last(own / HISTORY), datetime.now(UTC)),
    }
    answers = gather(looks, seconds)
    parts: dict[str, Finding] = {}
    of_services = answers.pop("services")
    if not isinstance(of_services, list):
        parts["services"] = _untold(of_services)
        of_services = []
    for name, answer in answers.items():
        parts |= answer if isinstance(answer, dict) else {name: answer if isinstance(answer, Finding) else _untold(answer)}
    return Overview(stack, datetime.now(UTC), of_services, parts)


def text(overview: Overview) -> str:
    """The overview as text, for the terminal or pipe of standard output."""
    colours, width = terminal.has_colours(sys.stdout), terminal.columns()
    rows = [(service.name, service.judge(overview.at)) for service in overview.services] + list(overview.parts.items())
    lines = [f"stack {overview.stack}: {overview.status} at {overview.at:%Y-%m-%d %H:%M:%S} UTC"]
    lines[0] = terminal.paint(lines[0], COLOURS[overview.status], colours=colours)
    for name, finding in rows:
        step = [f"next: {finding.next_step}"] if finding.next_step and finding.status is not Status.OK else []
        heads = [(str(finding.status), _STATUS_COLUMNS, COLOURS[finding.status]), (name, _NAME_COLUMNS, "")]
        lines += terminal.entry(heads, [finding.message, *step], width, colours=colours)
    return "\n".join(lines)


def _untold(answer: object) -> Finding:
    if isinstance(answer, PlatformError):
        return unknown(answer.what, answer.next_step)
    if isinstance(answer, Late):
        return unknown(str(answer), "docker stats shows the load; invoke check waits longer")
    return unknown(f"{type(answer).__name__}: {answer}", "invoke status --debug")


class _Once:
    """The stack's connections from Pulumi, loaded once in a thread for all parts."""

    def __init__(self, load: Callable[[], connections.Platform]) -> None:
        self._answer: connections.Platform | PlatformError | None = None
        self._answered = threading.Event()
        threading.Thread(target=self._ask, args=(load,), daemon=True).start()

    def _ask(self, load: Callable[[], connections.Platform]) -> None:
        try:
            self._answer = load()
        except PlatformError as error:
            self._answer = error
        except Exception as error:  # reported by get
            self._answer = PlatformError(f"{type(error).__name__}: {error}", next_step="invoke outputs --debug")
        self._answered.set()

    def get(self, seconds: float) -> connections.Platform | PlatformError | None:
        """The stack, the error of loading it, or None if it takes longer."""
        self._answered.wait(seconds)
        return self._answer


def _schema(loaded: _Once, seconds: float) -> Finding | Late:
    """The schema's revision; critical if the stack isn't up."""
    from migrations import run

    platform = loaded.get(seconds)
    if platform is None:
        return Late(seconds)
    if isinstance(platform, PlatformError):
        return critical(platform.what, platform.next_step)
    migration = run.status(platform)
    if migration.current == migration.head:
        return ok(f"revision {migration.head}, the newest ({migration.edition} edition)")
    return critical(f"revision {migration.current or 'none'}, {len(migration.pending)} behind {migration.head}", "invoke migrate")


def _backups(folder: Path, now: datetime) -> dict[str, Finding]:
    from backup.restoring.journal import Journal

    sets = folders.list_sets(folder=folder)
    findings = {"last set": judge_last(sets, now), "next set": judge_next(sets, BACKUP_RULES, now)}
    if begun := Journal(folder).read():
        findings["restore"] = critical(begun.description(), begun.next_step())
    return findings


def judge_last(sets: Sequence[Manifest], now: datetime) -> Finding:
    """The newest set and the newest full set. `invoke check` judges their age. Pure."""
    if not sets:
        return warning("no backup set", "invoke backup")
    newest = sets[-1]
    full = next((manifest for manifest in reversed(due.covering(sets, STORES)) if manifest.kind == "full"), None)
    message = f"{newest.id}, {span_text(now - newest.started)} ago ({', '.join(newest.stores)})"
    if full is None:
        return warning(f"{message}; no full set of all stores", "invoke backup --full")
    return ok(message if full is newest else f"{message}; the last full one {span_text(now - full.started)} ago")


def judge_next(sets: Sequence[Manifest], rules: BackupRules, now: datetime) -> Finding:
    """When the next set is due. Pure."""
    kind = due.due(now, sets, rules)
    if kind:
        return warning(f"{kind}, due now", "invoke schedule shows the reason; invoke backup makes it")
    usable = due.covering(sets, STORES)
    full = next(manifest for manifest in reversed(usable) if manifest.kind == "full").started + rules.full_every
    incremental = usable[-1].started + rules.incremental_every
    kind, at = ("full", full) if full <= incremental else ("incremental", incremental)
    return ok(f"{kind}, in {span_text(at - now)}; full in {span_text(full - now)}")


def _drill(folder: Path, now: datetime) -> dict[str, Finding]:
    from backup import drill

    return {"last drill": judge_drill(drill.history(folder), BACKUP_RULES, now)}


def judge_drill(past: Sequence[Mapping[str, Any]], rules: BackupRules, now: datetime) -> Finding:
    """The last drill, and when the next is due. Pure."""
    from schedule.decide import drill_since

    if not past:
        return ok("none yet; the schedule runs the first one")
    last, following = past[-1], drill_since(past, rules)
    age = span_text(now - datetime.fromisoformat(str(last["started"])))
    upcoming = f"; the next in {span_text(following - now)}" if following and following > now else "; the next is due"
    if last.get("passed"):
        return ok(f"passed, {age} ago{upcoming}")
    return critical(f"FAILED, {age} ago{upcoming}", "see its report in the folder drills beside the sets; repeat with invoke backup.drill")


def _schedule(folder: Path, loaded: _Once, seconds: float) -> Finding:
    from monitor.schedule import judge_now

    # The outputs say whether this clone runs the schedule; without them assume so, as for most stacks.
    platform = loaded.get(seconds)
    return judge_now(folder, keeps_itself=platform.keeps_itself if isinstance(platform, connections.Platform) else True)


def judge_checks(last: Mapping[str, Any] | None, now: datetime) -> Finding:
    """The last recorded run of the checks. Pure."""
    if last is None:
        return warning("no recorded run; the schedule runs them every 15 minutes", "invoke check")
    wrong = [f"{check['name']} {check['status']}" for check in last["not_ok"]]
    more = [f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
    good = last["checks"] - len(wrong)
    message = f"{good} of {last['checks']} ok, {span_text(now - datetime.fromisoformat(last['at']))} ago"
    said = ": ".join([message, ", ".join([*wrong[:_SHOWN], *more])]) if wrong else message
    return Finding(Status(last["status"]), said, "invoke check")
