"""The Python language host: the service with which the Pulumi engine runs programs and policy packs in Python.

The engine starts it as `pulumi-language-python [OPTIONS] ENGINE_ADDRESS`; it prints its port and serves until it is stopped.
It replaces the official host of the same name if that can't be downloaded, and behaves like it.
"""

from __future__ import annotations

import signal

# Until the handlers below are set, an interrupt ends the process silently instead of with a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import os  # noqa: E402
import stat  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from collections.abc import Iterator, Mapping  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from pathlib import Path  # noqa: E402

from airgap.toolchain import protocol as p  # noqa: E402
from airgap.toolchain.child import Children, end, stream_output  # noqa: E402
from airgap.toolchain.dependencies import about, install, program_dependencies  # noqa: E402
from airgap.toolchain.locate import CLI_VERSION, built_folder, version_text  # noqa: E402
from airgap.toolchain.python_runtime import (  # noqa: E402
    SHOWN_TO_USER,
    OptionError,
    Program,
    PythonRuntime,
    plugin_command,
    required_plugins,
)

_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class LanguageHost(p.LanguageRuntimeServicer):
    """Serves the calls behind `up`, `preview`, `refresh`, `destroy`, `about`, `install` and `--policy-pack`.

    Everything else (`pulumi convert`, `package add`: code generation) returns UNIMPLEMENTED, as usual in gRPC.
    """

    def __init__(self, engine: str, tracing: str, executor: Path, children: Children) -> None:
        self._engine = engine
        self._tracing = tracing
        self._executor = executor
        self._children = children

    def Handshake(self, request: p.LanguageHandshakeRequest, context: p.Context) -> p.LanguageHandshakeResponse:  # noqa: ARG002, N802, D102
        return p.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: p.Empty, context: p.Context) -> p.PluginInfo:  # noqa: ARG002, N802, D102
        return p.PluginInfo(version=version_text(CLI_VERSION).removeprefix("v"))

    def GetRequiredPackages(self, request: p.GetRequiredPackagesRequest, context: p.Context) -> p.GetRequiredPackagesResponse:  # noqa: N802
        """Return the plugins that the program's installed SDKs need."""
        runtime = _runtime(request.info, context)
        plugins = required_plugins(runtime.site_packages())
        packages = [p.PackageDependency(name=one.name, kind="resource", version=one.version, server=one.server) for one in plugins]
        return p.GetRequiredPackagesResponse(packages=packages)

    def GetRequiredPlugins(self, request: p.GetRequiredPluginsRequest, context: p.Context) -> p.GetRequiredPluginsResponse:  # noqa: N802
        """The same as `GetRequiredPackages`, for older engines."""
        runtime = _runtime(request.info, context)
        plugins = required_plugins(runtime.site_packages())
        return p.GetRequiredPluginsResponse(
            plugins=[p.PluginDependency(name=one.name, kind="resource", version=one.version, server=one.server) for one in plugins]
        )

    def Run(self, request: p.RunRequest, context: p.Context) -> p.RunResponse:  # noqa: N802
        """Run the program to its end. Its output goes straight to our own, which the engine shows."""
        runtime = _runtime(request.info, context)
        if request.attach_debugger:
            context.abort(p.StatusCode.UNIMPLEMENTED, "this language host attaches no debugger; use the official one")
        program = Program(
            entry_point=Path(request.info.program_directory, request.info.entry_point),
            arguments=tuple(request.args),
            settings={
                "monitor": request.monitor_address,
                "engine": self._engine,
                "project": request.project,
                "stack": request.stack,
                "pwd": request.pwd,
                "dry_run": "true" if request.dryRun else "false",
                "parallel": str(request.parallel),
                "tracing": self._tracing,
                "organization": request.organization,
                "root_directory": request.info.root_directory,
            },
            config=dict(request.config),
            secret_keys=tuple(request.configSecretKeys),
        )
        try:
            runtime.require()
            if runtime.type_checker:
                check = (str(runtime.python), "-m", runtime.type_checker, request.info.program_directory)
                if self._wait(check, runtime.environment, Path(request.pwd), context) != 0:
                    return p.RunResponse(error=f"type checking with {runtime.type_checker} failed")
            command = program.command(runtime.python, self._executor)
            code = self._wait(command, program.environment(runtime.environment), Path(request.pwd), context)
        except (OSError, OptionError) as error:
            return p.RunResponse(error=str(error))
        if code == SHOWN_TO_USER:
            return p.RunResponse(bail=True)
        return p.RunResponse(error=_describe_exit(code) if code else "")

    def RunPlugin(self, request: p.RunPluginRequest, context: p.Context) -> Iterator[p.RunPluginResponse]:  # noqa: N802
        """Run a policy pack or another plugin written in Python, streaming its output, then its exit code."""
        requested = {**os.environ, **dict(entry.split("=", 1) for entry in request.env if "=" in entry)}
        runtime = _runtime(request.info, context, requested)
        folder = Path(request.info.program_directory)
        command = plugin_command(request.kind, runtime.python, folder, tuple(request.args))
        try:
            runtime.require()
            working = folder if request.kind == "analyzer" else Path(request.pwd)
            with self._children.started(command, runtime.environment, working, piped=True) as process:
                _end_with_call(process, context)  # the engine ends a plugin in this way
                for name, chunk in stream_output(process):
                    yield p.RunPluginResponse(stdout=chunk) if name == "stdout" else p.RunPluginResponse(stderr=chunk)
                yield p.RunPluginResponse(exitcode=process.wait())
        except (OSError, OptionError) as error:
            context.abort(p.StatusCode.FAILED_PRECONDITION, str(error))

    def InstallDependencies(self, request: p.InstallDependenciesRequest, context: p.Context) -> Iterator[p.InstallDependenciesResponse]:  # noqa: N802
        """Make a missing virtual environment and install `requirements.txt` if there is one."""
        runtime = _runtime(request.info, context)
        folder = Path(request.info.program_directory or request.directory)
        try:
            for name, chunk in install(runtime, folder, self._children):
                yield p.InstallDependenciesResponse(stdout=chunk) if name == "stdout" else p.InstallDependenciesResponse(stderr=chunk)
        except (OSError, OptionError) as error:
            context.abort(p.StatusCode.FAILED_PRECONDITION, str(error))

    def About(self, request: p.AboutRequest, context: p.Context) -> p.AboutResponse:  # noqa: N802
        """Return the interpreter that runs the program."""
        runtime = _runtime(request.info, context)
        try:
            runtime.require()
            info = about(runtime)
        except (OSError, OptionError) as error:
            context.abort(p.StatusCode.FAILED_PRECONDITION, str(error))
        return p.AboutResponse(executable=info.executable, version=info.version, metadata=info.metadata)

    def GetProgramDependencies(  # noqa: N802
        self, request: p.GetProgramDependenciesRequest, context: p.Context
    ) -> p.GetProgramDependenciesResponse:
        """List the installed packages; without `transitiveDependencies` only those that no other one needs."""
        runtime = _runtime(request.info, context)
        try:
            runtime.require()
            dependencies = program_dependencies(runtime, transitive=request.transitiveDependencies)
        except (OSError, OptionError) as error:
            context.abort(p.StatusCode.FAILED_PRECONDITION, str(error))
        return p.GetProgramDependenciesResponse(
            dependencies=[p.DependencyInfo(name=name, version=version) for name, version in dependencies]
        )

    def RuntimeOptionsPrompts(self, request: p.RuntimeOptionsRequest, context: p.Context) -> p.RuntimeOptionsResponse:  # noqa: ARG002, N802, D102
        return p.RuntimeOptionsResponse()  # only pip in a virtual environment is supported, so there is nothing to ask

    def Template(self, request: p.TemplateRequest, context: p.Context) -> p.TemplateResponse:  # noqa: ARG002, N802, D102
        return p.TemplateResponse()  # a template with requirements.txt is complete

    def Cancel(self, request: p.Empty, context: p.Context) -> p.Empty:  # noqa: ARG002, N802
        """End all running work; its calls then return."""
        self._children.end_all()
        return p.Empty()

    def _wait(self, command: tuple[str, ...], environment: Mapping[str, str], folder: Path, context: p.Context) -> int:
        with self._children.started(command, environment, folder) as process:
            _end_with_call(process, context)
            return process.wait()


