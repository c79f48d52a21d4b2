"""The plugin's process: serve until the engine or a signal ends it, without a word."""

from __future__ import annotations

import signal
import sys
import threading


def main(arguments: list[str]) -> int:
    """Serve on a free loopback port, printed as the first line of stdout; the engine's address is the last plain argument."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    from infra.provider.server import serve

    plain = [argument for argument in arguments if not argument.startswith("-")]
    serve(plain[-1] if plain else "", stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
