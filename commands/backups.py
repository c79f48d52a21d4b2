"""`backup`: sets, their proof, restores and drills."""

from __future__ import annotations

from invoke.context import Context

from commands.task import platform_of, task
from core.runner import show_progress


@task(
    default=True,
    name="make",
    iterable=["store"],
    help={
        "full": "A full set, due or not.",
        "incremental": "An incremental set, due or not.",
        "store": "Only this store; may be repeated.",
        "logical": "Where the logical backup comes from if one is due: live (default), or copy: the set's next drill makes it.",
        "recount": "Count every row of PostgreSQL, also of what didn't change since an earlier set.",
    },
)
def backup_make(
    _context: Context,
    store: list[str],
    stack: str = "",
    logical: str = "",
    *,
    full: bool = False,
    incremental: bool = False,
    recount: bool = False,
    json: bool = False,
) -> int:
    """Make the backup set that is due, and copy it to further places; exit code 1 if a copy is behind.

    Example: invoke backup --full
    """
    from backup import make
    from backup.show import kind_of, logical_of, show_made
    from backup.storage import copies
    from core.yielding import yield_processor

    yield_processor()
    platform = platform_of(stack)
    with show_progress("backup") as progress:
        kind = kind_of(full=full, incremental=incremental)
        manifest = make.make(platform, kind=kind, stores=store, progress=progress, recount=recount, logical=logical_of(logical))
    show_made(manifest, as_json=json)
    return copies.exit_code(platform)


