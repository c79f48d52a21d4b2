"""What goes wrong between an application and its keys."""

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
    """Redis could not be asked, after retries; nothing is known about the key."""


class SessionsUnavailableError(StoreUnavailableError):
    """Whether somebody is logged in can't be told now; it is not safe to assume either."""
