"""The error of every room for failures that the user can do something about: the library's own class, under its usual name."""

from christmas.failure import PlatformError

__all__ = ["PlatformError"]
