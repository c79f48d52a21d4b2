# ruff: noqa: ARG002, N802 - the service fixes the methods' names and arguments
"""Pulumi's `ResourceProvider` service: converts messages for the resources' own code, and back."""

from __future__ import annotations

import threading
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from airgap.toolchain.docker_plugin import VERSION, wire
from airgap.toolchain.docker_plugin.checking import Failure, check
from airgap.toolchain.docker_plugin.context import Call
from airgap.toolchain.docker_plugin.diffing import Step, difference
from airgap.toolchain.docker_plugin.engine import Engine
from airgap.toolchain.docker_plugin.errors import NotReadyError
from airgap.toolchain.docker_plugin.messages import Messenger, redacted
from airgap.toolchain.docker_plugin.naming import automatic_name
from airgap.toolchain.docker_plugin.properties import visible
from airgap.toolchain.docker_plugin.resources import RESOURCES
from airgap.toolchain.docker_plugin.resources.base import Resource
from airgap.toolchain.docker_plugin.settings import Settings, check_settings, settings_from


class DockerProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The provider; every method belongs to the service, and reports errors as the call's status."""

    def __init__(self, engine_address: str = "") -> None:
        self._messenger = Messenger(engine_address)
        self._engine = Engine(Settings())
        self._cancelled = threading.Event()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Agree on the features of both sides."""
        self._messenger = Messenger(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=False, accept_outputs=False, supports_autonaming_configuration=True
        )

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Serve the engine at another address, for a debugger."""
        self._messenger = Messenger(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return the version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return the resources and their properties."""
        from airgap.toolchain.docker_plugin.schema import schema

        return provider_pb2.GetSchemaResponse(schema=schema())

    def GetMapping(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return that this provider converts from no other tool."""
        return provider_pb2.GetMappingResponse()

    def GetMappings(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return that this provider converts from no other tool."""
        return provider_pb2.GetMappingsResponse()

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Check the provider's configuration."""
        inputs, failures = check_settings(wire.decode(request.news))
        return provider_pb2.CheckResponse(inputs=wire.encode(inputs), failures=_failures(failures))

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return whether the configuration changed; resources stay, as moving them to another engine is the program's decision."""
        olds, news = wire.decode(request.old_inputs or request.olds), wire.decode(request.news)
        changed = sorted(name for name in {*olds, *news} if olds.get(name) != news.get(name) and name != "version")
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Store the configuration; connects to the engine only when needed."""
        try:
            self._engine = Engine(settings_from(wire.decode(request.args)))
        except Exception as error:  # the user gets any error as this call's message
            _abort(context, str(error))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False, supports_autonaming_configuration=True
        )

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Refuse: the official plugin's functions aren't here."""
        _abort(
            context,
            f"`{request.tok}` is a function of the official Docker plugin that this one does not have",
            grpc.StatusCode.UNIMPLEMENTED,
        )

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Add the defaults, and report all problems."""
        resource = _resource(context, request.urn)
        olds, news = wire.decode(request.olds), wire.decode(request.news)
        named = news.get("name") is None and resource.autonamed
        if named:
            news["name"] = request.autonaming.proposed_name or automatic_name(_name(request.urn), olds, request.randomSeed)
        inputs, failures = check(resource.properties, news)
        if named:
            inputs["__defaults"] = sorted([*inputs["__defaults"], "name"])
        if not failures:
            failures = resource.check(wire.reveal(inputs))
        return provider_pb2.CheckResponse(inputs=wire.encode(inputs), failures=_failures(failures))

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return the changes, and whether they require a new resource."""
        resource = _resource(context, request.urn)
        state, news = wire.reveal(wire.decode(request.olds)), wire.reveal(wire.decode(request.news))
        changes = difference(resource.properties, state, news, list(request.ignoreChanges))
        fixed_name = resource.autonamed and "name" not in news.get("__defaults", [])
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changes.steps else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=changes.replaces,
            diffs=sorted(changes.properties),
            detailedDiff={path: _property_diff(step) for path, step in changes.steps.items()},
            hasDetailedDiff=True,
            deleteBeforeReplace=resource.delete_first or fixed_name,
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Make a resource; in a preview, only return the expected outputs."""
        resource = _resource(context, request.urn)
        wrapped = wire.decode(request.properties)
        inputs = visible(wire.reveal(wrapped))
        secrets = list(wire.secret_texts(wrapped))
        call = self._call(request, secrets)
        try:
            if request.preview:
                return provider_pb2.CreateResponse(properties=wire.encode(wire.keep_secret(resource.preview(call, inputs), wrapped)))
            resource_id, outputs = resource.create(call, inputs)
        except NotReadyError as error:
            _abort_not_ready(context, error, wrapped, secrets)
        except Exception as error:  # the user gets any error as this call's message
            _abort(context, redacted(_told(error), secrets))
        return provider_pb2.CreateResponse(id=resource_id, properties=wire.encode(wire.keep_secret(outputs, wrapped)))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return a resource's present state, for `refresh` and `import`."""
        resource = _resource(context, request.urn)
        wrapped, state = wire.decode(request.inputs), wire.decode(request.properties)
        plain = wire.reveal(wrapped)
        secrets = [*wire.secret_texts(wrapped), *wire.secret_texts(state)]
        try:
            state_now = resource.read(self._call(request, secrets), request.id, plain, wire.reveal(state))
        except Exception as error:  # the user gets any error as this call's message
            _abort(context, redacted(_told(error), secrets))
        if state_now is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=state_now.id,
            properties=wire.encode(wire.keep_secret(state_now.outputs, wrapped, state)),
            inputs=wire.encode(_as_given(state_now.inputs, wrapped)),
        )

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Change a resource in place; in a preview, only return the expected outputs."""
        resource = _resource(context, request.urn)
        wrapped, state = wire.decode(request.news), wire.decode(request.olds)
        secrets = [*wire.secret_texts(wrapped), *wire.secret_texts(state)]
        plain, old = wire.reveal(wrapped), wire.reveal(state)
        changed = difference(resource.properties, old, plain, list(request.ignoreChanges))
        try:
            if request.preview:
                outputs = {**visible(old), **{name: visible(plain).get(name) for name in changed.properties}}
            else:
                outputs = resource.update(self._call(request, secrets), request.id, visible(old), visible(plain), changed)
        except NotReadyError as error:
            _abort_not_ready(context, error, wrapped, secrets)
        except Exception as error:  # the user gets any error as this call's message
            _abort(context, redacted(_told(error), secrets))
        return provider_pb2.UpdateResponse(properties=wire.encode(wire.keep_secret(outputs, wrapped)))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Remove a resource."""
        resource = _resource(context, request.urn)
        state = wire.decode(request.properties)
        secrets = list(wire.secret_texts(state))
        try:
            resource.delete(self._call(request, secrets), request.id, visible(wire.reveal(state)))
        except Exception as error:  # the user gets any error as this call's message
            _abort(context, redacted(_told(error), secrets))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        """End every wait soon; finished work is recorded."""
        self.cancel()
        return empty_pb2.Empty()

    def cancel(self) -> None:
        """End every wait soon."""
        self._cancelled.set()

    def _call(self, request: Any, secrets: list[str]) -> Call:
        return Call(
            engine=self._engine,
            urn=request.urn,
            warn=self._messenger.warner(request.urn, secrets),
            status=self._messenger.narrator(request.urn),
            cancelled=self._cancelled,
            timeout=getattr(request, "timeout", 0),
        )


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _resource(context: grpc.ServicerContext, urn: str) -> Resource:
    resource = RESOURCES.get(_type(urn))
    if resource is None:
        known = ", ".join(RESOURCES)
        _abort(context, f"`{_type(urn)}` is a type of the official Docker plugin that this one does not have; it has {known}")
    return resource


def _failures(failures: list[Failure]) -> list[Any]:
    # The engine prints the value beside a named property, so name the property only in the reason: the value may be a secret.
    return [provider_pb2.CheckFailure(reason=failure.reason) for failure in failures]


def _property_diff(step: Step) -> Any:
    property_diff = provider_pb2.PropertyDiff()
    property_diff.kind = step.value  # type: ignore[assignment]
    return property_diff


def _as_given(inputs: dict[str, Any], wrapped: dict[str, Any]) -> dict[str, Any]:
    """Return inputs with their secrets: unchanged ones secret in the same places, changed ones as a whole."""
    kept = wire.keep_secret(inputs, wrapped)
    return {
        name: wrapped[name] if name in wrapped and wire.reveal(wrapped[name]) == value else kept[name] for name, value in inputs.items()
    }


def _told(error: Exception) -> str:
    from core.errors import PlatformError

    return str(error) if isinstance(error, PlatformError) else f"{type(error).__name__}: {error}"


def _abort(context: grpc.ServicerContext, message: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN) -> NoReturn:
    context.abort(code, message)
    raise AssertionError("abort raises")


def _abort_not_ready(context: grpc.ServicerContext, error: NotReadyError, inputs: dict[str, Any], secrets: list[str]) -> NoReturn:
    """Report a resource that exists but isn't ready, so that the engine records it and the next `up` continues with it."""
    message = redacted(str(error), secrets)
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.resource_id,
            properties=wire.encode(wire.keep_secret(error.outputs, inputs)),
            inputs=wire.encode(inputs),
            reasons=[message],
        )
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    _abort(context, message)
