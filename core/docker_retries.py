"""Calls to the Docker engine that are safe to repeat, repeated if the answer was late or lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from core.command_output import CutOffError
from core.errors import PlatformError

Answer = TypeVar("Answer")

_TRIES = 4
_PAUSE_SECONDS = 0.3


def with_retries(doing: str, where: str, ask: Callable[[], Answer]) -> Answer:
    """The answer of `ask`, which is called again if the connection failed.

    Raises PlatformError if the engine refuses, or has not answered completely after the last try. docker.errors.NotFound is
    passed on.
    """
    from docker.errors import APIError, DockerException, NotFound
    from urllib3.exceptions import HTTPError

    for attempt in range(1, _TRIES + 1):
        try:
            return ask()
        except NotFound:
            raise
        except APIError as error:
            raise PlatformError(what=f"{doing} failed: {error.explanation or error}", where=where) from None
        except (CutOffError, DockerException, HTTPError, OSError) as error:
            if attempt == _TRIES:
                raise PlatformError(
                    what=f"{doing} failed: {type(error).__name__}: {error}",
                    where=where,
                    next_step="check that Docker answers (`docker ps`)",
                ) from None
            time.sleep(_PAUSE_SECONDS * attempt)
    raise AssertionError
