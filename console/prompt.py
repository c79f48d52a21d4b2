"""A Python prompt with a connected Weaviate client of an account; or one statement with its exit code."""

from __future__ import annotations

import code
import contextlib
import sys
import traceback
from types import CodeType
from typing import TYPE_CHECKING, Any

from core.errors import PlatformError
from infra import clients

if TYPE_CHECKING:
    from infra.connections import Platform

_BANNER = """\
Weaviate of stack {stack} as {account}. `client` is connected, `collections` is client.collections; Ctrl-D ends.
For example: [each for each in client.collections.list_all()]"""


def run(platform: Platform, account: str, command: str) -> int:
    """Open the prompt, or run `command` in it; return 0, 1 after an exception, or its own exit code.

    Raises PlatformError if the login fails.
    """
    from weaviate.exceptions import WeaviateBaseError

    try:
        opened = contextlib.ExitStack()
        client = opened.enter_context(clients.weaviate_client(platform, account))
    except (WeaviateBaseError, OSError) as error:
        raise PlatformError(
            what=f"Weaviate login of {account} failed: {error}", where=platform.weaviate_url(), next_step="invoke check --store weaviate"
        ) from None
    with opened:
        names: dict[str, Any] = {"client": client, "collections": client.collections}
        if command:
            return _once(command, names)
        if not sys.stdin.isatty():
            return _once(sys.stdin.read(), names, "exec")
        _remember()
        banner = _BANNER.format(stack=platform.stack, account=account)
        try:
            code.interact(banner, local=names, exitmsg="")
        except SystemExit as ended:
            return _code_of(ended)
    return 0


def _once(command: str, names: dict[str, Any], mode: str = "single") -> int:
    """Run it as `python -c` does; prints the value of a single expression."""
    try:
        compiled: CodeType = compile(command, "<command>", mode if "\n" not in command.strip() else "exec")
        exec(compiled, names)  # noqa: S102 - the operator's own input
    except SystemExit as ended:
        return _code_of(ended)
    except Exception:  # as Python does: the traceback, without this file's frames
        kind, error, way = sys.exc_info()
        traceback.print_exception(kind, error, way.tb_next if way else None)
        return 1
    return 0


def _code_of(ended: SystemExit) -> int:
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    print(ended.code, file=sys.stderr)
    return 1


def _remember() -> None:
    """Line editing and completion, if this Python has readline."""
    with contextlib.suppress(ImportError):
        import readline

        readline.parse_and_bind("tab: complete")
