"""The plugin's own process, called as the Pulumi engine calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from airgap.toolchain.plugin import wire
from tests.integration.toolchain.docker_lab import ROOT
from tests.support.waiting import PATIENCE

TYPES = {
    "Network": "docker:index/network:Network",
    "Volume": "docker:index/volume:Volume",
    "RemoteImage": "docker:index/remoteImage:RemoteImage",
    "Container": "docker:index/container:Container",
}


class RefusedError(Exception):
    """The plugin refused a call; the message is what a user would read."""


class HalfMadeError(RefusedError):
    """The plugin made the resource, but it never became ready."""

    def __init__(self, message: str, detail: Any) -> None:
        super().__init__(message)
        self.id: str = detail.id
        self.outputs = wire.decode(detail.properties)
        self.reasons = list(detail.reasons)


@dataclass
class Made:
    """A resource as the engine would record it."""

    kind: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    name: str = "r"


@dataclass
class Plugin:
    """A running plugin; use it as a context."""

    environment: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    launcher: tuple[str, ...] = ()
    """A command that runs it, such as one that gives up a privilege first."""

    def __enter__(self) -> Self:
        environment = {**os.environ, "PULUMI_BACKEND_URL": "file:///rpc", **self.environment}
        command = [*self.launcher, sys.executable, "-P", "-m", "airgap.toolchain.docker_plugin"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)
        self._ask(self.stub.Configure, provider_pb2.ConfigureRequest(args=wire.encode(self.config), acceptSecrets=True))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.channel.close()
        self.process.terminate()
        output, errors = self.process.communicate(timeout=PATIENCE)
        assert output == ""
        assert errors == "", errors

    def check(self, kind: str, inputs: dict[str, Any], name: str = "r") -> dict[str, Any]:
        """Return the checked inputs; what is wrong with them is raised."""
        request = provider_pb2.CheckRequest(urn=urn(kind, name), news=wire.encode(inputs), randomSeed=b"seed")
        answer = self._ask(self.stub.Check, request)
        if answer.failures:
            raise RefusedError("\n".join(failure.reason for failure in answer.failures))
        return wire.decode(answer.inputs)

    def create(self, kind: str, inputs: dict[str, Any], name: str = "r", *, preview: bool = False) -> Made:
        """Check, then create."""
        checked = self.check(kind, inputs, name)
        request = provider_pb2.CreateRequest(urn=urn(kind, name), properties=wire.encode(checked), preview=preview)
        answer = self._ask(self.stub.Create, request)
        return Made(kind, answer.id, checked, wire.decode(answer.properties), name)

    def diff(self, made: Made, inputs: dict[str, Any]) -> Any:
        """Return the engine's view of what a change of the inputs means."""
        news = wire.encode(self.check(made.kind, inputs, made.name))
        request = provider_pb2.DiffRequest(
            id=made.id, urn=urn(made.kind, made.name), olds=wire.encode(made.outputs), news=news, old_inputs=wire.encode(made.inputs)
        )
        return self._ask(self.stub.Diff, request)

    def update(self, made: Made, inputs: dict[str, Any], *, preview: bool = False) -> Made:
        """Change a resource in place."""
        checked = self.check(made.kind, inputs, made.name)
        request = provider_pb2.UpdateRequest(
            id=made.id,
            urn=urn(made.kind, made.name),
            olds=wire.encode(made.outputs),
            news=wire.encode(checked),
            old_inputs=wire.encode(made.inputs),
            preview=preview,
        )
        answer = self._ask(self.stub.Update, request)
        return Made(made.kind, made.id, checked, wire.decode(answer.properties), made.name)

    def read(self, made: Made) -> Made | None:
        """Return the resource as it is now."""
        request = provider_pb2.ReadRequest(
            id=made.id, urn=urn(made.kind, made.name), properties=wire.encode(made.outputs), inputs=wire.encode(made.inputs)
        )
        answer = self._ask(self.stub.Read, request)
        return Made(made.kind, answer.id, wire.decode(answer.inputs), wire.decode(answer.properties), made.name) if answer.id else None

    def delete(self, made: Made) -> None:
        """Remove a resource."""
        request = provider_pb2.DeleteRequest(id=made.id, urn=urn(made.kind, made.name), properties=wire.encode(made.outputs))
        self._ask(self.stub.Delete, request)

    def _ask(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=PATIENCE)
        except grpc.RpcError as error:
            metadata: Any = error.trailing_metadata() or ()
            details = dict(metadata)
            if "grpc-status-details-bin" in details:
                status = status_pb2.Status.FromString(details["grpc-status-details-bin"])
                half_made = provider_pb2.ErrorResourceInitFailed()
                status.details[0].Unpack(half_made)
                raise HalfMadeError(str(error.details()), half_made) from None
            raise RefusedError(str(error.details())) from None


def urn(kind: str, name: str) -> str:
    """Return the URN of a resource of the test's stack."""
    return f"urn:pulumi:dev::rpc::{TYPES[kind]}::{name}"
