"""`audit`: who did what in the stores."""

from __future__ import annotations

import contextlib

from invoke.context import Context

from commands.task import platform_of, task

_SINCE = "From when: 90m, 12h, 7d, or a time with its offset."


@task(
    default=True,
    name="recent",
    help={
        "account": "Only of this account.",
        "store": "Only of postgresql, redis or weaviate.",
        "action": "Only actions that contain this word.",
        "since": _SINCE,
        "count": "How many of the newest.",
        "denied": "Only what was refused.",
        "follow": "Keep printing new lines until Ctrl-C.",
    },
)
def audit_recent(
    _context: Context,
    account: str = "",
    store: str = "",
    action: str = "",
    since: str = "24h",
    count: int = 50,
    stack: str = "",
    *,
    denied: bool = False,
    follow: bool = False,
    json: bool = False,
) -> int:
    """Show who did what in the stores, newest last.

    Example: invoke audit --account api --since 12h
    """
    from security.audit import show

    platform = platform_of(stack)
    fits = show.chosen(account=account, store=store, action=action, denied=denied)
    show.recent(platform, fits, since=since, count=count, as_json=json)
    if follow:
        with contextlib.suppress(KeyboardInterrupt):
            for _ in show.follow(platform, fits, as_json=json):
                pass
    return 0


@task(name="anomalies", help={"since": _SINCE, "seen": "Note in the audit that you looked: the check then reports only later anomalies."})
def audit_anomalies(_context: Context, since: str = "24h", stack: str = "", *, json: bool = False, seen: bool = False) -> int:
    """Show the audit's anomalies and why they are; exit code 1 if there are any.

    Example: invoke audit.anomalies --since 7d
    """
    from security.audit import show

    return show.show_anomalies(platform_of(stack), since=since, as_json=json, seen=seen)


@task(name="verify")
def audit_verify(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Prove that no line of the audit was changed or removed, against signed backup sets too; exit code 2 if one was.

    Example: invoke audit.verify
    """
    from backup.audited import show_verdict
    from infra.connections import stack_name

    return show_verdict(stack_name(stack), as_json=json)


@task(name="recover", long=["set"], help={"set": "The set to take the lines from: the newest that has them where not given."})
def audit_recover(_context: Context, set: str = "", stack: str = "") -> None:  # noqa: A002 - the option's name
    """Bring the audit back from a backup set, to a machine that lost it; what was written here meanwhile follows.

    Example: invoke audit.recover
    """
    from backup.audited import recover_lines

    print(recover_lines(platform_of(stack), set))


@task(
    name="export",
    help={"begin": _SINCE, "end": "Until when; now where not given.", "out": "The archive to write."},
)
def audit_export(_context: Context, out: str, begin: str = "7d", end: str = "", stack: str = "") -> int:
    """Write lines of the audit as evidence, with a program that checks them without the platform.

    Example: invoke audit.export evidence.tar --begin 7d
    """
    from backup.audited import export_lines
    from infra.connections import stack_name

    print(export_lines(stack_name(stack), out, begin, end))
    return 0
