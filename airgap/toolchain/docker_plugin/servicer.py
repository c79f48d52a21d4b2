# ruff: noqa: ARG002, N802 - the service fixes the methods' names and arguments
"""Pulumi's `ResourceProvider` service: converts messages for the resources' own code, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from airgap.toolchain.docker_plugin import VERSION
from airgap.toolchain.docker_plugin.checking import Failure, check
from airgap.toolchain.docker_plugin.context import Call
from airgap.toolchain.docker_plugin.diffing import Step, difference
from airgap.toolchain.docker_plugin.engine import Engine
from airgap.toolchain.docker_plugin.errors import NotReadyError
from airgap.toolchain.docker_plugin.naming import automatic_name
from airgap.toolchain.docker_plugin.properties import visible
from airgap.toolchain.docker_plugin.resources import RESOURCES
from airgap.toolchain.docker_plugin.resources.base import Resource
from airgap.toolchain.docker_plugin.settings import Settings, check_settings, settings_from
from airgap.toolchain.plugin import wire
from airgap.toolchain.plugin.base import Plugin, UnfinishedError, abort
from airgap.toolchain.plugin.urns import name_of, type_of


class DockerProvider(Plugin):
    """The provider; every method belongs to the service, and reports errors as the call's status."""

    version = VERSION
    autonames = True

    def __init__(self, engine_address: str = "") -> None:
        super().__init__(engine_address)
        self._engine = Engine(Settings())

    def schema(self) -> str:
        """The resources and their properties, as JSON."""
        from airgap.toolchain.docker_plugin.schema import schema

        return schema()

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
            abort(context, str(error))
        return super().Configure(request, context)

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Refuse: the official plugin's functions aren't here."""
        abort(
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
            news["name"] = request.autonaming.proposed_name or automatic_name(name_of(request.urn), olds, request.randomSeed)
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
        with self.answering(request, context) as secrets, _unfinished(wrapped):
            secrets.extend(wire.secret_texts(wrapped))
            call = self._call(request, secrets)
            if request.preview:
                return provider_pb2.CreateResponse(properties=wire.encode(wire.keep_secret(resource.preview(call, inputs), wrapped)))
            resource_id, outputs = resource.create(call, inputs)
        return provider_pb2.CreateResponse(id=resource_id, properties=wire.encode(wire.keep_secret(outputs, wrapped)))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return a resource's present state, for `refresh` and `import`."""
        resource = _resource(context, request.urn)
        wrapped, state = wire.decode(request.inputs), wire.decode(request.properties)
        with self.answering(request, context) as secrets:
            secrets.extend([*wire.secret_texts(wrapped), *wire.secret_texts(state)])
            state_now = resource.read(self._call(request, secrets), request.id, wire.reveal(wrapped), wire.reveal(state))
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
        plain, old = wire.reveal(wrapped), wire.reveal(state)
        changed = difference(resource.properties, old, plain, list(request.ignoreChanges))
        with self.answering(request, context) as secrets, _unfinished(wrapped):
            secrets.extend([*wire.secret_texts(wrapped), *wire.secret_texts(state)])
            if request.preview:
                outputs = {**visible(old), **{name: visible(plain).get(name) for name in changed.properties}}
            else:
                outputs = resource.update(self._call(request, secrets), request.id, visible(old), visible(plain), changed)
        return provider_pb2.UpdateResponse(properties=wire.encode(wire.keep_secret(outputs, wrapped)))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Remove a resource."""
        resource = _resource(context, request.urn)
        state = wire.decode(request.properties)
        with self.answering(request, context) as secrets:
            secrets.extend(wire.secret_texts(state))
            resource.delete(self._call(request, secrets), request.id, visible(wire.reveal(state)))
        return empty_pb2.Empty()

    def _call(self, request: Any, secrets: list[str]) -> Call:
        return Call(
            engine=self._engine,
            urn=request.urn,
            warn=self.log.warner(request.urn, secrets),
            status=self.log.narrator(request.urn),
            cancelled=self.cancelled,
            timeout=getattr(request, "timeout", 0),
        )


def _resource(context: grpc.ServicerContext, urn: str) -> Resource:
    resource = RESOURCES.get(type_of(urn))
    if resource is None:
        known = ", ".join(RESOURCES)
        abort(context, f"`{type_of(urn)}` is a type of the official Docker plugin that this one does not have; it has {known}")
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
    sealed = wire.keep_secret(inputs, wrapped)
    return {
        name: wrapped[name] if name in wrapped and wire.reveal(wrapped[name]) == value else sealed[name] for name, value in inputs.items()
    }


@contextmanager
def _unfinished(inputs: dict[str, Any]) -> Iterator[None]:
    """Let the engine record a resource that exists but isn't ready, so that the next `up` continues with it."""
    try:
        yield
    except NotReadyError as error:
        outputs = wire.encode(wire.keep_secret(error.outputs, inputs))
        raise UnfinishedError(str(error), resource_id=error.resource_id, properties=outputs, inputs=wire.encode(inputs)) from None
