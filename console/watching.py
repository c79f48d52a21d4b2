"""Looking again and again: in place on a terminal, block by block in a pipe, until Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from core import terminal
from core.errors import PlatformError

_LEAST_SECONDS = 1.0


def seconds_of(given: object, usual: float, where: str) -> float | None:
    """The pause that `--watch` or `--watch SECONDS` asks for; None without it.

    Raises PlatformError for what is no number of seconds.
    """
    if given in (None, False):
        return None
    if given is True:
        return usual
    try:
        return max(_LEAST_SECONDS, float(str(given)))
    except ValueError:
        raise PlatformError(
            what=f"{given!r} is no number of seconds", where=where, next_step="say --watch, or for example --watch 10"
        ) from None


def watch(look: Callable[[], tuple[str, int]], pause: float) -> int:
    """Show what `look` tells every `pause` seconds, until Ctrl-C; return the exit code of the last look."""
    code = 0
    try:
        while True:
            text, code = look()
            if sys.stdout.isatty():
                terminal.redraw(sys.stdout, text)
            else:
                print(text, flush=True)
            time.sleep(pause)
    except KeyboardInterrupt:
        return code
