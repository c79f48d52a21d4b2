"""`check`: the running stack against the blueprint."""

from __future__ import annotations

import sys

from invoke.context import Context

from commands.task import task


@task(
    default=True,
    name="all",
    iterable=["only"],
    help={"only": "Only this check; may be repeated.", "fix": "First mend what is declared fixable: keys that live too long."},
)
def check_all(_context: Context, only: list[str], stack: str = "", *, fix: bool = False, json: bool = False) -> int:
    """Hold the running stack against the blueprint; exit code 0 ok, 1 warning, 2 critical, 3 unknown."""
    from core.yielding import yield_processor
    from infra import connections
    from monitor import checks, render
    from monitor.result import exit_code

    yield_processor()
    platform = connections.load(stack)
    chosen = checks.choose(only or None)
    if fix and any(each.name == "redis.keyspaces" for each in chosen):
        from monitor.keyspaces import mend

        print(f"{mend(platform)} keys were given their keyspace's expiry", file=sys.stderr)
    results = checks.run_checks(platform, chosen)
    print(render.as_json(platform.stack, results)) if json else render.show(platform.stack, results)
    return exit_code(results)
