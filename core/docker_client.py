"""The only way to a Docker client: it uses the chosen engine, and tolerates broken credential helpers that nobody needs.

`docker_client` keeps one for each thread, `docker_host` gives one for a block.

Docker's SDK collects the credentials of every registry before it builds an image, and fails if a credential helper is missing, even
though these builds use only local files.
"""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from core.chosen_engine import ChosenEngine, chosen_engine, configuration_folder
from core.errors import PlatformError

if TYPE_CHECKING:
    import docker

_TRIES = 4
_PAUSE_SECONDS = 0.3
# In the SDK's message if the engine answered, but not completely.
_CUT_OFF = ("RemoteDisconnected", "IncompleteRead", "Connection reset", "ConnectionResetError", "Broken pipe", "timed out")


def load() -> None:
    """Import Docker's SDK with all of its parts; call it before threads that use the SDK start.

    Its parts import one another. If two threads begin with different parts, one of them sees the other's part half imported (ImportError).
    """
    import docker  # noqa: F401


_of_thread = threading.local()


def docker_client() -> docker.DockerClient:
    """This thread's client of the engine. Raises PlatformError if the engine doesn't answer."""
    client: docker.DockerClient | None = getattr(_of_thread, "client", None)
    if client is None:
        client = _of_thread.client = _reached()
    return client


def engine_processors() -> int:
    """The number of processors of the engine's machine. Raises PlatformError if the engine doesn't answer."""
    return int(docker_client().info()["NCPU"])


@contextlib.contextmanager
def docker_host(timeout: int = 120) -> Iterator[docker.DockerClient]:
    """A client of the engine for this block; a call that takes longer than `timeout` seconds fails.

    Raises PlatformError if the engine doesn't answer.
    """
    client = _reached(timeout)
    try:
        yield client
    finally:
        client.close()


def _reached(timeout: int = 120) -> docker.DockerClient:
    from docker.errors import DockerException

    try:
        return connect(timeout)
    except DockerException as error:
        raise PlatformError(
            what=f"the Docker engine does not answer: {error}",
            where=str(chosen_engine()),
            next_step="start it (make up does), or check that you may use its socket",
        ) from None


def connect(timeout: int = 120) -> docker.DockerClient:
    """Return a client of the engine from `chosen_engine`; a call that takes longer than `timeout` seconds fails.

    Raises docker.errors.DockerException if the engine doesn't answer, PlatformError if the choice or the client's configuration is broken.
    """
    import docker

    client = docker.DockerClient.__new__(docker.DockerClient)
    client.api = api_client(chosen_engine(), timeout)
    return client


def api_client(engine: ChosenEngine, timeout: int = 120, version: str = "auto") -> docker.APIClient:
    """Return a low-level client of that engine. Raises as `connect` does."""
    import docker
    from docker.tls import TLSConfig

    options: dict[str, Any] = {}
    if engine.certificates is not None:
        folder = engine.certificates
        options["tls"] = TLSConfig(
            client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")), ca_cert=str(folder / "ca.pem"), verify=engine.verify
        )
    _check_configuration()
    client = _asked_again(
        lambda: docker.APIClient(
            base_url=engine.url, version=version, timeout=timeout, use_ssh_client=engine.url.startswith("ssh://"), **options
        )
    )
    # The SDK reads credentials only from here.
    vars(client)["_auth_configs"] = _forgiving(vars(client)["_auth_configs"])
    return client


def _asked_again(connect: Callable[[], docker.APIClient]) -> docker.APIClient:
    """The result of `connect`, which asks the engine for its version: retried if the answer was cut off, not if nothing listens."""
    from docker.errors import DockerException

    for attempt in range(1, _TRIES):
        try:
            return connect()
        except DockerException as error:
            if not any(sign in str(error) for sign in _CUT_OFF):
                raise
            time.sleep(_PAUSE_SECONDS * attempt)
    return connect()


def _check_configuration() -> None:
    """Raise PlatformError for a `config.json` that would break the SDK, such as a list or an invalid log-in."""
    from docker.auth import load_config
    from docker.utils.config import load_general_config
    from docker.utils.proxy import ProxyConfig

    try:
        configuration = load_general_config()
        ProxyConfig.from_dict(configuration.get("proxies", {}).get("default", {}))
        load_config(config_dict=configuration)
    except Exception as error:
        raise PlatformError(
            "The Docker client's configuration can't be read.",
            where=f"{configuration_folder() / 'config.json'}: {type(error).__name__}: {error}",
            next_step="fix or remove that file (`docker logout` removes a log-in), or name another folder with DOCKER_CONFIG",
        ) from None


def gateways(network: Mapping[str, Any]) -> list[str]:
    """This machine's addresses in a network, from what Docker says of it.

    Docker does not say that of its own bridge before the engine is started a second time: it is the subnet's first address.
    """
    pools = network["IPAM"].get("Config") or ()
    return [pool.get("Gateway") or str(next(ipaddress.ip_network(pool["Subnet"]).hosts())) for pool in pools]


def missing_helpers() -> list[str]:
    """Return the credential helpers that the Docker client's configuration names and PATH lacks."""
    from docker.auth import load_config

    configuration = load_config()
    named = {str(name) for name in (configuration.creds_store, *(configuration.cred_helpers or {}).values()) if name}
    return sorted(f"docker-credential-{name}" for name in named if shutil.which(f"docker-credential-{name}") is None)


def helpers_hint() -> str:
    """Return a sentence about missing credential helpers, for messages about a registry that refuses; empty if none is missing."""
    missing = missing_helpers()
    if not missing:
        return ""
    return (
        f"{' and '.join(missing)} is not on PATH, so the registry was asked without a log-in: install it, "
        f"or take it out of credsStore and credHelpers in {configuration_folder() / 'config.json'}"
    )


def _forgiving(configured: Any) -> Any:
    """Return the same credentials, but a missing helper only loses its own entries."""
    from docker.auth import AuthConfig

    class Forgiving(AuthConfig):
        def get_credential_store(self, registry: str | None) -> str | None:
            name = super().get_credential_store(registry)
            return name if name and shutil.which(f"docker-credential-{name}") else None

        def get_all_credentials(self) -> dict[str, Any]:
            # Only builds ask for it; builds of this project start from an image that the engine has.
            return dict(self.auths)

    return Forgiving(configured)
