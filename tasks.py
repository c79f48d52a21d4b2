"""What `invoke` offers. Tasks introduce, rooms do the work: imports stand inside, so that `invoke --list` is quick."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

_STACK = "Stack to work on; else CHRISTMAS_STACK, else dev."
_JSON = "Print JSON instead of a table."


def task(*arguments: Any, **options: Any) -> Callable[[Callable[..., int | None]], Task[Any]]:
    """An invoke task whose failures are told in one message, with an exit code; `--debug` adds the traceback."""

    def decorate(body: Callable[..., int | None]) -> Task[Any]:
        @functools.wraps(body)
        def run(*args: Any, **kwargs: Any) -> None:
            try:
                code = body(*args, **kwargs)
            except (Exception, KeyboardInterrupt) as error:
                from airgap.setup.runner import INTERRUPTED, report_failure

                if isinstance(error, KeyboardInterrupt):
                    print("interrupted; run it again, it goes on from what is finished", file=sys.stderr)
                    sys.exit(INTERRUPTED)
                sys.exit(report_failure(error, doing=f"invoke {body.__name__}", debug="--debug" in sys.argv))
            if code:
                sys.exit(code)

        help_texts = {"stack": _STACK, "json": _JSON, **options.pop("help", {})}
        names = body.__code__.co_varnames[: body.__code__.co_argcount + body.__code__.co_kwonlyargcount]
        options["help"] = {name: text for name, text in help_texts.items() if name.replace("-", "_") in names}
        made: Task[Any] = invoke_task(*arguments, **options)(run)
        return made

    return decorate


# --- the stack -----------------------------------------------------------------------------------------------------------------


@task(help={"refresh": "Look first at what is really there, and undo changes made by hand."})
def up(_context: Context, stack: str = "", *, refresh: bool = False) -> None:
    """Bring the stack up, or to what the blueprint says now."""
    from infra import stacks

    stacks.up(stack, refresh=refresh)


@task(help={"refresh": "Look first at what is really there.", "diff": "Show every property that changes."})
def preview(_context: Context, stack: str = "", *, refresh: bool = False, diff: bool = False) -> None:
    """Show what `up` would change, and check it against the policy pack."""
    from infra import stacks

    stacks.preview(stack, refresh=refresh, diff=diff)


@task(help={"volumes": "Delete the data too; asks first.", "yes": "Don't ask."})
def down(_context: Context, stack: str = "", *, volumes: bool = False, yes: bool = False) -> None:
    """Take the stack down. Its data stays, unless --volumes."""
    from infra import stacks
    from infra.confirm import confirm_deletion

    if volumes:
        confirm_deletion(stack, yes=yes)
    stacks.down(stack, volumes=volumes)


@task(help={"show_secrets": "Print secrets in plain text."})
def outputs(_context: Context, stack: str = "", *, json: bool = False, show_secrets: bool = False) -> None:
    """Show the stack's outputs; secrets stay hidden."""
    from infra.show import show_outputs

    show_outputs(stack, as_json=json, show_secrets=show_secrets)


@task(
    help={
        "account": "Whose settings: api, ingest, rag …",
        "inside": "For a container in the stack's network.",
        "ca_file": "Where the client finds the CA's certificate, if not at its usual place.",
    }
)
def env(_context: Context, account: str, stack: str = "", ca_file: str = "", *, inside: bool = False) -> None:
    """Write an account's connection settings to a file that only you can read."""
    from infra import connections, env_file

    print(env_file.write(connections.load(stack), account, inside=inside, ca_file=ca_file or None))


@task(help={"service": "Build only this one."})
def images(_context: Context, service: str = "") -> None:
    """Build the images that are missing."""
    from airgap.images.build import ensure_images
    from airgap.setup.runner import show_progress

    with show_progress("images") as progress:
        built = ensure_images([service] if service else None, progress)
    for reference in built.values():
        print(reference)


# --- migrations ----------------------------------------------------------------------------------------------------------------


@task(default=True, name="upgrade", help={"revision": "Revision to go to; head where not given."})
def migrate_upgrade(_context: Context, stack: str = "", revision: str = "head") -> None:
    """Bring the schema to the newest revision."""
    from airgap.setup.runner import show_progress
    from infra import connections
    from migrations import run

    with show_progress("migrate") as progress:
        print(run.upgrade(connections.load(stack), revision, progress))


