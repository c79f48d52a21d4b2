"""Calls to the Docker engine, repeated if the answer was late or lost.

All requests of this provider are safe to repeat: they look first, or state a result instead of a change.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from core.errors import PlatformError

Answer = TypeVar("Answer")

TRIES = 4
_PAUSE_SECONDS = 0.3


class AnswerLostError(Exception):
    """The engine got a request, but its answer did not arrive completely: the outcome is unknown."""


def asked(doing: str, where: str, ask: Callable[[], Answer]) -> Answer:
    """The answer of `ask`, which is called again if the connection failed.

    Raises PlatformError if the engine refuses, or has not answered completely after the last try. docker.errors.NotFound is
    passed on.
    """
    from docker.errors import APIError, DockerException, NotFound
    from urllib3.exceptions import HTTPError

    for attempt in range(1, TRIES + 1):
        try:
            return ask()
        except NotFound:
            raise
        except APIError as error:
            raise PlatformError(what=f"{doing} failed: {error.explanation or error}", where=where) from None
        except (AnswerLostError, DockerException, HTTPError, OSError) as error:
            if attempt == TRIES:
                raise PlatformError(
                    what=f"{doing} failed: {type(error).__name__}: {error}",
                    where=where,
                    next_step="check that Docker answers (`docker ps`)",
                ) from None
            time.sleep(_PAUSE_SECONDS * attempt)
    raise AssertionError
