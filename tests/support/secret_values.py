"""What of a stack is secret, as Pulumi has it in the state, and whether some output shows any of it."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import serialization

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.twin_logins import twin_of

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
# Shorter ones are words such as "s3" or a region, that occur by themselves.
_SHORTEST = 12
# An account's login stands beside its password, and is long enough once the twin's turn has come.
_LOGINS = {twin_of(account.name) for account in ACCOUNTS}
_RANDOM = re.compile(r"[A-Za-z0-9+/_-]{20,}")
_RECIPIENT = re.compile(r"age1[0-9a-z]+")


def secrets_of(exported: Any) -> set[str]:
    """The texts that `pulumi stack export --show-secrets` marks as secret, in whatever they are wrapped. Who may read backups is public."""
    found = {text for wrapped in _wrapped(exported) for text in _texts(json.loads(wrapped))}
    return {text for text in found if len(text) >= _SHORTEST and not _RECIPIENT.fullmatch(text) and text not in _LOGINS}


def shown(secrets: set[str], output: str) -> list[str]:
    """The secrets that the output has, shortened."""
    # As they are, as JSON has them, and base64 or hexadecimal that was cut into lines.
    bare = re.sub(r"\s", "", output)
    return sorted(f"{secret[:4]}… ({len(secret)} characters)" for secret in secrets if secret in output or secret in bare)


def _wrapped(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            yield value["plaintext"]
            return
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from _wrapped(each)


def _texts(value: Any) -> Iterator[str]:
    """Each text in a secret value. Of many lines, such as a private key or a configuration, the parts that look drawn by lot."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        with contextlib.suppress(json.JSONDecodeError):
            if value[:1] in {"{", "["}:
                yield from _texts(json.loads(value))
                return
        if "\n" not in value:
            yield value
        elif "CERTIFICATE" not in value and "PUBLIC" not in value:
            words = {word for word in _RANDOM.findall(value) if any(map(str.isdigit, word)) and any(map(str.isalpha, word))}
            yield from (word for word in words if not word.startswith("christmas-") and not _is_public(word, value))


def _is_public(word: str, text: str) -> bool:
    """Whether a line of a private key is of its public half alone, which stands in the certificate: its end is, with a curve's key."""
    try:
        key = serialization.load_pem_private_key(text.encode(), None).public_key()
        point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return base64.b64decode(word + "=" * (-len(word) % 4), validate=True) in point
    except ValueError:
        return False  # no key, not one of a curve, or no line of it
