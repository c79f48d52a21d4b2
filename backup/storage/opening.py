"""The place that a stack's settings describe, of whichever kind."""

from __future__ import annotations

from pathlib import Path

from backup.storage.places import FolderPlace, Place
from infra.backup_places import LocalPlace, S3Place


def open_place(settings: LocalPlace | S3Place) -> Place:
    """The place that settings describe. Nothing is asked of it yet."""
    if isinstance(settings, LocalPlace):
        return FolderPlace(Path(settings.path))
    # A stack without a bucket needs nothing of what talks to one.
    from backup.storage.s3 import BucketPlace

    return BucketPlace(settings)
