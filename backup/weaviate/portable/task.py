"""The task `invoke backup.import-portable`: from its options to an import."""

from __future__ import annotations

from pathlib import Path

from backup.sets import folders
from backup.storage.mirror import sets_at
from backup.storage.sources import files_of, source_of
from backup.weaviate.portable.load import Imported, load
from backup.weaviate.portable.wire import Wire
from core.errors import PlatformError
from core.progress import Progress
from infra import connections


def run(set_id: str | None, *, url: str, key_file: str, ca_file: str, stack: str, plain_vectors: bool, progress: Progress) -> Imported:
    """Import the dump of a set, the newest full one by default, into the Weaviate at `url`.

    Raises PlatformError for an invalid address or file, and as `load` does.
    """
    if not url.startswith(("https://", "http://")):
        raise PlatformError(
            what=f"{url!r} is not the address of a Weaviate", where="--url", next_step="give https://HOST:PORT, or http:// without TLS"
        )
    platform = connections.load(stack)
    folder = folders.folder_of(platform.stack)
    every = sets_at(platform, folder)
    manifest = folders.choose(every if set_id else [other for other in every if other.weaviate and other.weaviate.portable], set_id, folder)
    key = _content(key_file, "--key-file").strip() if key_file else None
    ca = Path(ca_file).expanduser() if ca_file else None
    if ca:
        _content(str(ca), "--ca-file")
    with Wire(url, key=key, ca_file=ca) as wire:
        return load(files_of(platform, source_of(platform, folder), manifest), wire, plain_vectors=plain_vectors, progress=progress)


def _content(path: str, where: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlatformError(what=f"it can't be read: {error}", where=f"{where} {path}") from error
