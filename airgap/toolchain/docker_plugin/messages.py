"""Messages to the user through the engine, without secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

_MASK = "[secret]"
_SHORTEST = 4
"""Shorter secrets are not masked: that would hide half of every message and protect nothing."""


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every secret masked, even if only one line of it is quoted."""
    pieces = {piece for secret in secrets for piece in (secret, secret.partition("=")[2], *secret.splitlines()) if len(piece) >= _SHORTEST}
    for piece in sorted(pieces, key=len, reverse=True):
        text = text.replace(piece, _MASK)
    return text


class Messenger:
    """Sends warnings and status messages to the engine that started this plugin."""

    def __init__(self, engine_address: str) -> None:
        self._address = engine_address
        self._stub: Any = None

    def warner(self, urn: str, secrets: list[str]) -> Callable[[str], None]:
        """Return a function that shows a warning beside the resource."""
        return lambda text: self._send(urn, redacted(text, secrets), warning=True)

    def narrator(self, urn: str) -> Callable[[str], None]:
        """Return a function that shows the resource's present activity, until the next message."""
        last: list[str] = []

        def tell(text: str) -> None:
            if last != [text]:
                last[:] = [text]
                self._send(urn, text, warning=False)

        return tell

    def _send(self, urn: str, text: str, *, warning: bool) -> None:
        import grpc
        from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

        if not self._address:
            return
        if self._stub is None:
            self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address))
        severity = engine_pb2.WARNING if warning else engine_pb2.INFO
        try:
            self._stub.Log(engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=not warning), timeout=5)
        except grpc.RpcError:
            return  # the engine is ending; important results reach it as the call's result
