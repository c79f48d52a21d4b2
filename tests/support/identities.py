"""Keys of backups for tests."""

from __future__ import annotations

import pyrage


def new_identity() -> tuple[str, str]:
    """A new identity and its recipient."""
    made = pyrage.x25519.Identity.generate()
    return str(made), str(made.to_public())
