"""`check`: the running stack against the blueprint."""

from __future__ import annotations

from invoke.context import Context

from commands.task import task


@task(default=True, name="all", iterable=["only"], help={"only": "Only this check; may be repeated."})
def check_all(_context: Context, only: list[str], stack: str = "", *, json: bool = False) -> int:
    """Hold the running stack against the blueprint; exit code 0 ok, 1 warning, 2 critical, 3 unknown."""
    from infra import connections
    from monitor import checks, render
    from monitor.result import exit_code

    platform = connections.load(stack)
    results = checks.run(platform, only or None)
    print(render.as_json(platform.stack, results)) if json else render.show(platform.stack, results)
    return exit_code(results)
