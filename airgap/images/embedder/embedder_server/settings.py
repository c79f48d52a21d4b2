"""What the server is told by its environment: addresses and paths. Secrets are in the files that these name."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(Exception):
    """A setting or a file that the server can't start with."""


@dataclass(frozen=True)
class Settings:
    """Where to listen, which files to read, and the bounds of one request and of all that wait."""

    host: str = "0.0.0.0"  # noqa: S104 - inside a container, whose published ports decide who reaches it
    port: int = 8443
    certificate: Path = Path("/run/christmas/tls.crt")
    key: Path = Path("/run/christmas/tls.key")
    token: Path = Path("/run/christmas/api.key")
    authority: Path = Path("/run/christmas/ca.crt")
    threads: int = 0
    max_body: int = 16_000_000
    max_waiting: int = 64
    receive_seconds: int = 30
    shutdown_seconds: int = 10

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read EMBEDDER_HOST, _PORT, _CERTIFICATE, _KEY, _TOKEN, _AUTHORITY, _THREADS and _RECEIVE_SECONDS.

        Raises SettingsError for a variable that begins so and is none of these, and for a value that can't be.
        """
        paths = dict.fromkeys(("CERTIFICATE", "KEY", "TOKEN", "AUTHORITY"), Path)
        known = {"HOST": str, **paths, **dict.fromkeys(("PORT", "THREADS", "RECEIVE_SECONDS"), int)}
        values: dict[str, object] = {}
        for name, text in environment.items():
            setting = name.removeprefix("EMBEDDER_")
            if setting == name:
                continue
            if setting not in known:
                raise SettingsError(f"{name} is no setting of the embedder; it knows {', '.join(f'EMBEDDER_{key}' for key in known)}")
            try:
                values[setting.lower()] = known[setting](text)
            except ValueError:
                raise SettingsError(f"{name} must be a number") from None
        settings = cls(**values)  # type: ignore[arg-type]
        if not 1 <= settings.port <= 65535 or settings.threads < 0 or settings.receive_seconds < 1:
            raise SettingsError("EMBEDDER_PORT must be between 1 and 65535, _THREADS at least 0, _RECEIVE_SECONDS at least 1")
        return settings


def read_tokens(path: Path) -> tuple[bytes, ...]:
    """Return the API keys of which clients must send one, the newest first: two while one takes over from the other.

    Raises SettingsError where the file is missing, unreadable or holds anything else.
    """
    try:
        tokens = path.read_bytes().splitlines()
    except OSError as error:
        raise SettingsError(f"the API key can't be read: {error}") from None
    if not 1 <= len(tokens) <= 2 or any(len(token) < 16 or token.split() != [token] for token in tokens):
        raise SettingsError(f"{path} must have one API key or two, each a line of one word of at least 16 characters")
    return tuple(tokens)


def usable_processors(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many processors this container may use, by its CPU quota, at least one.

    The engine would otherwise start a thread for each of the host's processors and be throttled most of the time.
    """
    processors = len(os.sched_getaffinity(0))
    for read in (_quota_v2, _quota_v1):
        quota = read(root)
        if quota:
            return max(1, min(processors, math.ceil(quota)))
    return processors


def _quota_v2(root: Path) -> float:
    try:
        quota, period = (root / "cpu.max").read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError):
        return 0.0


def _quota_v1(root: Path) -> float:
    try:
        quota, period = (int((root / "cpu" / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return max(0.0, quota / period)
    except (OSError, ValueError, ZeroDivisionError):
        return 0.0
