"""Tasks for a person at a terminal: status, doctor, shell, logs."""

from __future__ import annotations

from invoke.context import Context

from commands.task import task


@task(optional=["watch"], help={"watch": "Repeat every SECONDS (default 5) until Ctrl-C."})
def status(_context: Context, stack: str = "", watch: str | None = None, *, json: bool = False) -> int:
    """Show the whole platform on one screen; exit code 0 ok, 1 warning, 2 critical, 3 unknown.

    Missing and slow parts are reported in their place, within seconds.

    Example: invoke status --watch 10
    """
    from console import status

    return status.show(stack, as_json=json, watch=watch)


@task()
def doctor(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Find problems of this machine, each with the command that fixes it; exit codes as check.

    `make doctor` does the same without any installed package.

    Example: invoke doctor --json
    """
    from console import doctor

    return doctor.run(stack, as_json=json)


@task(
    positional=["store"],
    help={
        "store": "pg, redis or weaviate.",
        "account": "Account to log in as; default: read-only ones (analyst, monitor, rag). For pg also postgres, the superuser.",
        "command": "Run one statement and exit with the tool's exit code.",
    },
)
def shell(_context: Context, store: str, stack: str = "", account: str = "", command: str = "") -> int:
    """Open psql, redis-cli, or Python with a client of Weaviate, logged in as an account.

    Uses this machine's psql and redis-cli if installed, else those in the container.

    Example: invoke shell pg --account migrator -c "select count(*) from market_data"
    """
    from console import shell

    return shell.run(store, stack, account, command)


@task(
    words="services",
    help={
        "services": "timescaledb, redis, weaviate, embedder, monitoring, schedule; default: all.",
        "since": "Start: an age such as 30s, 10m, 2h, 1d, or a time such as 2026-11-29T14:30 (UTC).",
        "follow": "Keep printing new lines until Ctrl-C.",
    },
)
def logs(_context: Context, services: list[str], stack: str = "", since: str = "10m", *, follow: bool = False, json: bool = False) -> int:
    """Show the logs of services and the schedule, merged by time. Logs contain no secrets.

    Example: invoke logs timescaledb schedule --since 2h
    """
    from console import logs

    return logs.show(stack, services, since, follow=follow, as_json=json)
