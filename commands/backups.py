"""`backup`: sets, their proof, restores and drills."""

from __future__ import annotations

from invoke.context import Context

from commands.task import task


@task(
    default=True,
    name="make",
    iterable=["store"],
    help={
        "full": "A full set, due or not.",
        "incremental": "An incremental set, due or not.",
        "store": "Only this store; may be repeated.",
    },
)
def backup_make(
    _context: Context, store: list[str], stack: str = "", *, full: bool = False, incremental: bool = False, json: bool = False
) -> None:
    """Make the backup set that is due, across the three stores."""
    from airgap.setup.runner import show_progress
    from backup import run
    from backup.show import kind_of, show_made
    from infra import connections

    with show_progress("backup") as progress:
        made = run.make(connections.load(stack), kind=kind_of(full=full, incremental=incremental), stores=store, progress=progress)
    show_made(made, as_json=json)


@task(name="list")
def backup_list(_context: Context, stack: str = "", *, json: bool = False) -> None:
    """List the backup sets as a chain, with sizes and ages."""
    from backup import sets
    from backup.show import show_sets

    show_sets(sets.list_sets(stack or None), as_json=json)


@task(name="verify", positional=["set"], help={"set": "A set's id or its beginning; the newest where not given.", "all": "Every set."})
def backup_verify(_context: Context, set: str = "", stack: str = "", *, all: bool = False, json: bool = False) -> int:  # noqa: A002
    """Prove sets good: signature, hashes, chain, log, the stores' own checkers; exit code 2 where one is not."""
    from airgap.setup.runner import show_progress
    from backup.show import show_verdicts
    from backup.verify import verify
    from infra import connections

    with show_progress("verify") as progress:
        verdicts = verify(connections.load(stack), set or None, every=all, progress=progress)
    return show_verdicts(verdicts, as_json=json)


@task(
    name="restore",
    iterable=["store"],
    help={
        "to": "latest, a time with its offset, a position in PostgreSQL's log, or a set's id.",
        "store": "Only this store; may be repeated.",
        "into": "Name of the new stores beside the live ones; a random one where not given.",
        "live": "Onto the live stack, after a safety backup.",
        "force": "With --live: although clients write.",
        "dry_run": "Only say what would be lost and how long it should take.",
    },
)
def backup_restore(
    _context: Context,
    store: list[str],
    to: str = "latest",
    stack: str = "",
    into: str = "",
    *,
    live: bool = False,
    force: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Restore beside the live stores, or onto them with --live; cut off, the same call goes on."""
    from airgap.setup.runner import show_progress
    from backup.restore import restore
    from backup.show import show_restored
    from infra import connections

    platform = connections.load(stack)
    with show_progress("restore") as progress:
        done = restore(platform, to, stores=store, into=into or None, live=live, force=force, dry_run=dry_run, progress=progress)
    show_restored(done, as_json=json)


@task(name="remove", positional=["name"], help={"name": "The name that was restored into."})
def backup_remove(_context: Context, name: str) -> None:
    """Remove what was restored beside the live stores, data included."""
    from backup.restore import remove

    print(f"removed {remove(name)} containers, volumes and networks")


@task(name="drill", positional=["set"], help={"set": "A set's id or its beginning; the newest where not given."})
def backup_drill(_context: Context, set: str = "", stack: str = "", *, json: bool = False) -> int:  # noqa: A002
    """Restore a set into scratch containers, prove it and measure it; exit code 2 where it is not proven."""
    from airgap.setup.runner import show_progress
    from backup.drill import drill
    from backup.show import show_drill
    from infra import connections

    with show_progress("drill") as progress:
        report = drill(connections.load(stack), set or None, progress=progress)
    return show_drill(report, as_json=json)


@task(name="prune", help={"dry_run": "Only say what would go, and why the rest stays."})
def backup_prune(_context: Context, stack: str = "", *, dry_run: bool = False, json: bool = False) -> None:
    """Remove the sets that the blueprint's rules don't keep."""
    from airgap.setup.runner import show_progress
    from backup.prune import prune
    from backup.show import show_pruned
    from infra import connections

    with show_progress("prune") as progress:
        pruned = prune(connections.load(stack), dry_run=dry_run, progress=progress)
    show_pruned(pruned, as_json=json)
