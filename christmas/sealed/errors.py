"""The faults of a sealed value, one class each. No message contains a key, a plain value or a sealed one."""

from __future__ import annotations

from christmas.failure import PlatformError

ROTATE = "invoke accounts.rotate --keys seals every row with the active key"
RESTORE = "restore the row from a backup: docs/backup.md"


class FieldError(PlatformError):
    """A value could not be sealed or opened; `where` says which column and row."""


class NotSealedError(FieldError):
    """The stored value is not sealed: it does not begin like a sealed value."""


class TruncatedError(FieldError):
    """Bytes of a sealed value are missing, or there are too many."""


class UnknownKeyError(FieldError):
    """It was sealed with a key that the ring does not have."""


class RetiredKeyError(FieldError):
    """It was sealed with a key that is now retired: it is from a backup, or from an application with an older ring."""


class WrongKeyError(FieldError):
    """The ring's key with that number is not the one that sealed it."""


class MovedError(FieldError):
    """It is intact, but belongs to another row or column."""


class AlteredError(FieldError):
    """Some of its bits have changed since it was sealed."""


class ValueTooLongError(FieldError):
    """The value is longer than its column's declaration allows."""


class KeyRingError(PlatformError):
    """The key ring can't be read, or the requested change would lose data."""
