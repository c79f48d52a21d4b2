"""`migrate`: the schema's revisions."""

from __future__ import annotations

from invoke.context import Context

from commands.task import platform_of, task
from core.runner import show_progress


@task(
    default=True,
    name="upgrade",
    help={
        "revision": "Revision to go to; by default head.",
        "rehearse": "On a copy restored from the newest backup, with its time, locks and rows; nothing live is changed.",
    },
)
def migrate_upgrade(_context: Context, stack: str = "", revision: str = "head", *, rehearse: bool = False, json: bool = False) -> None:
    """Bring the schema to the newest revision, or rehearse that on a restored copy; exit code not 0 if it fails.

    Example: invoke migrate --rehearse
    """
    from migrations import run

    if rehearse:
        from commands.rehearsing import rehearse as rehearse_migration
        from migrations.show import show_rehearsal

        with show_progress("rehearsal") as progress:
            report = rehearse_migration(platform_of(stack), revision, progress)
        show_rehearsal(report, as_json=json)
        return
    from migrations.show import show_outcome

    with show_progress("migrate") as progress:
        outcome = run.upgrade(platform_of(stack), revision, progress)
    show_outcome(outcome, as_json=json)


@task(name="status")
def migrate_status(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Show the schema's revision and what is pending; exit code 1 if something is.

    Example: invoke migrate.status --json
    """
    from migrations import run
    from migrations.show import show_status

    return show_status(run.status(platform_of(stack)), as_json=json)


@task(name="downgrade", help={"revision": "Revision to go back to: -1, base, or an identifier."}, positional=["revision"])
def migrate_downgrade(_context: Context, revision: str, stack: str = "") -> None:
    """Take the schema back to an older revision.

    Example: invoke migrate.downgrade --revision=-1
    """
    from migrations import run

    with show_progress("migrate") as progress:
        print(run.downgrade(platform_of(stack), revision, progress))


@task(name="new", help={"message": "What the revision does, in a few words."}, positional=["message"])
def migrate_new(_context: Context, message: str) -> None:
    """Begin a new revision: its Python file and its two SQL files.

    Example: invoke migrate.new "orders keep their source"
    """
    from migrations import run

    for path in run.new(message):
        print(path)


@task(
    name="renumber",
    words="files",
    help={
        "files": "Python files of migrations/versions, as words: one of two with the same number, then those that build on it.",
        "alone": "Although later revisions follow that number: they belong to the one that stays.",
    },
)
def migrate_renumber(_context: Context, files: list[str], *, alone: bool = False) -> None:
    """Give revisions the next free numbers if two branches took the same; only for revisions that no database has yet.

    Example: invoke migrate.renumber migrations/versions/r0010_*.py
    """
    from migrations import chain

    for path in chain.renumber(files, alone=alone):
        print(path)


@task(name="lint")
def migrate_lint(_context: Context, *, json: bool = False) -> int:
    """Hold the migrations' SQL against the house rules, squawk and sqlfluff; exit code 1 if something has to be mended.

    Example: invoke migrate.lint --json
    """
    from migrations import lint
    from migrations.show import show_findings

    return show_findings(lint.run(), as_json=json)


@task(name="drift")
def migrate_drift(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Compare the live schema with the reviewed snapshot, object by object; exit code 1 if it differs.

    Example: invoke migrate.drift
    """
    from migrations.schema.drift import drift
    from migrations.show import show_drift

    return show_drift(drift(platform_of(stack)), as_json=json)


@task(name="snapshot")
def migrate_snapshot(_context: Context, stack: str = "") -> None:
    """Write the snapshot that `migrate.drift` compares with, from the live schema; look it over before committing it.

    Example: invoke migrate.snapshot
    """
    from infra import clients
    from migrations.schema.snapshot import write

    with clients.postgres(platform_of(stack), "migrator", autocommit=True) as connection:
        print(write(connection))


@task(name="dictionary")
def migrate_dictionary(_context: Context, stack: str = "") -> None:
    """Write the data dictionary and the ER diagram in docs/, from the live schema and the blueprint.

    Example: invoke migrate.dictionary
    """
    from infra import clients
    from migrations.schema.dictionary import write

    with clients.postgres(platform_of(stack), "migrator", autocommit=True) as connection:
        print(write(connection))


@task(name="edition")
def migrate_edition(_context: Context, stack: str = "", *, json: bool = False) -> None:
    """After a change between TimescaleDB's Apache and Community editions: give the schema the form of the new one.

    Example: invoke migrate.edition
    """
    from migrations.edition_change import change_edition
    from migrations.show import show_edition

    with show_progress("edition") as progress:
        change = change_edition(platform_of(stack), progress)
    show_edition(change, as_json=json)


@task(name="upkeep")
def migrate_upkeep(_context: Context, stack: str = "", *, json: bool = False) -> None:
    """Refresh derived candles and drop chunks that are past their time, as the blueprint says.

    Example: invoke migrate.upkeep --json
    """
    from migrations.show import show_upkeep
    from migrations.upkeep.run import maintain

    with show_progress("upkeep") as progress:
        report = maintain(platform_of(stack), progress)
    show_upkeep(report, as_json=json)
