"""The plugin's process: serves until the engine or a signal ends it."""

from __future__ import annotations

import signal
import sys
import threading
import types
from importlib.machinery import PathFinder


def _skip_the_sdk() -> None:
    """Let `pulumi.runtime.proto` be imported without the packages around it.

    The plugin needs only the generated stubs, and the SDK's own import is two thirds of the start-up time of every operation.
    """
    spec = PathFinder.find_spec("pulumi")
    if spec is None or spec.submodule_search_locations is None:
        return  # the following import reports it
    for name, below in (("pulumi", ""), ("pulumi.runtime", "/runtime")):
        package = types.ModuleType(name)
        package.__path__ = [f"{folder}{below}" for folder in spec.submodule_search_locations]
        sys.modules[name] = package


def main(arguments: list[str]) -> int:
    """Serve on a free loopback port, printed as the first line of stdout; the engine's address is the last plain argument."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    _skip_the_sdk()
    from core import docker_client
    from infra.provider.server import serve

    docker_client.load()
    plain = [argument for argument in arguments if not argument.startswith("-")]
    serve(plain[-1] if plain else "", stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
