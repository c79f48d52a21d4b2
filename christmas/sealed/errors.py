"""What can be wrong with a sealed value, told apart. No message holds a key, a plain value or a sealed one."""

from __future__ import annotations

from christmas.failure import PlatformError

ROTATE = "invoke accounts.rotate --keys seals every row with the active key"
RESTORE = "restore the row from a backup: docs/backup.md"


class FieldError(PlatformError):
    """A value could not be sealed or opened; `where` says which column and row."""


class NotSealedError(FieldError):
    """There is no sealed value: what is stored does not begin like one."""


class TruncatedError(FieldError):
    """Bytes of a sealed value are missing, or there are some too many."""


class UnknownKeyError(FieldError):
    """It was sealed with a key that the ring does not hold."""


class RetiredKeyError(FieldError):
    """It was sealed with a key that has been retired since, and comes from a backup or from an application with an older ring."""


class WrongKeyError(FieldError):
    """The ring's key of that number is another one than it was sealed with."""


class MovedError(FieldError):
    """It is intact and belongs to another row or column."""


class AlteredError(FieldError):
    """Some of its bits are not what they were when it was sealed."""


class ValueTooLongError(FieldError):
    """The value is longer than its column is declared to hold."""


class KeyRingError(PlatformError):
    """The ring of keys can't be read, or what is asked of it would lose data."""
