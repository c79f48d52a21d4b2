"""The record of the last kit, and whether the stack still matches it. Compares fingerprints, never keys."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.disk import write_whole
from core.errors import PlatformError
from infra.connections import Platform

_RECORD = "kit.json"
_HEX = 16


@dataclass(frozen=True, slots=True)
class Taken:
    """The record of a kit: when it was made, who can open it, its file name, and the fingerprints of its content."""

    made_at: datetime
    readers: str
    file: str
    covers: dict[str, str]


def covers(platform: Platform) -> dict[str, str]:
    """A fingerprint of each part of a stack that a kit has to hold, by the part's name.

    The fingerprints are keyed with the stack's own secrets, so that a guessable value (a chosen passphrase, a bucket's name) can't be
    found by trying. Weaviate's keys are left out: a server takes only keys that it made itself, so a new machine always gets new ones.
    """
    known = platform.backup
    parts: dict[str, Any] = {
        "the repository's passphrase": known.passphrase,
        "the backups' age identity": list(known.identities[:1]),
        "the ring of field keys": platform.field_keys,
        "the accounts' passwords": sorted(
            (name, credentials.postgres, credentials.redis) for name, credentials in platform.accounts.items()
        ),
        "the places of backups": [
            known.place.with_secrets() if known.place else None,
            {name: place.with_secrets() if place.type == "s3" else place.model_dump() for name, place in sorted(known.copies.items())},
            list(known.recipients),
        ],
    }
    if platform.authority and platform.authority.generation:
        # A kit from before would bring a CA that clients don't trust any more.
        parts["the certificates' authority"] = platform.ca_file.read_text()
    key = hashlib.sha256("\0".join(("christmas kit 1", known.passphrase, *known.identities[:1])).encode()).digest()
    return {name: hmac.new(key, json.dumps([name, part]).encode(), "sha256").hexdigest()[:_HEX] for name, part in parts.items()}


def record(folder: Path, taken: Taken) -> None:
    """Save the record of a new kit."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = {"made": taken.made_at.isoformat(timespec="seconds"), "readers": taken.readers, "file": taken.file, "covers": taken.covers}
    write_whole(folder / _RECORD, json.dumps(content, indent=2).encode() + b"\n")


def read(folder: Path) -> Taken | None:
    """The record of the last kit; None if no kit was taken.

    Raises PlatformError if the record can't be read.
    """
    path = folder / _RECORD
    try:
        content = json.loads(path.read_bytes())
        return Taken(
            datetime.fromisoformat(content["made"]),
            str(content["readers"]),
            str(content["file"]),
            {k: str(v) for k, v in content["covers"].items()},
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise PlatformError(
            what="the record of the last kit can't be read", where=str(path), next_step="take a new one: invoke backup.kit --out FILE"
        ) from None


def changed(taken: Taken, now: dict[str, str]) -> list[str]:
    """The parts that changed since the kit was taken."""
    return [name for name, fingerprint in now.items() if taken.covers.get(name) != fingerprint]
