"""The plugin's gRPC service: Pulumi's ResourceProvider on top of this provider's kinds."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from core.errors import PlatformError
from infra.provider import VERSION
from infra.provider.kind import Call, Log, PartialFailureError, ResourceKind, Values
from infra.provider.registry import kind_of
from infra.provider.values import UNKNOWN, Properties, decode, encode, has_unknown

_SEVERITY = {Log.DEBUG: engine_pb2.DEBUG, Log.INFO: engine_pb2.INFO, Log.WARNING: engine_pb2.WARNING}


class EngineLog:
    """Writes to the log of the engine that started this plugin."""

    def __init__(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None

    def __call__(self, urn: str, severity: Log, message: str) -> None:
        """Log a message about a resource; ignores an engine that has ended."""
        if self._engine is None:
            return
        try:
            self._engine.Log(engine_pb2.LogRequest(severity=_SEVERITY[severity], message=message, urn=urn), timeout=5)
        except grpc.RpcError:
            return


class _PartlyFailedError(Exception):
    """A failure with the state that it left, encoded for the engine."""

    def __init__(self, message: str, details: bytes) -> None:
        super().__init__(message)
        self.details = details


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


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves every kind in the registry. Requests come on several threads in parallel."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log

    # Handshake and configuration: there is none.

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002, D102 - the service's names, here and below
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002, D102
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002, D102
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002, D102
        return provider_pb2.GetSchemaResponse(schema=f'{{"name":"christmas","version":"{VERSION}"}}')

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002, D102
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002, D102
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802, D102, ARG002
        self._log = EngineLog(request.address)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002, D102
        # Every operation is short and repeatable: running ones end by themselves.
        return empty_pb2.Empty()

    # The resources.

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        kind, _, answer = self._begin(request, context)

        def run() -> Any:
            news = decode(request.news)
            checked, problems = kind.check(news.values)
            secrets = news.secrets | {name for name, declared in kind.inputs.items() if declared.secret}
            return provider_pb2.CheckResponse(
                inputs=encode(checked, secrets), failures=[provider_pb2.CheckFailure(reason=problem) for problem in problems]
            )

        return answer(run)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        kind, _, answer = self._begin(request, context)

        def run() -> Any:
            state, old, new = decode(request.olds).values, decode(request.old_inputs).values, decode(request.news).values
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

        return answer(run)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        kind, call, answer = self._begin(request, context)

        def run() -> Any:
            inputs = decode(request.properties)
            if request.preview or has_unknown(inputs.values):
                outputs = kind.planned(None, frozenset(inputs.values), inputs.values)
                return provider_pb2.CreateResponse(id="", properties=self._outputs(kind, outputs))
            identity, outputs = kind.create(call, inputs.values)
            return provider_pb2.CreateResponse(id=identity, properties=self._outputs(kind, outputs))

        return answer(run)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        kind, call, answer = self._begin(request, context)

        def run() -> Any:
            state, old, new = decode(request.olds).values, decode(request.old_inputs).values, decode(request.news)
            if request.preview or has_unknown(new.values):
                changed = frozenset(differences(kind, state, old, new.values))
                outputs = kind.planned(state, changed, new.values)
            else:
                try:
                    outputs = kind.update(call, state, old, new.values)
                except PartialFailureError as partial:
                    raise self._partly_failed(kind, request.id, partial, new) from None
            return provider_pb2.UpdateResponse(properties=self._outputs(kind, outputs))

        return answer(run)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        kind, call, answer = self._begin(request, context)

        def run() -> Any:
            inputs = decode(request.inputs)
            if not inputs.values and not request.properties.fields:
                raise PlatformError(
                    what=f"a {kind.name} can't be imported",
                    where=request.id,
                    next_step="declare it in the program: `pulumi up` takes over an existing one",
                )
            outputs = kind.read(call, decode(request.properties).values, inputs.values)
            if outputs is None:
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(id=request.id, properties=self._outputs(kind, outputs), inputs=request.inputs)

        return answer(run)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        kind, call, answer = self._begin(request, context)

        def run() -> Any:
            kind.delete(call, decode(request.properties).values, decode(request.old_inputs).values)
            return empty_pb2.Empty()

        return answer(run)

    @staticmethod
    def _outputs(kind: ResourceKind, outputs: Values) -> Any:
        return encode({name: outputs.get(name, UNKNOWN) for name in kind.outputs}, kind.secret_outputs)

    def _begin(self, request: Any, context: Any) -> tuple[ResourceKind, Call, Callable[[Callable[[], Any]], Any]]:
        """The kind and the call, and a runner that turns any failure into one readable message for the engine."""
        call = Call(request.urn, lambda severity, message: self._log(request.urn, severity, message))

        def answer(run: Callable[[], Any]) -> Any:
            try:
                return run()
            except PlatformError as error:
                context.abort(grpc.StatusCode.UNKNOWN, str(error))
            except _PartlyFailedError as error:
                context.set_trailing_metadata((("grpc-status-details-bin", error.details),))
                context.abort(grpc.StatusCode.UNKNOWN, str(error))
            except Exception as error:
                # Messages of foreign exceptions may quote their input, secrets included: report only the type.
                frames = "".join(traceback.format_tb(error.__traceback__))
                call.log(Log.DEBUG, f"{type(error).__name__} in the christmas provider:\n{frames}")
                context.abort(
                    grpc.StatusCode.UNKNOWN,
                    f"the christmas provider failed: {type(error).__name__}\n  next:  run again with `--debug` for the traceback",
                )

        kind = kind_of(request.urn.split("::")[2].rsplit("$", 1)[-1])
        if kind is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the christmas provider has no resource of type {request.urn.split('::')[2]}")
            raise AssertionError  # abort raises, but its type doesn't say so
        return kind, call, answer

    def _partly_failed(self, kind: ResourceKind, identity: str, partial: PartialFailureError, inputs: Properties) -> _PartlyFailedError:
        secrets = inputs.secrets | {name for name, declared in kind.inputs.items() if declared.secret}
        detail = any_pb2.Any()
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=identity, properties=self._outputs(kind, partial.outputs), reasons=[str(partial)], inputs=encode(inputs.values, secrets)
            )
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(partial), details=[detail])
        return _PartlyFailedError(str(partial), status.SerializeToString())


def serve(engine: str, stop: threading.Event) -> None:
    """Serve the provider until `stop` is set; prints its port, as the engine expects."""
    engine_process = os.getppid()  # read before printing the port: the engine may be killed at any time after that
    # A refresh reads all resources in parallel, and mostly waits for Docker.
    server = grpc.server(ThreadPoolExecutor(32), options=[("grpc.max_receive_message_length", 400 * 1024 * 1024)])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(EngineLog(engine)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # A killed engine can't say goodbye.
    while not stop.wait(2) and os.getppid() == engine_process:
        pass
    server.stop(grace=None).wait(2)
