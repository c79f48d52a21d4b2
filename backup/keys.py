"""The secret that proves a manifest: derived from the repository's passphrase, which the stack keeps and never rotates."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from airgap.errors import PlatformError
from backup.containers import execute
from backup.model import Manifest
from infra.components.pgbackrest_config import CONFIG_PATH
from infra.connections import Platform

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_OPTION = "repo1-cipher-pass="


def repository_passphrase(platform: Platform) -> str:
    """The passphrase of pgBackRest's repository, as the running server has it.

    Raises PlatformError where the database's container doesn't run.
    """
    container = platform.containers["timescaledb"]
    for line in execute(container, ["cat", CONFIG_PATH]).stdout.decode().splitlines():
        if line.startswith(_OPTION):
            return line.removeprefix(_OPTION)
    raise PlatformError(
        what="pgBackRest's settings hold no passphrase", where=f"container {container}: {CONFIG_PATH}", next_step="invoke up puts them back"
    )


def signing_key(passphrase: str) -> Ed25519PrivateKey:
    """The Ed25519 key that belongs to a passphrase (RFC 8032; derived by HKDF, RFC 5869)."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    seed = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"christmas backup manifest 1").derive(passphrase.encode())
    return Ed25519PrivateKey.from_private_bytes(seed)


def sign(manifest: Manifest, passphrase: str) -> Manifest:
    """The manifest with its signature."""
    signature = signing_key(passphrase).sign(manifest.signed_bytes())
    return manifest.with_signature(base64.b64encode(signature).decode())


def is_signed(manifest: Manifest, passphrase: str) -> bool:
    """Whether the manifest is just as it was when somebody with this passphrase signed it."""
    from cryptography.exceptions import InvalidSignature

    try:
        signing_key(passphrase).public_key().verify(base64.b64decode(manifest.signature, validate=True), manifest.signed_bytes())
    except (InvalidSignature, binascii.Error):
        return False
    return True
