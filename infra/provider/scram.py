"""PostgreSQL's stored form of a password, computed here so that the password itself is never sent.

SCRAM-SHA-256 is RFC 7677 on RFC 5802; the stored form is PostgreSQL's, src/common/scram-common.c.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

ITERATIONS = 4096  # PostgreSQL's own default, and RFC 7677's minimum
_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")


def verifier(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """The verifier of a password in printable ASCII, which SASLprep leaves unchanged.

    Raises ValueError for any other password; the message doesn't contain it.
    """
    if not password or not password.isascii() or not password.isprintable():
        raise ValueError("a password must be printable ASCII")
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${iterations}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def matches(password: str, stored: str | None) -> bool:
    """Whether the stored verifier belongs to this password."""
    match = _VERIFIER.fullmatch(stored or "")
    if not match:
        return False
    return hmac.compare_digest(verifier(password, base64.b64decode(match[2]), int(match[1])), match[0])


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
