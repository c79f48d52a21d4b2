"""`python -m commands.make_targets COMMAND`: what the Makefile's targets do once there is a virtual environment."""

from __future__ import annotations

import argparse
import signal
import sys

from airgap.setup import checks
from core.runner import INTERRUPTED, report_failure, run_steps


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options, rest = _parser().parse_known_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(options, rest)
    except KeyboardInterrupt:
        print(f"\nInterrupted; `make {options.command}` starts it again.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        return report_failure(error, doing=f"make {options.command}", debug=options.debug)


def _run(options: argparse.Namespace, rest: list[str]) -> int:
    tests = {"test": checks.test, "test-all": checks.test_all, "mutants": checks.mutants}
    if rest and options.command not in tests:
        _parser().error(f"unknown option: {' '.join(rest)}")
    if options.command == "up":
        from commands.bring_up import refuse_early, up_steps

        refuse_early()
        return run_steps(up_steps(), debug=options.debug)
    if options.command == "machine":
        from airgap.setup.steps import machine_steps

        return run_steps(machine_steps(), again="make machine", debug=options.debug)
    if options.command == "docs":
        from commands.site.build import make

        return make(debug=options.debug)
    if options.command == "clean-tests":
        from airgap.setup.leftovers import remove_leftovers

        print("\n".join(remove_leftovers()) or "Nothing of tests is left.")
        return 0
    return tests[options.command](rest) if options.command in tests else checks.lint()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make", description=__doc__)
    parser.add_argument("command", choices=["up", "machine", "test", "test-all", "lint", "docs", "mutants", "clean-tests"])
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
