"""New passwords and keys for an account: a setting counts its rotations, and the next `up` applies them."""

from __future__ import annotations

from christmas.blueprint.accounts import ACCOUNTS
from core.errors import PlatformError
from core.runner import show_progress
from infra import stacks
from infra.connections import stack_name


def rotate(stack: str | None, account: str) -> None:
    """Replace the account's password or key in every store, without a restart; clients need new settings (`invoke env`).

    If interrupted, the next `up` completes it. Raises PlatformError for an unknown account or a failed `up`.
    """
    if account not in {declared.name for declared in ACCOUNTS}:
        known = ", ".join(declared.name for declared in ACCOUNTS)
        raise PlatformError(
            what=f"there is no account {account!r}", where="christmas/blueprint/accounts.py", next_step=f"use one of: {known}"
        )
    name = stack_name(stack)
    generation = stacks.configuration(name).get("rotations", {}).get(account, 0)
    stacks.set_configuration(name, f"christmas:rotations.{account}", str(int(generation) + 1))
    with show_progress(f"rotate {account}") as progress:
        stacks.up(name, progress=progress)
    print(f"account {account} has new credentials; write its settings again: invoke env --account {account} --stack {name}")
