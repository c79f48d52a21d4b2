"""Making a kit: collect its content in memory, encrypt it, and write one new file, whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from backup.kit import coverage
from backup.kit.content import Keys, Kit, StackState
from backup.kit.envelope import Readers, new_passphrase, seal
from backup.sets import folders, keys
from backup.sets.sealing import keyring_of
from christmas.sealed.ring import from_json
from core import lock
from core.disk import sync_folder
from core.errors import PlatformError
from infra import stack_state
from infra.connections import Platform
from infra.ownership import PROJECT

_DRAFT = ".kit-draft"


def readers_of(platform: Platform, recipients: Sequence[str], passphrase_file: str) -> Readers:
    """Who can open the kit: the given recipients, else the passphrase in the file, else the settings' recipients, else a typed passphrase.

    The stack's own identity does not count: it is in the kit, and lost with the machine.
    Raises PlatformError if both are given, or if there is no terminal to ask at.
    """
    if recipients and passphrase_file:
        raise PlatformError(
            what="a kit is for recipients or for a passphrase, not both", where="--recipient, --passphrase-file", next_step="leave one out"
        )
    own = {_own_recipient(platform)}
    known = tuple(recipient for recipient in (recipients or platform.backup.recipients) if recipient not in own)
    if recipients and not known:
        raise PlatformError(
            what="this is the stack's own key, which is lost with the machine",
            where="--recipient",
            next_step="give a recipient whose identity is kept elsewhere: age-keygen makes one",
        )
    if known and not passphrase_file:
        return Readers(recipients=known)
    return Readers(passphrase=new_passphrase(passphrase_file))


def _own_recipient(platform: Platform) -> str:
    return platform.backup.recipients[0] if platform.backup.recipients else ""


def take(
    platform: Platform, out: str, *, recipients: Sequence[str] = (), passphrase_file: str = "", folder: Path | None = None
) -> tuple[Path, Readers]:
    """Write a kit of the stack to a new file with mode 0600; return its path and who can open it.

    Raises PlatformError if the file exists, it can't be written, or the stack lacks a part of the kit.
    """
    target = _target(out)
    folder = folder or folders.folder_of(platform.stack)
    kit = gather(platform)
    readers = readers_of(platform, recipients, passphrase_file)
    write(target, seal(kit.plain(), readers))
    coverage.record(folder, coverage.Taken(kit.made_at, str(readers), target.name, kit.covers))
    return target, readers


def gather(platform: Platform) -> Kit:
    """Collect the kit of a stack in memory.

    Raises PlatformError if the stack has no keys yet (it is of an earlier version), or its state can't be read.
    """
    own = Keys(
        passphrase=keys.repository_passphrase(platform),
        identities=keyring_of(platform).identities[:1],
        field_keys=from_json(platform.field_keys).as_json(),
    )
    settings = stack_state.settings_file(platform.stack)
    return Kit(
        project=PROJECT,
        stack=platform.stack,
        made_at=datetime.now(UTC),
        made_by=lock.made_by(),
        covers=coverage.covers(platform),
        keys=own,
        state=StackState(
            passphrase=stack_state.passphrase_in_use(),
            settings=settings.read_text(encoding="utf-8") if settings.exists() else "",
            deployment=stack_state.export(platform.stack),
        ),
    )


def _target(out: str) -> Path:
    if not out:
        raise PlatformError(
            what="the kit's file is not named", where="--out", next_step="invoke backup.kit --out FILE; then keep it away from this machine"
        )
    target = Path(out).expanduser()
    if target.is_dir():
        target = target / f"{PROJECT}-{datetime.now(UTC):%Y%m%d-%H%M%S}.kit"
    if target.exists() or target.is_symlink():
        raise _there_already(target)
    return target


def _there_already(target: Path) -> PlatformError:
    return PlatformError(
        what="the file exists, and a kit never replaces one",
        where=str(target),
        next_step="give another name; remove the old file once the new one is stored elsewhere",
    )


def write(target: Path, content: bytes) -> None:
    """Write a new file, 0600, synced to disk when this returns.

    Raises PlatformError if it exists or can't be written; then nothing is left behind.
    """
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}{_DRAFT}")
    try:
        for earlier in target.parent.glob(f".{target.name}.*{_DRAFT}"):
            earlier.unlink()  # left by a killed run
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if draft.read_bytes() != content:
                raise PlatformError(what="it reads back differently than written", where=str(target), next_step="use another disk")
            _into_place(draft, target)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(target.parent)
    except FileExistsError:
        raise _there_already(target) from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise PlatformError(
            what=f"the kit can't be written; nothing is left of it: {error.strerror}",
            where=str(target),
            next_step="make room there, or give another place" if full else "check that the folder exists and is writable",
        ) from error


def _into_place(draft: Path, target: Path) -> None:
    """Give the draft its final name, unless the file exists. Some file systems (USB sticks, network shares) have no hard links."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        draft.rename(target)
