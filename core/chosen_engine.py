"""The Docker engine in use: one answer for set-up, tasks, tests and the plugins that Pulumi starts.

Chosen like Docker's own client does: DOCKER_HOST, else the context named by DOCKER_CONTEXT or the client's configuration, else the
local socket. Standard library only and fast, because every `pulumi` command of this project runs it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from core.errors import PlatformError

LOCAL_SOCKET = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class ChosenEngine:
    """An engine's address, and what named it."""

    url: str
    source: str
    """`DOCKER_HOST`, "the Docker context `name`" or "the local socket"."""
    certificates: Path | None = None
    """The folder of `ca.pem`, `cert.pem` and `key.pem` for an engine that uses TLS."""
    verify: bool = False
    """Whether the engine's certificate is verified against `ca.pem`."""

    def __str__(self) -> str:
        return f"{self.url} ({self.source})"

    def variables(self) -> dict[str, str]:
        """Return the environment variables that make any Docker client, plugin or SDK use this engine."""
        variables = {"DOCKER_HOST": self.url}
        if self.certificates is not None:
            variables["DOCKER_CERT_PATH"] = str(self.certificates)
            # Docker's clients take any text for yes, and only an empty one for no.
            variables["DOCKER_TLS_VERIFY"] = "1" if self.verify else ""
        return variables


def chosen_engine(environment: Mapping[str, str] = os.environ) -> ChosenEngine:
    """Return the engine named by this environment and the Docker client's configuration.

    Raises PlatformError if they name a context that doesn't exist or can't be read.
    """
    if environment.get("DOCKER_HOST"):
        return ChosenEngine(environment["DOCKER_HOST"], "DOCKER_HOST", *_certificates(environment))
    folder = configuration_folder(environment)
    name = environment.get("DOCKER_CONTEXT")
    chooser = "DOCKER_CONTEXT"
    if not name:
        name, chooser = str(_configuration(folder).get("currentContext") or ""), str(folder / "config.json")
    if name in {"", "default"}:
        return ChosenEngine(LOCAL_SOCKET, "the local socket", *_certificates(environment))
    return context_engine(name, folder, chooser)


def context_engine(name: str, folder: Path | None = None, chooser: str = "") -> ChosenEngine:
    """Return the engine of a Docker context in the client's configuration `folder`; `chooser` says what named it.

    Raises PlatformError if there is no such context.
    """
    folder = folder or configuration_folder(os.environ)
    key = sha256(name.encode()).hexdigest()
    try:
        endpoint: dict[str, Any] = json.loads((folder / "contexts" / "meta" / key / "meta.json").read_bytes())["Endpoints"]["docker"]
        url = str(endpoint["Host"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlatformError(
            f"The Docker context `{name}` can't be read, so the engine is unknown.",
            where=f"named by {chooser or 'the provider'}; {type(error).__name__}: {error}",
            next_step="list them with `docker context ls` and choose one with `docker context use NAME`, or set DOCKER_HOST",
        ) from None
    certificates = folder / "contexts" / "tls" / key / "docker"
    return ChosenEngine(
        url,
        f"the Docker context `{name}`",
        certificates if certificates.is_dir() else None,
        verify=certificates.is_dir() and not endpoint.get("SkipTLSVerify"),
    )


def configuration_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the Docker client's `config.json`, whether the file exists or not."""
    chosen = environment.get("DOCKER_CONFIG")
    return Path(chosen) if chosen else Path("~/.docker").expanduser()


def _configuration(folder: Path) -> dict[str, Any]:
    # Docker's own client warns about an unreadable configuration and works without it.
    try:
        configuration = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return configuration if isinstance(configuration, dict) else {}


def _certificates(environment: Mapping[str, str]) -> tuple[Path | None, bool]:
    verify, folder = bool(environment.get("DOCKER_TLS_VERIFY")), environment.get("DOCKER_CERT_PATH")
    if not verify and not folder:
        return None, False
    return Path(folder) if folder else configuration_folder(environment), verify
