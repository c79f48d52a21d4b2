"""The tools of `make test` and `make lint`: the same with the same settings as in CI."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from core.progress import format_seconds

ROOT = Path(__file__).resolve().parents[2]
# Half of the time of collecting tests is compiling them; Python may be set not to keep the result.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_BIN = Path(sys.executable).parent
Tool = tuple[str, list[str]]


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


LINT: tuple[Tool, ...] = (
    ("ruff check", _python("ruff", "check", ".")),
    ("ruff format", _python("ruff", "format", "--check", ".")),
    ("imports between rooms", [str(_BIN / "lint-imports"), "--no-logo"]),
    ("unused code", _python("vulture")),
    ("names", _python("airgap.setup.vague_names")),
    ("workflows", [str(_BIN / "zizmor"), "--offline", "--quiet", ".github/workflows"]),
)
# It takes a quarter of a minute; the tests also check the revisions' SQL.
SQL: Tool = ("SQL", _python("invoke", "migrate.lint"))
TYPES: Tool = ("mypy", _python("mypy", "."))


def lint() -> int:
    """Run the linters and the type checker; return the first exit code that is not 0."""
    return _run_all((*LINT, SQL, TYPES))


def test(arguments: list[str]) -> int:
    """Run linters, types and the non-exhaustive tests, or those that the arguments choose; return the first exit code that is not 0."""
    return _run_tests(["-m", "not exhaustive", *arguments])


def test_all(arguments: list[str]) -> int:
    """Run linters, types and every test; return the first exit code that is not 0."""
    return _run_tests(arguments)


def mutants(arguments: list[str]) -> int:
    """Try the unit tests of the pure files on mutants; return the exit code."""
    return subprocess.run(_python("tests.mutants", *arguments), cwd=ROOT, check=False).returncode


def _run_tests(arguments: list[str]) -> int:
    failed = _run_all(LINT)
    if failed:
        return failed
    # Check the types in parallel: most tests wait for servers.
    started = time.monotonic()
    name, command = TYPES
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as types:
        try:
            failed = _run_all((("pytest", _python("pytest", *arguments)),))
            output, _ = types.communicate()
        except BaseException:
            types.terminate()
            raise
    outcome = "passed" if types.returncode == 0 else "failed"
    print(f"{output}── {name}: {outcome}, {format_seconds(time.monotonic() - started)} after its start", flush=True)
    return failed or types.returncode


def _run_all(tools: tuple[Tool, ...]) -> int:
    for name, command in tools:
        started = time.monotonic()
        print(f"── {name}", flush=True)
        code = subprocess.run(command, cwd=ROOT, env=_ENVIRONMENT, check=False).returncode
        print(f"── {name}: {'passed' if code == 0 else 'failed'} in {format_seconds(time.monotonic() - started)}", flush=True)
        if code != 0:
            return code
    return 0
