# ruff: noqa: N802 - the service fixes the methods' names
"""The plugin's gRPC service: Pulumi's ResourceProvider on top of this provider's kinds."""

from __future__ import annotations

import json
import traceback
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2

from airgap.toolchain.plugin import wire
from airgap.toolchain.plugin.base import Plugin, UnfinishedError, abort
from airgap.toolchain.plugin.messages import Severity
from airgap.toolchain.plugin.urns import type_of
from airgap.toolchain.plugin.wire import UNKNOWN, has_unknown
from core.errors import PlatformError
from infra.provider import VERSION
from infra.provider.kind import Call, PartialFailureError, ResourceKind, Values
from infra.provider.registry import kind_of


def differences(
    kind: ResourceKind, state: Values, old: Values, new: Values, ignored: frozenset[str] = frozenset()
) -> dict[str, tuple[str, bool]]:
    """The changes of an update: property to (PropertyDiff kind's name, whether it is an input)."""
    changes: dict[str, tuple[str, bool]] = {}
    for name in kind.inputs:
        before, after = old.get(name), new.get(name)
        if name in ignored or (before == after and not has_unknown(after)):
            continue
        change = "ADD" if before is None else "DELETE" if after is None else "UPDATE"
        changes[name] = (change + ("_REPLACE" if kind.inputs[name].replaces else ""), True)
    for name in kind.differences(state, old, new):
        changes.setdefault(name, ("UPDATE", False))
    return changes


class Provider(Plugin):
    """Serves every kind in the registry. Every operation is short and can be repeated, so nothing has to be cancelled."""

    version = VERSION

    def schema(self) -> str:
        """Nothing is generated from this schema: programs call the classes that declare the kinds."""
        return json.dumps({"name": "christmas", "version": VERSION})

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Add the defaults, and report all problems."""
        kind = _kind(request, context)
        with self.answering(request, context):
            news = wire.decode(request.news)
            checked, problems = kind.check(wire.reveal(news))
            return provider_pb2.CheckResponse(
                inputs=wire.encode(wire.marked(checked, _secrets(kind, news))),
                failures=[provider_pb2.CheckFailure(reason=problem) for problem in problems],
            )

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return the changes, and whether they require a new resource."""
        kind = _kind(request, context)
        with self.answering(request, context):
            state, old, new = (_plain(values) for values in (request.olds, request.old_inputs, request.news))
            changes = differences(kind, state, old, new, frozenset(request.ignoreChanges))
            return provider_pb2.DiffResponse(
                changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
                diffs=list(changes),
                replaces=[name for name, (change, _) in changes.items() if change.endswith("_REPLACE")],
                detailedDiff={
                    name: provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(change), inputDiff=is_input)
                    for name, (change, is_input) in changes.items()
                },
                hasDetailedDiff=True,
            )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Make a resource; in a preview, only return the expected outputs."""
        kind = _kind(request, context)
        with self.answering(request, context) as secrets:
            wrapped = wire.decode(request.properties)
            secrets.extend(wire.secret_texts(wrapped))
            inputs = wire.reveal(wrapped)
            if request.preview or has_unknown(inputs):
                return provider_pb2.CreateResponse(id="", properties=_outputs(kind, kind.planned(None, frozenset(inputs), inputs)))
            identity, outputs = kind.create(self._call(request), inputs)
            return provider_pb2.CreateResponse(id=identity, properties=_outputs(kind, outputs))

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Change a resource in place; in a preview, only return the expected outputs."""
        kind = _kind(request, context)
        with self.answering(request, context) as secrets:
            wrapped = wire.decode(request.news)
            secrets.extend(wire.secret_texts(wrapped))
            state, old, new = _plain(request.olds), _plain(request.old_inputs), wire.reveal(wrapped)
            if request.preview or has_unknown(new):
                outputs = kind.planned(state, frozenset(differences(kind, state, old, new)), new)
            else:
                try:
                    outputs = kind.update(self._call(request), state, old, new)
                except PartialFailureError as partial:
                    inputs = wire.encode(wire.marked(new, _secrets(kind, wrapped)))
                    left = _outputs(kind, partial.outputs)
                    raise UnfinishedError(str(partial), resource_id=request.id, properties=left, inputs=inputs) from None
            return provider_pb2.UpdateResponse(properties=_outputs(kind, outputs))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return a resource's present state, for `refresh`."""
        kind = _kind(request, context)
        with self.answering(request, context) as secrets:
            wrapped = wire.decode(request.inputs)
            secrets.extend(wire.secret_texts(wrapped))
            if not wrapped and not request.properties.fields:
                raise PlatformError(
                    what=f"a {kind.name} can't be imported",
                    where=request.id,
                    next_step="declare it in the program: `pulumi up` takes over an existing one",
                )
            outputs = kind.read(self._call(request), _plain(request.properties), wire.reveal(wrapped))
            if outputs is None:
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(id=request.id, properties=_outputs(kind, outputs), inputs=request.inputs)

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Remove a resource."""
        kind = _kind(request, context)
        with self.answering(request, context):
            kind.delete(self._call(request), _plain(request.properties), _plain(request.old_inputs))
            return empty_pb2.Empty()

    def unexpected(self, urn: str, error: Exception) -> str:
        """Only the type: messages of foreign exceptions may quote what they worked on, secrets that were just made included."""
        frames = "".join(traceback.format_tb(error.__traceback__))
        self.log.send(urn, Severity.DEBUG, f"{type(error).__name__} in the christmas provider:\n{frames}")
        return f"the christmas provider failed: {type(error).__name__}\n  next:  run again with `--debug` for the traceback"

    def _call(self, request: Any) -> Call:
        return Call(request.urn, lambda severity, message: self.log.send(request.urn, severity, message))


def _kind(request: Any, context: grpc.ServicerContext) -> ResourceKind:
    token = type_of(request.urn)
    kind = kind_of(token)
    if kind is None:
        abort(context, f"the christmas provider has no resource of type {token}", grpc.StatusCode.UNIMPLEMENTED)
    return kind


def _plain(message: struct_pb2.Struct) -> Values:
    values: Values = wire.reveal(wire.decode(message))
    return values


def _secrets(kind: ResourceKind, inputs: Values) -> set[str]:
    """The inputs that are secret by declaration, or in the program."""
    return wire.secret_names(inputs) | {name for name, declared in kind.inputs.items() if declared.secret}


def _outputs(kind: ResourceKind, outputs: Values) -> struct_pb2.Struct:
    return wire.encode(wire.marked({name: outputs.get(name, UNKNOWN) for name in kind.outputs}, kind.declared.secret_outputs))
