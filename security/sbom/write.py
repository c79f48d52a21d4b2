"""Writes the documents of images into a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from airgap.images import catalog
from core.disk import write_whole
from core.errors import PlatformError
from security.sbom.document import counted, document, parts
from security.sbom.image_files import read


def write(images: Sequence[str], out: str) -> Iterator[str]:
    """Write one document for each image, and say which; all services of every stack where none is named.

    Raises PlatformError for an image that the engine does not have, or a folder that can't be written.
    """
    folder = Path(out).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlatformError(
            what=f"the folder can't be made: {error.strerror}", where=str(folder), next_step="give another --out"
        ) from error
    for name in images or catalog.SERVICES:
        reference = catalog.image_reference(name) if name in catalog.KNOWN else name
        files = read(reference)
        every = parts(files)
        target = folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', reference)}.cdx.json"
        write_whole(target, document(files, every))
        yield f"{target}: {counted(every)}"
