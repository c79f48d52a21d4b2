"""Names for resources without a name in the program."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

_SUFFIX = 7


def automatic_name(resource: str, olds: dict[str, Any], seed: bytes) -> str:
    """Return the resource's earlier name, or a new one: its own name and seven hexadecimal digits."""
    old = olds.get("name")
    if isinstance(old, str) and "name" in olds.get("__defaults", []):
        return old
    digits = hashlib.sha256(seed).hexdigest() if seed else secrets.token_hex(_SUFFIX)
    return f"{resource}-{digits[:_SUFFIX]}"