def _end_with_call(process: subprocess.Popen[bytes], context: p.Context) -> None:
    """End the process if the call ends first, without blocking gRPC's own thread."""

    def end_aside() -> None:
        threading.Thread(target=end, args=(process,), daemon=True).start()

    if not context.add_callback(end_aside):
        end_aside()


def _runtime(info: p.ProgramInfo, context: p.Context, environment: dict[str, str] | None = None) -> PythonRuntime:
    try:
        return PythonRuntime.from_options(Path(info.root_directory), p.as_mapping(info.options), environment or dict(os.environ))
    except OptionError as error:
        context.abort(p.StatusCode.INVALID_ARGUMENT, str(error))
        raise


def _describe_exit(code: int) -> str:
    if code < 0:
        return f"Program was ended by {signal.Signals(-code).name}"
    return f"Program exited with non-zero exit code: {code}"


def parse_arguments(arguments: list[str]) -> tuple[str, str]:
    """Return the engine's address, which comes last, and the tracing endpoint, or "" without one."""
    tracing = ""
    for position, argument in enumerate(arguments):
        if argument == "--tracing" and position + 1 < len(arguments):
            tracing = arguments[position + 1]
        elif argument.startswith("--tracing="):
            tracing = argument.removeprefix("--tracing=")
    engine = arguments[-1] if arguments and not arguments[-1].startswith("-") else ""
    return engine, tracing


def _find_executor() -> Path:
    return Path(os.environ.get("PULUMI_LANGUAGE_PYTHON_EXEC") or built_folder() / "bin" / "pulumi-language-python-exec")


def _watch_engine(ending: threading.Event) -> None:
    """End when the engine ends, for any reason: it holds the other end of our standard input."""
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        while os.read(0, 4096):
            pass
        ending.set()


def main() -> None:
    """Serve until SIGINT, SIGTERM or the end of the engine."""
    engine, tracing = parse_arguments(sys.argv[1:])
    if not engine:
        sys.exit("error: pulumi-language-python is started by the Pulumi CLI, with the address of its engine; run `pulumi` instead")
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    children = Children()
    server = p.server(ThreadPoolExecutor(max_workers=32), options=_UNLIMITED)
    p.add_LanguageRuntimeServicer_to_server(LanguageHost(engine, tracing, _find_executor(), children), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    threading.Thread(target=_watch_engine, args=(ending,), daemon=True).start()
    ending.wait()
    children.end_all(close=True)
    server.stop(grace=None)
    # Threads of interrupted calls may still be unwinding; nothing they do matters any more.
    os._exit(0)


if __name__ == "__main__":
    main()
