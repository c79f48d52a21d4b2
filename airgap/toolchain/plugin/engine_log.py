"""Messages to the user through the engine, without secrets."""

from __future__ import annotations

from collections.abc import Callable

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from airgap.toolchain.plugin.messages import Severity, redacted


class EngineLog:
    """The log of the engine that started a plugin; ignores an engine that has ended."""

    def __init__(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None

    def send(self, urn: str, severity: Severity, text: str, *, passing: bool = False) -> None:
        """Log a message about a resource; a passing one is shown until the next."""
        if self._engine is None:
            return
        request = engine_pb2.LogRequest(severity=engine_pb2.LogSeverity.Value(severity.value), message=text, urn=urn, ephemeral=passing)
        try:
            self._engine.Log(request, timeout=5)
        except grpc.RpcError:
            return  # important results reach the engine as the call's result

    def warner(self, urn: str, secrets: list[str]) -> Callable[[str], None]:
        """Return a function that shows a warning beside the resource."""
        return lambda text: self.send(urn, Severity.WARNING, redacted(text, secrets))

    def narrator(self, urn: str) -> Callable[[str], None]:
        """Return a function that shows the resource's present activity, until the next message."""
        last: list[str] = []

        def tell(text: str) -> None:
            if last != [text]:
                last[:] = [text]
                self.send(urn, Severity.INFO, text, passing=True)

        return tell
