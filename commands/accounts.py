"""`accounts`: who may do what, and new credentials for them."""

from __future__ import annotations

from invoke.context import Context

from commands.task import task


@task(default=True, name="list")
def accounts_list(_context: Context, *, json: bool = False) -> None:
    """List the accounts and the stores they exist in.

    Example: invoke accounts --json
    """
    from infra.show import show_accounts

    show_accounts(as_json=json)


@task(
    name="matrix",
    long=["html"],
    help={
        "account": "Only what this account may.",
        "prove": "Try every cell at the stack's servers, as its account.",
        "html": "Write the matrix as one page of HTML into this file.",
    },
)
def accounts_matrix(
    _context: Context, account: str = "", stack: str = "", html: str = "", *, json: bool = False, prove: bool = False
) -> int:
    """Show what each account may and may not do; with --prove, whether the servers agree.

    Example: invoke accounts.matrix --prove --account api
    """
    from commands.matrix import prove_matrix, show_matrix

    if prove:
        return prove_matrix(stack, account, html, as_json=json)
    show_matrix(account, html, as_json=json)
    return 0


@task(
    name="rotate",
    help={
        "account": "The account whose passwords and keys are replaced; or embedder, for its key.",
        "all": "Replace the passwords and keys of every account, and the embedder's key.",
        "finish": "Make no new secrets: end the former ones now, before their time.",
        "at_once": "End the former secrets as soon as the new ones are valid, because somebody else may know them.",
        "keys": "Replace the key of the encrypted fields instead, and seal every row anew.",
        "ca": "Replace the certificates' authority instead: both are trusted while clients read their settings again.",
    },
    positional=["account"],
)
def accounts_rotate(
    _context: Context,
    account: str = "",
    stack: str = "",
    *,
    all: bool = False,  # noqa: A002 - the option's name
    finish: bool = False,
    at_once: bool = False,
    keys: bool = False,
    ca: bool = False,
) -> None:
    """Give an account new passwords and keys in every store it exists in, encrypted fields a new key, or the stack a new CA.

    The former ones stay valid for a day, so that applications can take up the new ones.

    Example: invoke accounts.rotate api
    """
    if [bool(account), all, keys, ca].count(True) != 1 or (finish and at_once) or (keys and (finish or at_once)):
        from core.errors import PlatformError

        raise PlatformError(
            "what to rotate is not clear",
            where="accounts.rotate",
            next_step="name an account, or say --all, --ca or --keys; --finish or --at-once go with accounts and --ca",
        )
    if keys:
        from security.rotation import rotate_keys

        rotate_keys(stack)
    elif ca:
        from infra.authority import rotate as rotate_authority

        rotate_authority(stack, finish=finish, at_once=at_once)
    else:
        from infra.rotation import rotate

        rotate(stack, account, every=all, finish=finish, at_once=at_once)
