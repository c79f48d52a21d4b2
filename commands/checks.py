"""`check`: the running stack against the blueprint."""

from __future__ import annotations

from invoke.context import Context

from commands.task import task


@task(
    default=True,
    name="all",
    iterable=["only", "store"],
    optional=["watch"],
    help={
        "only": "Only these checks, such as redis or backup.full,redis.memory; may be repeated.",
        "store": "Only checks of postgres, redis, weaviate, embedder or host; may be repeated.",
        "fix": "First mend what is declared fixable: keys that live too long.",
        "watch": "Repeat every SECONDS (default 15) until Ctrl-C.",
        "nagios": "One line with performance data, as a monitoring plugin.",
    },
)
def check_all(
    _context: Context,
    only: list[str],
    store: list[str],
    stack: str = "",
    watch: str | None = None,
    *,
    fix: bool = False,
    json: bool = False,
    nagios: bool = False,
) -> int:
    """Hold the running stack against the blueprint; exit code 0 ok, 1 warning, 2 critical, 3 unknown.

    Example: invoke check --only postgres,redis.memory --watch 30
    """
    from console import checking

    return checking.show(stack, only, store, fix=fix, as_json=json, as_plugin=nagios, watch=watch)
