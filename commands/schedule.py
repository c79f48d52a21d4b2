"""`schedule`: what a stack does by itself."""

from __future__ import annotations

from invoke.context import Context

from commands.task import task


@task(default=True, name="status")
def schedule_status(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Say how the stack's schedule is: 0 well, 1 some work fails, 2 dead or hanging.

    Example: invoke schedule --json
    """
    from schedule import task

    return task.status(stack, as_json=json)


@task(name="start")
def schedule_start(_context: Context, stack: str = "") -> None:
    """Start the stack's schedule in the background, as `invoke up` does.

    Example: invoke schedule.start
    """
    from schedule import task

    print(task.start(stack))


@task(name="stop", help={"now": "Don't finish the run under way; the next one removes what it leaves."})
def schedule_stop(_context: Context, stack: str = "", *, now: bool = False) -> None:
    """Stop the stack's schedule until the next `invoke up` or `schedule.start`.

    Example: invoke schedule.stop --now
    """
    from schedule import task

    print(task.stop(stack, now=now))


@task(
    name="run",
    help={
        "once": "Do what is due now, then end; exit code 1 if something failed. For timers.",
        "only": "Only backup, upkeep, drill, check, audit or rotation.",
        "systemd": "Print systemd units that do the same work.",
        "cron": "Print lines for crontab -e that do the same work.",
        "write_to": "With --systemd: write the units into this folder.",
    },
)
def schedule_run(
    _context: Context,
    stack: str = "",
    only: str = "",
    write_to: str = "",
    *,
    once: bool = False,
    systemd: bool = False,
    cron: bool = False,
) -> int:
    """Back up, prune, keep up, drill and check whenever due, in the foreground until stopped; or print units that do.

    Example: invoke schedule.run --once --only backup
    """
    from schedule import task

    return task.run(stack, only=only, write_to=write_to, once=once, systemd=systemd, cron=cron)
