"""Calls to the Docker engine that are asked again where the answer was late or lost on its way.

Whatever this provider asks of the engine may be asked twice: it looks first, or says how something has to be and not what to change.
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
    """The engine took a request, and its answer did not arrive whole: what it did about it is not known."""


def asked(doing: str, where: str, ask: Callable[[], Answer]) -> Answer:
    """The answer of `ask`, which is called again where the connection failed.

    Raises PlatformError where the engine refuses, or has not answered whole after the last try. What it raised for something that is
    not there (docker.errors.NotFound) is passed on.
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
                    next_step="see that Docker still answers (`docker ps`)",
                ) from None
            time.sleep(_PAUSE_SECONDS * attempt)
    raise AssertionError
