"""The connection to the Docker engine, and its failures as messages with a next step."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from airgap.toolchain.docker_plugin.errors import DockerPluginError
from airgap.toolchain.docker_plugin.settings import Settings
from core.chosen_engine import ChosenEngine, chosen_engine, context_engine
from core.errors import PlatformError

if TYPE_CHECKING:
    from docker import APIClient

OLDEST_API = "1.41"
"""Of Docker engine 20.10, the oldest tested one."""


class Engine:
    """A Docker engine, with one client for each thread that uses it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._local = threading.local()
        self._api = ""
        self._limits_swap: bool | None = None

    @property
    def url(self) -> str:
        """The engine's address."""
        return self.address.url

    @property
    def address(self) -> ChosenEngine:
        """The engine in the provider's configuration, else the one that this project's tasks use.

        Raises DockerPluginError if the named Docker context doesn't exist.
        """
        settings = self.settings
        try:
            if settings.context:
                chosen = context_engine(settings.context)
            elif settings.host:
                chosen = replace(chosen_engine({**os.environ, "DOCKER_HOST": settings.host}), source="the provider's `host`")
            else:
                chosen = chosen_engine()
        except PlatformError as error:
            raise DockerPluginError(error.what, where=error.where, next_step=error.next_step) from None
        if settings.cert_path:
            chosen = replace(chosen, certificates=Path(settings.cert_path).expanduser(), verify=True)
        return chosen

    @property
    def client(self) -> APIClient:
        """This thread's client; connects at first use.

        Raises DockerPluginError if the engine is missing, stopped, too old, or closed to this user.
        """
        client: APIClient | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._connect()
        return client

    @property
    def api(self) -> str:
        """The version of the engine's API."""
        if not self._api:
            _ = self.client
        return self._api

    def has(self, api: str) -> bool:
        """Whether the engine has this version of the API."""
        return _version(self.api) >= _version(api)

    @property
    def limits_swap(self) -> bool:
        """Whether the engine's kernel can limit swap; otherwise Docker drops such limits."""
        if self._limits_swap is None:
            with failing_as("the Docker engine could not be asked what it can do"):
                self._limits_swap = bool(self.client.info().get("SwapLimit"))
        return self._limits_swap

    def _connect(self) -> APIClient:
        from docker.errors import DockerException

        from core.docker_client import api_client

        engine = self.address
        try:
            client = api_client(engine, version=self._api or "auto")
            if not self._api:
                offered = str(client.version(api_version=False)["ApiVersion"])
                if _version(offered) < _version(OLDEST_API):
                    raise too_old(engine.url, offered)
                self._api = offered
        except DockerPluginError:
            raise
        except PlatformError as error:
            raise DockerPluginError(error.what, where=error.where, next_step=error.next_step) from None
        except (DockerException, OSError) as error:
            raise unreachable(engine.url, error) from None
        return client


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def too_old(url: str, offered: str) -> DockerPluginError:
    """Return the error for an engine that lacks required features."""
    return DockerPluginError(
        f"the Docker engine is too old: it offers API {offered}, and at least {OLDEST_API} (engine 20.10) is needed",
        where=url,
        next_step="upgrade Docker, for example with: apt-get install docker.io",
    )


def unreachable(url: str, error: Exception) -> DockerPluginError:
    """Return the error for an engine that doesn't answer, by its cause."""
    text = str(error)
    socket = Path(url.removeprefix("unix://")) if url.startswith("unix://") else None
    if "Permission" in text or "Errno 13" in text:
        return DockerPluginError(
            "no permission to talk to Docker",
            where=url,
            next_step="add yourself to its group: sudo usermod -aG docker $USER, then log in again",
        )
    if socket is not None and not socket.exists():
        return DockerPluginError(
            "Docker is not installed or not running: its socket does not exist",
            where=url,
            next_step="install it with `make up` or `apt-get install docker.io`, start it with `service docker start`; or set DOCKER_HOST",
        )
    if socket is not None:
        return DockerPluginError(
            "Docker is not running: no answer at its socket", where=url, next_step="start it with: service docker start"
        )
    return DockerPluginError(
        f"the Docker engine cannot be reached: {text}", where=url, next_step="check the provider's `host` or DOCKER_HOST"
    )


@contextmanager
def failing_as(what: str, next_step: str = "") -> Iterator[None]:
    """Turn the SDK's errors inside the block into one that names the operation."""
    import requests
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        raise DockerPluginError(f"{what}: {explanation(error)}", next_step=next_step) from None
    except (DockerException, requests.RequestException) as error:
        raise DockerPluginError(f"{what}: {error}", next_step=next_step or "check that Docker is running: docker version") from None


def explanation(error: Exception) -> str:
    """Return the engine's own message in an API error."""
    return str(getattr(error, "explanation", None) or error).strip()
