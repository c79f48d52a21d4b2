"""Answers for `pulumi install` and `pulumi about`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airgap.toolchain.child import Children, stream_output
from airgap.toolchain.python_runtime import OptionError, PythonRuntime


@dataclass(frozen=True)
class About:
    """The interpreter of a program."""

    executable: str
    version: str
    metadata: dict[str, str]


def about(runtime: PythonRuntime) -> About:
    """Ask the interpreter for its path and version. Raises OptionError if it doesn't run."""
    program = "import json, platform, sys; print(json.dumps([sys.executable, platform.python_version()]))"
    executable, version = json.loads(_output(runtime, "-c", program))
    pip = _output(runtime, "-m", "pip", "--version").split()
    return About(executable, version, {"toolchain": "Pip", "toolchainVersion": pip[1] if len(pip) > 1 else "unknown"})


def program_dependencies(runtime: PythonRuntime, *, transitive: bool) -> list[tuple[str, str]]:
    """Return (name, version) of the installed packages; without `transitive` only of those that no other one needs."""
    listing = _output(runtime, "-m", "pip", "list", "--format", "json", *([] if transitive else ["--not-required"]))
    return [(entry["name"].lower().replace("_", "-").replace(".", "-"), entry["version"]) for entry in json.loads(listing)]


def install(runtime: PythonRuntime, folder: Path, children: Children) -> Iterator[tuple[str, bytes]]:
    """Make a missing virtual environment and install `requirements.txt` of `folder` if there is one.

    Yields output as `stream_output` does. An existing environment stays unchanged, so that a locked one stays as locked.
    Raises OptionError if a command fails.
    """
    if runtime.virtualenv is not None and not runtime.python.is_file():
        yield "stdout", f"Creating virtual environment {runtime.virtualenv} ...\n".encode()
        yield from _run(runtime, folder, children, sys.executable, "-m", "venv", str(runtime.virtualenv))
    requirements = folder / "requirements.txt"
    if not requirements.is_file():
        yield "stdout", f"No requirements.txt in {folder}: nothing to install.\n".encode()
        return
    yield "stdout", f"Installing {requirements} ...\n".encode()
    yield from _run(runtime, folder, children, str(runtime.python), "-m", "pip", "install", "--requirement", str(requirements))


def _run(runtime: PythonRuntime, folder: Path, children: Children, *command: str) -> Iterator[tuple[str, bytes]]:
    with children.started(command, runtime.environment, folder, piped=True) as process:
        yield from stream_output(process)
        if process.wait() != 0:
            raise OptionError(f"`{' '.join(command)}` failed with exit code {process.returncode}; its output is above.")


def _output(runtime: PythonRuntime, *arguments: str) -> str:
    outcome = subprocess.run([runtime.python, *arguments], env=runtime.environment, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise OptionError(f"{runtime.python} failed: {(outcome.stderr.strip().splitlines() or ['no message'])[-1]}")
    return outcome.stdout
