"""Keys for an operator: export the keys that read a lost machine's backups, and read with another identity."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

from backup.sets import folders
from backup.storage import mirror
from backup.storage.sources import files_of, source_of
from core.errors import PlatformError
from infra.connections import Platform


def with_identity(platform: Platform, path: str) -> Platform:
    """The platform with the identities in a file (written by `age-keygen`) added to the stack's own.

    Raises PlatformError if the file can't be read or holds no identity.
    """
    if not path:
        return platform
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PlatformError(what=f"it can't be read: {error}", where=f"--identity {path}") from error
    identities = tuple(line.strip() for line in lines if line.strip().startswith("AGE-SECRET-KEY-"))
    if not identities:
        raise PlatformError(
            what="it holds no age identity", where=f"--identity {path}", next_step="an identity is a line that begins with AGE-SECRET-KEY-1"
        )
    access = platform.backup.model_copy(update={"identities": (*platform.backup.identities, *identities)})
    return dataclasses.replace(platform, backup=access)


def write_keys(platform: Platform, path: str) -> Path:
    """Write all keys that read the stack's backups to a new file with mode 0600; return its path.

    Raises PlatformError if the file exists or can't be written.
    """
    known = platform.backup
    content = {
        "stack": platform.stack,
        "passphrase": known.passphrase,
        "identity": known.identities[0] if known.identities else "",
        "recipients": list(known.recipients),
    }
    target = Path(path).expanduser()
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
    except FileExistsError as error:
        raise PlatformError(what="the file exists", where=str(target), next_step="give another name, or remove it") from error
    except OSError as error:
        raise PlatformError(what=f"it can't be written: {error.strerror}", where=str(target)) from error
    return target


def describe_keys(platform: Platform) -> list[str]:
    """The recipients that can read the stack's backups (public keys)."""
    own, *others = platform.backup.recipients or ("none: invoke up makes it",)
    return [f"the stack's own   {own}", *(f"further           {recipient}" for recipient in others)]


def extract(platform: Platform, set_id: str, path: str, out: str, *, place: str = "", folder: Path | None = None) -> Path:
    """Decrypt one file of a set, such as `postgres/christmas_db.dump`, into a new file with mode 0600; return its path.

    Raises PlatformError if the set has no such file, it is damaged, or `out` exists.
    """
    folder = folder or folders.folder_of(platform.stack)
    manifest = folders.choose(mirror.sets_at(platform, folder, place), set_id or None, folder)
    if path not in (record.path for record in manifest.files if record.place == "set"):
        known = sorted(record.path for record in manifest.files if record.place == "set")
        step = f"a drill of it makes its logical backup: invoke backup.drill {manifest.id}\n" if manifest.awaits_logical else ""
        step += "there are:\n" + "\n".join(known)
        raise PlatformError(what=f"set {manifest.id} has no file {path!r}", where="--path", next_step=step)
    target = Path(out or Path(path).name).expanduser()
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PlatformError(
            what=f"it can't be written: {error.strerror}", where=f"--out {target}", next_step="give another name"
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in files_of(platform, source_of(platform, folder, place), manifest).read(path):
                file.write(piece)
    except BaseException:
        target.unlink()
        raise
    return target
