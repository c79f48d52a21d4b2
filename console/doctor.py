"""Diagnoses this machine: what is missing, and the command that fixes it. `python3 -m console.doctor` needs only Python, before `make up`.

Standard library only; changes nothing. Each line has the status of a check.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from console.engine import Unasked
from core.aside import Late, gather
from core.errors import PlatformError
from core.terminal import json_text
from monitor import render
from monitor.result import CheckResult, Finding, critical, exit_code, unknown

ROOT = Path(__file__).resolve().parents[1]
_SECONDS = 8.0
_DEFAULT_STACK = "dev"

Look = Callable[[], Finding]


def looks(stack: str) -> Mapping[str, Look]:
    """All looks by name, in display order."""
    from console import doctor_docker, doctor_machine, doctor_stack

    return {
        "machine.python": doctor_machine.python,
        "machine.environment": partial(doctor_machine.environment, ROOT),
        "machine.processors": doctor_machine.processors,
        "machine.memory": partial(doctor_machine.memory, stack),
        "machine.disk": partial(doctor_machine.disk, stack, ROOT),
        "machine.clock": partial(doctor_machine.clock, ROOT),
        "machine.proxies": doctor_machine.proxies,
        "docker.engine": doctor_docker.engine,
        "docker.client": doctor_docker.client,
        "docker.credentials": doctor_docker.credentials,
        "docker.limits": doctor_docker.limits,
        "docker.images": doctor_docker.images,
        "docker.stacks": partial(doctor_docker.stacks, stack),
        "docker.leftovers": doctor_docker.leftovers,
        "pulumi.cli": doctor_stack.cli,
        "pulumi.passphrase": partial(doctor_stack.passphrase, ROOT),
        "pulumi.locks": partial(doctor_stack.locks, ROOT),
        "stack.name": partial(doctor_stack.name, stack),
        "stack.owner": partial(doctor_stack.owner, stack, ROOT),
        "stack.ports": partial(doctor_stack.ports, stack, ROOT),
        "stack.restore": partial(doctor_stack.restore, stack, ROOT),
    }


def examine(stack: str, *, seconds: float = _SECONDS) -> list[CheckResult]:
    """Run all looks at the same time; one that fails or is too slow is unknown, and delays no other."""
    started = datetime.now(UTC)
    findings = gather(looks(stack), seconds)
    took = (datetime.now(UTC) - started).total_seconds()
    return [_result(name, answer, took) for name, answer in findings.items()]


def _result(name: str, answer: object, took: float) -> CheckResult:
    if isinstance(answer, PlatformError):
        finding = critical(f"{answer.what} ({answer.where})" if answer.where else answer.what, answer.next_step)
    elif isinstance(answer, Finding):
        finding = answer
    elif isinstance(answer, Late):
        finding = unknown(str(answer), "run it again when the machine is less busy")
    elif isinstance(answer, OSError | Unasked) and name.startswith(("docker.", "stack.")):
        finding = unknown(f"the Docker engine could not be asked: {answer}", "see docker.engine")
    else:
        finding = unknown(f"could not be checked: {type(answer).__name__}: {answer}", "make doctor ARGS=--debug shows where")
    return CheckResult(
        name=name,
        status=finding.status,
        message=finding.message,
        next_step=finding.next_step,
        value=finding.value,
        unit=finding.unit,
        seconds=took,
        warn_from=finding.warn_from,
        critical_from=finding.critical_from,
    )


def run(stack: str = "", *, as_json: bool = False) -> int:
    """Print the results; return the exit code: 0 ok, 1 warning, 2 critical, 3 unknown."""
    name = stack or os.environ.get("CHRISTMAS_STACK") or os.environ.get("PULUMI_STACK") or _DEFAULT_STACK
    results = examine(name)
    print(json_text(render.as_document(name, results))) if as_json else render.show(name, results)
    return exit_code(results)


def main(arguments: list[str] | None = None) -> int:
    """`make doctor`."""
    parser = argparse.ArgumentParser(prog="make doctor", description=__doc__)
    parser.add_argument("--stack", default="", help="stack name; else CHRISTMAS_STACK, else dev")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a list")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    options = parser.parse_args(arguments)
    if options.debug:
        from traceback import print_exception

        for answer in gather(looks(options.stack or _DEFAULT_STACK), _SECONDS).values():
            if isinstance(answer, Exception):
                print_exception(answer)
    return run(options.stack, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
