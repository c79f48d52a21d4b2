"""`check`: the running stack against the blueprint."""

from __future__ import annotations

from invoke.context import Context

from christmas.blueprint.services import LIVE_PAGE_PORT
from commands.task import platform_of, task


@task(
    default=True,
    name="all",
    iterable=["only", "store"],
    optional=["watch"],
    help={
        "only": "Only these checks, such as redis or backup.full,redis.memory; may be repeated.",
        "store": "Only checks of postgres, redis, weaviate, embedder or host; may be repeated.",
        "fix": "First mend keys that live too long; other faults are only shown.",
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


@task(name="forecast", help={"days": "How many days of records to go by."})
def check_forecast(_context: Context, days: int = 30, stack: str = "", *, json: bool = False) -> int:
    """Show what grows how fast, and when each limit is reached; exit code 1 if one is reached within a week.

    Example: invoke check.forecast --days 7
    """
    from console import growth
    from core.errors import PlatformError

    if days < 1:
        raise PlatformError(what=f"{days} days are no time to go by", where="--days", next_step="give a whole number of days, at least 1")
    return growth.show(stack, days, as_json=json)


@task(name="report", help={"out": "The file to write."})
def check_report(_context: Context, out: str = "report.html", stack: str = "") -> int:
    """Write one page of HTML with the stack's state: what to do next, sets and drills in time, checks so far, the audit.

    Example: invoke check.report --out /tmp/report.html
    """
    from pathlib import Path

    from console.report.gathered import gather
    from console.report.page import page
    from core.disk import write_whole
    from core.errors import PlatformError
    from core.yielding import yield_processor
    from monitor.result import exit_code

    yield_processor()
    content = gather(platform_of(stack))
    try:
        write_whole(Path(out).expanduser(), page(content))
    except OSError as error:
        raise PlatformError(what=f"the page can't be written: {error.strerror}", where=out, next_step="name another file") from error
    print(f"written: {out}")
    return exit_code(content.results)


@task(
    name="serve",
    help={"port": "The port on loopback; 0 for any that is free.", "every": "Seconds between two looks while somebody asks."},
)
def check_serve(_context: Context, port: int = LIVE_PAGE_PORT, every: float = 60, stack: str = "") -> int:
    """Serve the page of `check.report`, live, and figures for any Prometheus, over TLS with a password, on loopback alone; until Ctrl-C.

    Example: invoke check.serve --every 300
    """
    from console.report.serve import serve
    from core.errors import PlatformError

    if not 0 <= port <= 65535 or every < 1:
        wanted = "give --port from 0 to 65535, and --every of at least 1"
        raise PlatformError(what="that is no port, or no time to wait", where="check.serve", next_step=wanted)
    return serve(stack, port, every)
