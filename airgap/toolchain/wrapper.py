"""`.venv/bin/pulumi`: runs the real Pulumi CLI, with this project's settings inside it, and without any change elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from airgap.toolchain.environment import project_root, pulumi_environment, with_refresh
from airgap.toolchain.locate import real_pulumi
from airgap.toolchain.locks import clear_dead_locks
from core.chosen_engine import LOCAL_SOCKET, chosen_engine
from core.errors import PlatformError

# Commands that touch no stack, so that they work with a lost passphrase.
_WITHOUT_STACK = {"version", "help", "completion", "gen-completion", "gen-markdown", "schema", "package", "plugin", "convert", "new"}
_ON_AN_ENGINE = {"up", "update", "preview", "pre", "refresh", "destroy", "watch"}


# Commands that take a stack's lock.
_LOCKING = {"up", "update", "destroy", "down", "dn", "refresh", "import", "watch", "state", "stack"}


def main() -> None:
    """Replace this process by the real CLI; returns only with an error message and exit code 1."""
    arguments = sys.argv[1:]
    try:
        pulumi = real_pulumi()
        environment = with_refresh(arguments, _environment(arguments))
        if _verb(arguments) in _LOCKING and project_root(working_directory(arguments)) is not None:
            for line in clear_dead_locks(environment.get("PULUMI_BACKEND_URL", "")):
                print(line, file=sys.stderr)
    except PlatformError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    _name_engine(arguments, environment)
    os.execve(pulumi, [str(pulumi), *arguments], environment)  # noqa: S606 - no shell is the point


def _environment(arguments: list[str]) -> dict[str, str]:
    root = project_root(working_directory(arguments))
    if root is None:
        return dict(os.environ)
    try:
        return pulumi_environment(root)
    except PlatformError:
        if needs_stack(arguments):
            raise
        return dict(os.environ)


def _name_engine(arguments: list[str], environment: dict[str, str]) -> None:
    """Print the Docker engine in use if it is not the machine's own; leave outputs and JSON alone."""
    engine = environment.get("DOCKER_HOST", "")
    if "CHRISTMAS_PYTHON" in environment and engine not in {"", LOCAL_SOCKET} and _verb(arguments) in _ON_AN_ENGINE:
        print(f"Docker engine: {chosen_engine()}", file=sys.stderr, flush=True)


def working_directory(arguments: list[str]) -> Path:
    """Return the folder that the CLI will work in: its -C or --cwd option, else the current one."""
    for position, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument in {"-C", "--cwd"} and position + 1 < len(arguments):
            return Path(arguments[position + 1])
        if argument.startswith("--cwd="):
            return Path(argument.removeprefix("--cwd="))
        if argument.startswith("-C") and len(argument) > 2:
            return Path(argument.removeprefix("-C").removeprefix("="))
    return Path.cwd()


def needs_stack(arguments: list[str]) -> bool:
    """Whether a command may touch stacks, as all but a few do; a bare `pulumi` and a request for help don't."""
    if not arguments or "--help" in arguments or "-h" in arguments or "--version" in arguments:
        return False
    return _verb(arguments) not in _WITHOUT_STACK


def _verb(arguments: list[str]) -> str:
    return next((argument for argument in arguments if not argument.startswith("-")), "")


if __name__ == "__main__":
    main()
