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
        "prove": "Try every cell at the stack's servers, each as the account that it is about.",
        "html": "Write the matrix as one page of HTML into this file.",
    },
)
def accounts_matrix(
    _context: Context, account: str = "", stack: str = "", html: str = "", *, json: bool = False, prove: bool = False
) -> int:
    """Show what each account may and may not do; with --prove, whether the servers see it the same.

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
        "account": "Whose passwords and keys to replace.",
        "keys": "Replace the key of the encrypted fields instead, and seal every row anew.",
    },
    positional=["account"],
)
def accounts_rotate(_context: Context, account: str = "", stack: str = "", *, keys: bool = False) -> None:
    """Give an account new passwords and keys in every store it exists in, or encrypted fields a new key.

    Example: invoke accounts.rotate api
    """
    if keys == bool(account):
        from core.errors import PlatformError

        raise PlatformError("what to rotate is not clear", where="accounts.rotate", next_step="name an account, or say --keys")
    if keys:
        from security.rotation import rotate_keys

        rotate_keys(stack)
    else:
        from infra.rotation import rotate

        rotate(stack, account)