@task(name="copy")
def backup_copy(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Bring the further places up to the first one, as every backup does at its end; exit code 1 if one is behind.

    Example: invoke backup.copy --json
    """
    from backup.storage import copies

    platform = platform_of(stack)
    with show_progress("copy") as progress:
        states = copies.run(platform, progress)
    print(copies.describe(states, as_json=json))
    return copies.exit_code(platform)


@task(
    name="kit",
    iterable=["recipient"],
    help={
        "out": "New file for the kit, or a folder: keep it away from this machine.",
        "recipient": "Who can open it (age1…), in place of the settings' recipients; may be repeated.",
        "passphrase_file": "File with a passphrase that opens it instead, - for standard input.",
    },
)
def backup_kit(_context: Context, recipient: list[str], out: str = "", passphrase_file: str = "", stack: str = "") -> None:
    """Write the recovery kit: all keys, settings and state that a new machine needs besides the backups, in one encrypted file.

    Example: invoke backup.kit --out /media/stick/
    """
    from backup.kit import taking

    path, readers = taking.take(platform_of(stack), out, recipients=recipient, passphrase_file=passphrase_file)
    print(f"written to {path}, for {readers}: keep it away from this machine, and apart from the backups")


@task(name="keys", help={"out": "New file for what reads the backups, secrets in the open. Field keys are not in it: backup.kit has all."})
def backup_keys(_context: Context, stack: str = "", out: str = "") -> None:
    """Say who can read the backups; with --out, write down what reads their files.

    Example: invoke backup.keys --out keys.txt
    """
    from backup.operator import describe_keys, write_keys

    platform = platform_of(stack)
    print(f"written to {write_keys(platform, out)}" if out else "\n".join(describe_keys(platform)))


@task(
    name="extract",
    positional=["set"],
    help={
        "set": "A set's id or its beginning; by default the newest.",
        "path": "The file, as the manifest names it; a wrong one lists them all.",
        "out": "New file for its plain content; by default its own name in this folder.",
        "from_": "Name of the copy that has the set; by default the first place.",
        "identity": "File with an age identity to read with, besides the stack's own.",
    },
)
def backup_extract(
    _context: Context,
    set: str = "",  # noqa: A002
    stack: str = "",
    path: str = "",
    out: str = "",
    from_: str = "",
    identity: str = "",
) -> None:
    """Decrypt one file of a set, such as PostgreSQL's logical backup.

    Example: invoke backup.extract 20261129 --path postgres/christmas_db.dump
    """
    from backup.operator import extract, with_identity

    print(extract(with_identity(platform_of(stack), identity), set, path, out, place=from_))


@task(name="list")
def backup_list(_context: Context, stack: str = "", *, json: bool = False) -> None:
    """List the backup sets as chains, with sizes, ages, and when each was last verified and drilled.

    Example: invoke backup.list --json
    """
    import sys

    from backup.postgres import known_log
    from backup.restoring import journal
    from backup.sets import folders, marks
    from backup.show import show_sets, show_timelines
    from backup.storage import mirror

    folder = folders.folder_of(stack or None)
    where = mirror.look(stack) or str(folder)
    sets = folders.list_sets(folder=folder)
    show_sets(sets, marks.read(folder), {manifest.id: where for manifest in sets}, as_json=json)
    show_timelines(known_log.rows(stack, folder, sets), as_json=json)
    if left := journal.note(folder):
        print(left, file=sys.stderr)


@task(
    name="verify",
    positional=["set"],
    help={
        "set": "A set's id or its beginning; by default the newest.",
        "all": "Every set.",
        "place": "Where: first (by default), the name of a copy, or all.",
    },
)
def backup_verify(
    _context: Context,
    set: str = "",  # noqa: A002
    stack: str = "",
    place: str = "",
    *,
    all: bool = False,  # noqa: A002
    json: bool = False,
) -> int:
    """Prove sets good: signature, hashes, chain, log, the stores' own checkers; exit code 2 if one is not.

    Example: invoke backup.verify
    """
    from backup.show import show_verdicts
    from backup.verify import verify
    from core.yielding import yield_processor

    yield_processor()
    with show_progress("verify") as progress:
        verdicts = verify(platform_of(stack), set or None, every=all, progress=progress, place=place)
    return show_verdicts(verdicts, as_json=json)


@task(
    name="restore",
    iterable=["store"],
    help={
        "to": "latest, a time with its offset, a position in PostgreSQL's log, or a set's id.",
        "store": "Only this store; may be repeated.",
        "into": "Name of the new stores beside the live ones; by default a random one.",
        "timeline": "The timeline of PostgreSQL's log to follow, if not the live one: backup.list draws them.",
        "live": "Onto the live stack, after a safety backup.",
        "force": "With --live: even while clients write.",
        "dry_run": "Only say what would be lost and how long it should take.",
        "from_": "Name of the copy to read instead of the first place; with --live only if that is lost.",
        "identity": "File with an age identity to read with, besides the stack's own.",
    },
)
def backup_restore(
    _context: Context,
    store: list[str],
    to: str = "latest",
    stack: str = "",
    into: str = "",
    timeline: int = 0,
    from_: str = "",
    identity: str = "",
    *,
    live: bool = False,
    force: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Restore beside the live stores, or onto them with --live; the same call continues an interrupted restore.

    Example: invoke backup.restore --to latest
    """
    from backup.operator import with_identity
    from backup.restore import restore
    from backup.show import show_restored

    platform = with_identity(platform_of(stack), identity)
    with show_progress("restore") as progress:
        done = restore(
            platform,
            to,
            stores=store,
            into=into or None,
            live=live,
            force=force,
            dry_run=dry_run,
            timeline=timeline or None,
            progress=progress,
            place=from_,
        )
    if live and not dry_run:
        from schedule import task

        # A stack that came up from a kit looks after itself from here on.
        task.ensure(platform_of(stack))
    show_restored(done, as_json=json)


@task(name="remove", positional=["name"], help={"name": "The name that was restored into."})
def backup_remove(_context: Context, name: str) -> None:
    """Remove what was restored beside the live stores, data included.

    Example: invoke backup.remove look
    """
    from backup.restore import remove

    print(f"removed {remove(name)} containers, volumes and networks")


@task(
    name="drill",
    positional=["set"],
    help={
        "set": "A set's id or its beginning; by default the newest.",
        "from_": "Name of the copy that has the set; by default the first place.",
        "identity": "File with an age identity to read with, besides the stack's own.",
    },
)
def backup_drill(
    _context: Context,
    set: str = "",  # noqa: A002
    stack: str = "",
    from_: str = "",
    identity: str = "",
    *,
    json: bool = False,
) -> int:
    """Restore a set into scratch containers, prove it and measure it; exit code 2 if it is not proven.

    Example: invoke backup.drill
    """
    from backup.drill import drill
    from backup.operator import with_identity
    from backup.show import show_drill

    with show_progress("drill") as progress:
        report = drill(with_identity(platform_of(stack), identity), set or None, progress=progress, place=from_)
    return show_drill(report, as_json=json)


@task(name="prune", help={"dry_run": "Only say what would go, and why the rest stays."})
def backup_prune(_context: Context, stack: str = "", *, dry_run: bool = False, json: bool = False) -> None:
    """Remove the sets that the blueprint's rules don't keep.

    Example: invoke backup.prune --dry-run
    """
    from backup.prune import prune
    from backup.show import show_pruned

    with show_progress("prune") as progress:
        pruned = prune(platform_of(stack), dry_run=dry_run, progress=progress)
    show_pruned(pruned, as_json=json)


@task(
    name="import-portable",
    positional=["set"],
    help={
        "set": "A set's id or its beginning; by default the newest full one.",
        "url": "Address of the empty Weaviate: https://HOST:PORT.",
        "key_file": "File with the key of an account of that server that may do everything; without one, no key is sent.",
        "ca_file": "Certificate of the authority that signed the server's; the machine's own authorities by default.",
        "plain_vectors": "Leave vectorizers out, for a server without their modules; the vectors are imported anyway.",
    },
)
def backup_import_portable(
    _context: Context,
    set: str = "",  # noqa: A002
    url: str = "",
    key_file: str = "",
    ca_file: str = "",
    stack: str = "",
    *,
    plain_vectors: bool = False,
    json: bool = False,
) -> None:
    """Bring a set's portable Weaviate dump into an empty Weaviate of any version; the same call continues an interrupted import.

    Example: invoke backup.import-portable --url https://weaviate.example.org:8080 --key-file key.txt
    """
    from backup.show import show_imported
    from backup.weaviate.portable import task

    with show_progress("import") as progress:
        done = task.run(
            set or None, url=url, key_file=key_file, ca_file=ca_file, stack=stack, plain_vectors=plain_vectors, progress=progress
        )
    show_imported(done, as_json=json)
