"""Confirmation before data is deleted."""

from __future__ import annotations

import sys

from core.errors import PlatformError
from infra import stacks
from infra.connections import stack_name


def confirm_deletion(stack: str | None, *, yes: bool) -> None:
    """Ask the user to type the stack's name before its data is deleted; with `yes` only print what is deleted.

    Raises PlatformError for another answer, or without a terminal.
    """
    name = stack_name(stack)
    volumes = stacks.data_volumes(name)
    print(f"This permanently deletes the data of stack {name}: {', '.join(volumes) or 'no volumes found'}")
    if yes:
        return
    if not sys.stdin.isatty():
        raise PlatformError(what="no terminal to confirm at", where="down --volumes", next_step="add --yes if you mean it")
    if input(f"Type the stack's name ({name}) to continue: ").strip() != name:
        raise PlatformError(what="not confirmed; nothing was changed", where="down --volumes")
