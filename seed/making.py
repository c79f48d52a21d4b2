"""Creates something in Weaviate over a connection that may be slow, be cut, or deliver a request twice."""

from __future__ import annotations

import time
from collections.abc import Callable

TRIES = 4
_PAUSE_SECONDS = 0.3


def make(create: Callable[[], object], is_there: Callable[[], bool]) -> None:
    """Call `create` until the thing exists; repeated if there was no answer.

    A refusal is no failure if the thing exists: the request arrived twice, and the first one made it. Otherwise the
    client's error is raised.
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
    """Whether it exists; False if that is unknown too: the next try will show."""
    import httpx
    from weaviate.exceptions import WeaviateConnectionError, WeaviateTimeoutError

    try:
        return is_there()
    except (WeaviateConnectionError, WeaviateTimeoutError, httpx.HTTPError):
        return False
