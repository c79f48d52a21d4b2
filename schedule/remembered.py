"""The environment of `up`, saved for a schedule that starts at boot."""

from __future__ import annotations

import json
import os
import re

from core.disk import write_whole
from monitor import signs

_FILE = "environment.json"
# Variables with the location of the state, the engine, the caches and the buckets, and the access to them.
_MATTERS = re.compile(
    r"CHRISTMAS_\w+|PULUMI_\w+|DOCKER_\w+|XDG_(CACHE|CONFIG|DATA)_HOME|HOME|PATH|TZ|TMPDIR|SSL_CERT_(FILE|DIR)|(http|https|no|all)_proxy",
    re.IGNORECASE,
)
_SECRET = re.compile(r"(?!\w*_FILE$)\w*(TOKEN|SECRET|PASSWORD|PASSPHRASE|_PASS|_KEY)\w*", re.IGNORECASE)
# A proxy's address may contain a password.
_WITH_PASSWORD = re.compile(r"://[^/@]*:[^/@]*@")


def remember(stack: str) -> list[str]:
    """Save the relevant part of this process's environment; returns the names of secret variables, which are not saved."""
    matters = {name: value for name, value in os.environ.items() if _MATTERS.fullmatch(name)}
    secret = sorted(name for name, value in matters.items() if _SECRET.fullmatch(name) or _WITH_PASSWORD.search(value))
    folder = signs.folder_of(stack)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    variables = {name: value for name, value in sorted(matters.items()) if name not in secret}
    write_whole(folder / _FILE, json.dumps(variables, indent=1).encode())
    return secret


def recall(stack: str) -> None:
    """Restore the saved variables into this process's environment; does nothing if there are none or they are unreadable."""
    try:
        variables = json.loads((signs.folder_of(stack) / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(variables, dict):
        os.environ.update({str(name): str(value) for name, value in variables.items()})


def forget(stack: str) -> None:
    """Remove the saved variables."""
    (signs.folder_of(stack) / _FILE).unlink(missing_ok=True)
