"""`python -m airgap.setup.take_over FOLDER`: copy finished artifacts from another cache into the user's own, each verified by its hash.

An artifact is a folder with the hash of its inputs in its name; beside it is `NAME.sha256`, written when it was made.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from airgap.toolchain.locate import cache_folder

_PARTS = ("toolchain", "images")


def tree_hash(folder: Path) -> str:
    """Return the SHA-256 over names, execute permissions and contents of all files below `folder`, in hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink()):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            digest.update(f"{name}\0-> {path.readlink()}\0".encode())
            continue
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{name}\0{'x' if os.access(path, os.X_OK) else '-'}\0{content}\0".encode())
    return digest.hexdigest()


def record(folder: Path) -> None:
    """Write the hash of a finished artifact beside it."""
    _record_of(folder).write_text(tree_hash(folder) + "\n")


def take_over(source: Path, target: Path) -> Iterator[str]:
    """Copy the artifacts of cache `source` that cache `target` lacks, and yield a line for each: copied, existing, or refused."""
    for part in _PARTS:
        for recorded in sorted((source / part).glob("*.sha256")):
            folder = recorded.with_suffix("")
            copy = target / part / folder.name
            if copy.is_dir():
                yield f"{folder.name}: there already"
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=copy.parent, prefix=f"{folder.name}.draft.") as temporary:
                draft = Path(temporary) / "content"
                shutil.copytree(folder, draft, symlinks=True)
                # Hash the copy, not the original.
                if tree_hash(draft) != recorded.read_text().strip():
                    yield f"{folder.name}: refused, its files are not those that were made"
                    continue
                draft.replace(copy)
            shutil.copy(recorded, _record_of(copy))
            yield f"{folder.name}: taken over"


def _record_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.sha256")


def main() -> int:
    """Copy from the named folder, print a line for each artifact, and return 1 if one was refused."""
    lines = list(take_over(Path(sys.argv[1]), cache_folder()))
    print("\n".join(lines) or "nothing to take over")
    return int(any("refused" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
