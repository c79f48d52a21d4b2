"""`invoke check`: all or some checks, once or repeated, for a person, a program or a monitoring system."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from console import watching
from core.errors import PlatformError
from core.yielding import yield_processor
from infra import connections
from infra.connections import Platform
from monitor import checks, render
from monitor.result import CheckResult, Status, exit_code

_USUAL_PAUSE = 15.0


def show(stack: str, only: Sequence[str], stores: Sequence[str], *, fix: bool, as_json: bool, as_plugin: bool, watch: object) -> int:
    """Print the results; return their exit code.

    Raises PlatformError for unknown names, and if the stack isn't up; with `as_plugin` it prints that as UNKNOWN instead.
    """
    pause = watching.seconds_of(watch, _USUAL_PAUSE, "invoke check --watch")
    if as_plugin and (as_json or pause is not None):
        raise PlatformError(
            what="--nagios is one line", where="invoke check", next_step="leave out --json and --watch: a monitoring system asks again"
        )
    yield_processor()
    names = [name for names_given in only for name in names_given.split(",") if name]
    try:
        chosen = checks.choose(names or None, stores)
        platform = connections.load(stack)
        if fix and any(check.name == "redis.keyspaces" for check in chosen):
            from monitor.keyspaces import mend

            print(f"{mend(platform)} keys were given their keyspace's expiry", file=sys.stderr)
        if pause is not None:
            return watching.watch(_Again(platform, chosen, as_json=as_json).look, pause)
        platform, results = checks.run_present(platform, lambda: connections.load(stack), chosen)
    except PlatformError as error:
        if not as_plugin:
            raise
        print(f"CHRISTMAS UNKNOWN - {render.plugin_text(error.what)}")
        return Status.UNKNOWN.exit_code
    if as_plugin:
        print(render.as_plugin(platform.stack, results))
    elif as_json:
        print(render.as_json(platform.stack, results))
    else:
        render.show(platform.stack, results)
    return exit_code(results)


class _Again:
    """Repeated checks. In a pipe, runs after the first print changes only."""

    def __init__(self, platform: Platform, chosen: Sequence[checks.Registered], *, as_json: bool) -> None:
        self._platform, self._chosen, self._as_json = platform, chosen, as_json
        self._before: dict[str, CheckResult] | None = None

    def look(self) -> tuple[str, int]:
        """The text to show, and the exit code."""
        stack = self._platform.stack
        self._platform, results = checks.run_present(self._platform, lambda: connections.load(stack), self._chosen)
        now = datetime.now(UTC)
        before, self._before = self._before, {result.name: result for result in results}
        return self._text(results, before, now), exit_code(results)

    def _text(self, results: Sequence[CheckResult], before: dict[str, CheckResult] | None, now: datetime) -> str:
        stack = self._platform.stack
        if self._as_json:
            return json.dumps({"at": now.isoformat(timespec="seconds"), **render.as_document(stack, results)}, ensure_ascii=False)
        if sys.stdout.isatty():
            # Problems first: the end of a long list may not fit on the screen.
            ranked = sorted(results, key=lambda result: result.status is Status.OK)
            return f"{now:%H:%M:%S} UTC\n{render.text(stack, ranked, sys.stdout)}"
        shown = results if before is None else [result for result in results if result.status is not before[result.name].status]
        return f"{now:%Y-%m-%dT%H:%M:%SZ} {render.summary(results)}" + (f"\n{render.lines(stack, shown)}" if shown else "")
