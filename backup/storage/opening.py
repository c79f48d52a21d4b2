"""Opens the place that a stack's settings describe, of either kind."""

from __future__ import annotations

from pathlib import Path

from backup.storage.places import FolderPlace, Place
from infra.backup_places import LocalPlace, S3Place


def open_place(settings: LocalPlace | S3Place) -> Place:
    """The place that settings describe. Does not connect yet."""
    if isinstance(settings, LocalPlace):
        return FolderPlace(Path(settings.path))
    # Imported late: a stack without a bucket doesn't need the S3 client.
    from backup.storage.s3 import BucketPlace

    return BucketPlace(settings)
