"""`python3 -m embedder_server` serves; `python3 -m embedder_server health` asks a running one and exits with 0 if it answers well.

SIGHUP reads certificate and API keys again; SIGTERM finishes what is being answered and ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Sequence

from . import health
from .settings import Settings, SettingsError, read_tokens, usable_processors


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code. Raises SettingsError where a file is missing or wrong."""
    import uvicorn  # type: ignore[import-not-found]  # only in the image

    from .app import App
    from .model import Model

    certificates = Certificates(settings)
    tokens = read_tokens(settings.token)
    threads = settings.threads or usable_processors()
    model = Model(threads)

    def reload() -> None:
        try:
            fresh = read_tokens(settings.token)
            certificates.reload()
        except SettingsError as error:
            print(f"keeping the former certificate and API keys: {error}", file=sys.stderr, flush=True)
            return
        app.tokens = fresh
        print("certificate and API keys read again", flush=True)

    def start() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
        print(f"listening on {settings.host}:{settings.port}, {threads} threads", flush=True)

    app = App(model, settings, tokens, start)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        limit_concurrency=4 * settings.max_waiting,
        h11_max_incomplete_event_size=32_768,
        ssl_context_factory=lambda _config, _default: certificates.listening,
    )
    server = uvicorn.Server(config)
    server.run()
    return 0 if server.started else 1


class Certificates:
    """The server's TLS context, which hands every new connection over to the context of the newest certificate.

    A fresh context rather than a certificate loaded over the old one: OpenSSL would keep an old key of another type beside the new.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._current = self._load()
        self.listening = self._load()
        self.listening.sni_callback = self._choose

    def reload(self) -> None:
        """Use the files as they are now for new connections. Raises SettingsError, and changes nothing, where they are no good."""
        self._current = self._load()

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A session resumed by ticket would go on with the certificate of the context that issued it.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
        try:
            context.load_cert_chain(self._settings.certificate, self._settings.key)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"{self._settings.certificate} and {self._settings.key} can't be used: {error}") from None
        return context


def main(arguments: Sequence[str]) -> int:
    """Serve or ask; a wrong setting is told in one line."""
    if list(arguments) not in ([], ["health"]):
        print("usage: python3 -m embedder_server [health]", file=sys.stderr)
        return 2
    try:
        settings = Settings.from_environment(os.environ)
        return health.main() if arguments else serve(settings)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
