# ruff: noqa: ARG002, N802 - the service fixes the methods' names and arguments
"""Pulumi's `ResourceProvider` service as far as it is the same for every plugin."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NoReturn

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from airgap.toolchain.plugin.engine_log import EngineLog
from airgap.toolchain.plugin.messages import redacted
from core.errors import PlatformError


class UnfinishedError(PlatformError):
    """A resource exists but isn't as wanted. The engine records it with this state, and the next `up` goes on with it."""

    def __init__(self, message: str, *, resource_id: str, properties: struct_pb2.Struct, inputs: struct_pb2.Struct) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.properties = properties
        self.inputs = inputs


class Plugin(provider_pb2_grpc.ResourceProviderServicer, ABC):
    """A plugin without resources and configuration. Requests come on several threads in parallel."""

    version: ClassVar[str]
    autonames: ClassVar[bool] = False
    """Whether it makes up the names of resources that have none in the program."""

    def __init__(self, engine_address: str = "") -> None:
        self.log = EngineLog(engine_address)
        self.cancelled = threading.Event()

    @abstractmethod
    def schema(self) -> str:
        """The resources and their properties, as JSON."""

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Agree on the features of both sides."""
        if request.engine_address:  # an engine may name itself on the command line alone
            self.log = EngineLog(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=False, accept_outputs=False, supports_autonaming_configuration=self.autonames
        )

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Serve the engine at another address, for a debugger."""
        self.log = EngineLog(request.address)
        return empty_pb2.Empty()

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Agree on the features of both sides, in the way of engines without a handshake."""
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=False,
            acceptOutputs=False,
            supports_autonaming_configuration=self.autonames,
        )

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return the version."""
        return plugin_pb2.PluginInfo(version=self.version)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return the resources and their properties."""
        return provider_pb2.GetSchemaResponse(schema=self.schema())

    def GetMapping(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return that this provider converts from no other tool."""
        return provider_pb2.GetMappingResponse()

    def GetMappings(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return that this provider converts from no other tool."""
        return provider_pb2.GetMappingsResponse()

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Take the configuration as it is."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return that the configuration changes nothing."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        """End every wait soon; finished work is recorded."""
        self.cancelled.set()
        return empty_pb2.Empty()

    @contextmanager
    def answering(self, request: Any, context: grpc.ServicerContext) -> Iterator[list[str]]:
        """Turn any failure inside into one readable message for the engine, without the secrets in the yielded list."""
        secrets: list[str] = []
        try:
            yield secrets
        except UnfinishedError as error:
            message = redacted(str(error), secrets)
            context.set_trailing_metadata((("grpc-status-details-bin", _details(error, message)),))
            abort(context, message)
        except PlatformError as error:
            abort(context, redacted(str(error), secrets))
        except Exception as error:  # the user gets any error as this call's message
            abort(context, redacted(self.unexpected(request.urn, error), secrets))

    def unexpected(self, urn: str, error: Exception) -> str:
        """The message for an error that nothing foresaw."""
        return f"{type(error).__name__}: {error}"


def abort(context: grpc.ServicerContext, message: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN) -> NoReturn:
    """End the call with this status."""
    context.abort(code, message)
    raise AssertionError("abort raises")


def _details(error: UnfinishedError, message: str) -> bytes:
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(id=error.resource_id, properties=error.properties, inputs=error.inputs, reasons=[message])
    )
    return status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[detail]).SerializeToString()