@task(name="status")
def migrate_status(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Show the schema's revision and what is pending; exit code 1 where something is."""
    from infra import connections
    from migrations import run
    from migrations.show import show_status

    return show_status(run.status(connections.load(stack)), as_json=json)


@task(name="downgrade", help={"revision": "Revision to go back to: -1, base, or an identifier."}, positional=["revision"])
def migrate_downgrade(_context: Context, revision: str, stack: str = "") -> None:
    """Take the schema back to an older revision."""
    from airgap.setup.runner import show_progress
    from infra import connections
    from migrations import run

    with show_progress("migrate") as progress:
        print(run.downgrade(connections.load(stack), revision, progress))


@task(name="new", help={"message": "What the revision does, in a few words."}, positional=["message"])
def migrate_new(_context: Context, message: str) -> None:
    """Begin a new revision: its Python file and its two SQL files."""
    from migrations import run

    for path in run.new(message):
        print(path)


# --- seed ----------------------------------------------------------------------------------------------------------------------


def _seed(stack: str, names: list[str] | None, *, json: bool) -> int:
    from airgap.setup.runner import show_progress
    from infra import connections
    from seed import everything
    from seed.show import show_reports

    with show_progress("seed") as progress:
        reports = everything.load(connections.load(stack), names, progress)
    return show_reports(reports, as_json=json)


@task(default=True, name="all")
def seed_all(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Load everything: candles, demo users and orders, cache entries, documents. Run twice, it changes nothing."""
    return _seed(stack, None, json=json)


@task(name="market")
def seed_market(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Load the sample candles: years of real trading days of five symbols."""
    return _seed(stack, ["market"], json=json)


@task(name="demo")
def seed_demo(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Load demo users with profiles, orders, trades and backtests."""
    return _seed(stack, ["demo"], json=json)


@task(name="cache")
def seed_cache(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Load an entry of every Redis keyspace."""
    return _seed(stack, ["cache"], json=json)


@task(
    name="docs",
    positional=["paths"],
    help={"paths": "Files and folders; several in one word are parted by commas. This project's guide where not given."},
)
def seed_docs(_context: Context, paths: str = "", stack: str = "", *, json: bool = False) -> int:
    """Load documents, writing only what changed and removing what is gone; exit code 1 where one can't be read."""
    from airgap.setup.runner import show_progress
    from infra import connections
    from seed.documents import load
    from seed.show import show_reports

    with show_progress("documents") as progress:
        report = load(connections.load(stack), [Path(each) for each in paths.split(",") if each] or None, progress)
    return show_reports([report], as_json=json)


@task(
    name="search",
    positional=["question"],
    help={"question": "What to look for.", "certainty": "From 0 to 1.", "limit": "Passages at the most."},
)
def seed_search(_context: Context, question: str, stack: str = "", certainty: float = 0.7, limit: int = 5, *, json: bool = False) -> int:
    """Find the passages of the documents that answer a question; exit code 1 where there is none."""
    from infra import connections
    from seed.search import search
    from seed.show import show_hits

    return show_hits(search(connections.load(stack), question, certainty=certainty, limit=limit), as_json=json)


# --- backup --------------------------------------------------------------------------------------------------------------------


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


# --- checks and accounts -------------------------------------------------------------------------------------------------------


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


@task(default=True, name="list")
def accounts_list(_context: Context, *, json: bool = False) -> None:
    """List the accounts and the stores they exist in."""
    from infra.show import show_accounts

    show_accounts(as_json=json)


@task(name="matrix")
def accounts_matrix(_context: Context, *, json: bool = False) -> None:
    """Show what each account may do."""
    from infra.show import show_matrix

    show_matrix(as_json=json)


@task(name="rotate", help={"account": "Whose passwords and keys to replace."}, positional=["account"])
def accounts_rotate(_context: Context, account: str, stack: str = "") -> None:
    """Give an account new passwords and keys in every store it exists in."""
    from infra.rotation import rotate

    rotate(stack, account)


def _namespace() -> Collection:
    root = Collection(up, preview, down, outputs, env, images)
    for name, members in {
        "migrate": (migrate_upgrade, migrate_status, migrate_downgrade, migrate_new),
        "seed": (seed_all, seed_market, seed_demo, seed_cache, seed_docs, seed_search),
        "backup": (backup_make, backup_list),
        "check": (check_all,),
        "accounts": (accounts_list, accounts_matrix, accounts_rotate),
    }.items():
        root.add_collection(Collection(name, *members))
    return root


namespace = _namespace()
