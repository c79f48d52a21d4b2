"""Making something in Weaviate over a line that may be slow, be cut, or carry a request twice."""

from __future__ import annotations

import time
from collections.abc import Callable

TRIES = 4
_PAUSE_SECONDS = 0.3


def make(create: Callable[[], object], is_there: Callable[[], bool]) -> None:
    """Call `create`, again where it was not answered, until what it makes is there.

    A refusal is no failure where that is there: the request came twice, and the first of them made it. Where it is not, what the
    client raised goes on.
    """
    import httpx
    from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateConnectionError, WeaviateTimeoutError

    for attempt in range(1, TRIES + 1):
        try:
            create()
            return
        except UnexpectedStatusCodeError:
            if is_there():
                return
            raise
        except (WeaviateConnectionError, WeaviateTimeoutError, httpx.HTTPError):
            if _looked(is_there):
                return
            if attempt == TRIES:
                raise
        time.sleep(_PAUSE_SECONDS * attempt)


def _looked(is_there: Callable[[], bool]) -> bool:
    """Whether it is there; no where that could not be seen either: trying again tells."""
    import httpx
    from weaviate.exceptions import WeaviateConnectionError, WeaviateTimeoutError

    try:
        return is_there()
    except (WeaviateConnectionError, WeaviateTimeoutError, httpx.HTTPError):
        return False
