"""Repeated output: in place on a terminal, appended in a pipe, until Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from core import terminal
from core.errors import PlatformError

_LEAST_SECONDS = 1.0


def seconds_of(option: object, usual: float, where: str) -> float | None:
    """The pause of `--watch` or `--watch SECONDS`, or None without it.

    Raises PlatformError if it is not a number.
    """
    if option in (None, False):
        return None
    if option is True:
        return usual
    try:
        return max(_LEAST_SECONDS, float(str(option)))
    except ValueError:
        raise PlatformError(
            what=f"{option!r} is not a number of seconds", where=where, next_step="use --watch, or for example --watch 10"
        ) from None


def watch(look: Callable[[], tuple[str, int]], pause: float) -> int:
    """Print the text of `look` every `pause` seconds until Ctrl-C; return its last exit code."""
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
