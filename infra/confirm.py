"""Asking before data is deleted."""

from __future__ import annotations

import sys

from core.errors import PlatformError
from infra import stacks
from infra.connections import stack_name


def confirm_deletion(stack: str | None, *, yes: bool) -> None:
    """Have the stack's name typed before its data goes; with `yes` only say what goes.

    Raises PlatformError where the answer is another, or nobody is there to answer.
    """
    name = stack_name(stack)
    volumes = stacks.data_volumes(name)
    print(f"This deletes the data of stack {name} for good: {', '.join(volumes) or 'no volumes found'}")
    if yes:
        return
    if not sys.stdin.isatty():
        raise PlatformError(what="nobody is there to confirm", where="down --volumes", next_step="add --yes if you mean it")
    if input(f"Type the stack's name ({name}) to go on: ").strip() != name:
        raise PlatformError(what="not confirmed; nothing was changed", where="down --volumes")
