"""The one error that every room raises for a failure that its user can do something about: the library's own, under its usual name."""

from christmas.failure import PlatformError

__all__ = ["PlatformError"]
