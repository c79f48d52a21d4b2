"""The stack: up, preview, down, and what it says of itself."""

from __future__ import annotations

import sys

from invoke.context import Context

from commands.task import platform_of, task


@task(
    help={
        "refresh": "Look first at what is really there, and undo changes made by hand.",
        "kit": "A recovery kit (backup.kit): bring its stack up with its keys, on a machine that has lost or never had it.",
        "identity": "With --kit: file with the age identity of one of the kit's recipients.",
        "passphrase_file": "With --kit: file with the kit's passphrase, - for standard input; otherwise it is asked for.",
    }
)
def up(_context: Context, stack: str = "", kit: str = "", identity: str = "", passphrase_file: str = "", *, refresh: bool = False) -> None:
    """Bring the stack up, or to the blueprint's present state; from then on it runs its own schedule. With --kit from a lost machine's kit.

    Example: invoke up --refresh
    """
    from backup.restoring import recovery
    from backup.restoring.journal import note
    from backup.sets.folders import folder_of
    from infra import stacks
    from infra.connections import stack_name
    from schedule import task

    if kit:
        from backup.kit import using

        stack, message, whole = using.up(kit, stack, identity=identity, passphrase_file=passphrase_file, refresh=refresh)
        print(message)
        if whole:  # else the restore starts the schedule: until then there is nothing to look after
            print(task.ensure(platform_of(stack)))
        return

    recovery.refuse_without_keys(folder_of(stack or None), stack_name(stack))
    try:
        stacks.up(stack, refresh=refresh)
    finally:
        # Also where it failed: a store that is half restored may be why.
        if left := note(folder_of(stack or None)):
            print(left)
    print(task.ensure(platform_of(stack)))


@task(
    help={
        "refresh": "Look first at what is really there.",
        "diff": "Show every property that changes.",
        "expect_no_changes": "Fail if something would change; with --refresh: if something was altered by hand.",
    }
)
def preview(_context: Context, stack: str = "", *, refresh: bool = False, diff: bool = False, expect_no_changes: bool = False) -> None:
    """Show what `up` would change, and check it against the policy pack.

    Example: invoke preview --refresh --expect-no-changes
    """
    from infra import stacks

    stacks.preview(stack, refresh=refresh, diff=diff, expect_no_changes=expect_no_changes)


@task(help={"volumes": "Delete the data too; asks first.", "yes": "Don't ask."})
def down(_context: Context, stack: str = "", *, volumes: bool = False, yes: bool = False) -> None:
    """Take the stack down. Its data stays, unless --volumes.

    Example: invoke down --volumes
    """
    from infra import stacks
    from infra.confirm import confirm_deletion
    from infra.connections import stack_name
    from schedule import boot, keeper

    if volumes:
        confirm_deletion(stack, yes=yes)
    with keeper.paused(stack_name(stack)):
        stacks.down(stack, volumes=volumes)
    if removed := boot.remove(stack_name(stack)):
        print(removed)
    if volumes:
        from backup.restoring import recovery
        from backup.sets.folders import folder_of

        recovery.note_emptied(folder_of(stack_name(stack)))


@task(help={"show_secrets": "Print secrets in plain text."})
def outputs(_context: Context, stack: str = "", *, json: bool = False, show_secrets: bool = False) -> None:
    """Show the stack's outputs; secrets stay hidden.

    Example: invoke outputs --json
    """
    from infra.show import show_outputs

    show_outputs(stack, as_json=json, show_secrets=show_secrets)


@task(
    positional=["account"],
    help={
        "account": "Account: api, ingest, rag …; with --for the default is a read-only one.",
        "inside": "For a container in the stack's network.",
        "ca_file": "Path of the CA's certificate for the client, if not the usual one; its bundle is beside it.",
        "form": "For a shell, or for docker run --env-file; by default docker with --inside, otherwise shell.",
        "for_": "Print the command that opens this client instead: psql, pgcli, redis-cli, weaviate-cli or dbeaver.",
    },
)
def env(
    _context: Context, account: str = "", stack: str = "", ca_file: str = "", form: str = "", for_: str = "", *, inside: bool = False
) -> None:
    """Write an account's connection settings to a file that only you can read; or print the command of a client.

    Examples: invoke env --account api
              eval "$(invoke env --account analyst --for psql)"
    """
    from core.errors import PlatformError
    from infra import client_lines, env_file

    known = [form.value for form in env_file.Form]
    if form and form not in known:
        raise PlatformError(what=f"--form {form!r} is not known", where="invoke env", next_step=f"use one of: {', '.join(known)}")
    if for_ and (inside or form or ca_file):
        raise PlatformError(
            what="--for is for clients on this machine", where="invoke env", next_step="leave out --inside, --form and --ca-file"
        )
    if not account and not for_:
        raise PlatformError(what="no account given", where="invoke env", next_step="use one of those that invoke accounts lists")
    if for_ and for_ not in client_lines.CLIENTS:
        raise client_lines.unknown_client(for_)
    platform = platform_of(stack)
    if for_:
        print(client_lines.line(platform, for_, account))
        return
    chosen = env_file.Form(form) if form else None
    print(env_file.write(platform, account, inside=inside, ca_file=ca_file or None, form=chosen))
    if inside and not ca_file:
        # Not on standard output: scripts take the path from there.
        for here, inside_path in env_file.mounts(platform, account).items():
            print(f"mount {here} at {inside_path}", file=sys.stderr)
