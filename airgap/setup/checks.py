"""What `make test` and `make lint` run: the same tools with the same settings as CI."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from airgap.setup.progress import format_seconds

ROOT = Path(__file__).resolve().parents[2]

LINT = (("ruff check", ["ruff", "check", "."]), ("ruff format", ["ruff", "format", "--check", "."]), ("mypy", ["mypy", "."]))


def lint() -> int:
    """Run the linters and the type checker; return the first exit code that is not 0."""
    return _run_all(LINT)


def test(arguments: list[str]) -> int:
    """Run the linters, then the tests that are not exhaustive or those that the arguments choose; return the first exit code but 0."""
    return _run_all((*LINT, ("pytest", ["pytest", "-m", "not exhaustive", *arguments])))


def test_all(arguments: list[str]) -> int:
    """Run the linters, then every test; return the first exit code that is not 0."""
    return _run_all((*LINT, ("pytest", ["pytest", *arguments])))


def _run_all(tools: tuple[tuple[str, list[str]], ...]) -> int:
    for name, (tool, *arguments) in tools:
        started = time.monotonic()
        print(f"── {name}", flush=True)
        code = subprocess.run([sys.executable, "-m", tool, *arguments], cwd=ROOT, check=False).returncode
        print(f"── {name}: {'passed' if code == 0 else 'failed'} in {format_seconds(time.monotonic() - started)}", flush=True)
        if code != 0:
            return code
    return 0
