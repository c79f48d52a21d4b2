"""What a person at a terminal asks: how all of it is, what the machine lacks, a prompt in a store, the logs."""

from __future__ import annotations

from invoke.context import Context

from commands.task import task


@task(optional=["watch"], help={"watch": "Look again every so many seconds (5 without a number), until Ctrl-C."})
def status(_context: Context, stack: str = "", watch: str | None = None, *, json: bool = False) -> int:
    """Show the whole platform on one screen; exit code 0 ok, 1 warning, 2 critical, 3 unknown.

    What is down or isn't there is named in its place, within seconds.

    Example: invoke status --watch 10
    """
    from console import status

    return status.show(stack, as_json=json, watch=watch)


@task()
def doctor(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Tell what this machine lacks, and the command that mends it; exit codes as those of check.

    `make doctor` does the same before anything is installed.

    Example: invoke doctor --json
    """
    from console import doctor

    return doctor.run(stack, as_json=json)


@task(
    positional=["store"],
    help={
        "store": "pg, redis or weaviate.",
        "account": "Log in as this account; else analyst, monitor or rag, which only read. For pg also postgres, the superuser.",
        "command": "Run this one statement and end, with the tool's exit code.",
    },
)
def shell(_context: Context, store: str, stack: str = "", account: str = "", command: str = "") -> int:
    """Open psql, redis-cli, or Python with a client of Weaviate, logged in as an account.

    psql and redis-cli are this machine's where it has them, else those in the container.

    Example: invoke shell pg --account migrator -c "select count(*) from market_data"
    """
    from console import shell

    return shell.run(store, stack, account, command)


@task(
    words="services",
    help={
        "services": "timescaledb, redis, weaviate, embedder, schedule; all without.",
        "since": "From how long ago on, as 30s, 10m, 2h, 1d; or from when, as 2026-11-29T14:30 (UTC).",
        "follow": "Go on with what comes, until Ctrl-C.",
    },
)
def logs(_context: Context, services: list[str], stack: str = "", since: str = "10m", *, follow: bool = False, json: bool = False) -> int:
    """Show what services and the schedule logged, one after the other by time; no secret is in there.

    Example: invoke logs timescaledb schedule --since 2h
    """
    from console import logs

    return logs.show(stack, services, since, follow=follow, as_json=json)
