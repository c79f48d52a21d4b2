"""Errors between an application and its keys."""

from __future__ import annotations

from redis import exceptions

UNREACHABLE = (
    exceptions.ConnectionError,  # refused, reset, no free connection in the pool, still loading
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    OSError,
)
"""Failures that say nothing about the key or its value."""


class StoreUnavailableError(RuntimeError):
    """Redis could not be asked, even after retries; the state of the key is unknown."""


class SessionsUnavailableError(StoreUnavailableError):
    """It is unknown whether somebody is logged in; neither answer is safe to assume."""
