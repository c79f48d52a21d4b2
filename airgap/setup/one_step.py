"""`python -m airgap.setup.one_step NAME [--debug]`: one step of `machine_steps` in its own process. Standard library only."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Sequence

from airgap.setup.steps import machine_steps
from core.beside import OUTCOME
from core.progress import PlainProgress
from core.runner import INTERRUPTED, report_failure


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named step and print its outcome; return its exit code."""
    name, *rest = sys.argv[1:] if arguments is None else arguments
    step = next(step for step in machine_steps() if step.name == name)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        outcome = step.run(PlainProgress(name, sys.stdout)) or ""
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        return report_failure(error, doing=f"{step.name} ({step.why})", again="make up", debug="--debug" in rest, stream=sys.stdout)
    print(f"{OUTCOME}{_processor_seconds():.1f} {outcome}", flush=True)
    return 0


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
