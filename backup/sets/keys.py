"""The key that signs manifests: derived from the repository's passphrase, which the stack keeps and never rotates."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from backup.sets.model import Manifest
from core.errors import PlatformError
from infra.connections import Platform

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def repository_passphrase(platform: Platform) -> str:
    """The passphrase of pgBackRest's repository, from the stack's outputs. No container has to run for it.

    Raises PlatformError if the stack came up with a version that did not export it.
    """
    if not platform.backup.passphrase:
        raise PlatformError(
            what=f"stack {platform.stack} has no passphrase of its repository",
            where="its outputs",
            next_step="an earlier version brought it up: invoke up adds it and changes nothing else",
        )
    return platform.backup.passphrase


def signing_key(passphrase: str) -> Ed25519PrivateKey:
    """The Ed25519 key of a passphrase (RFC 8032; derived by HKDF, RFC 5869)."""
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
    """Whether the manifest is unchanged since it was signed with this passphrase."""
    from cryptography.exceptions import InvalidSignature

    try:
        signing_key(passphrase).public_key().verify(base64.b64decode(manifest.signature, validate=True), manifest.signed_bytes())
    except (InvalidSignature, binascii.Error):
        return False
    return True
