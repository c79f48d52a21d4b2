"""`python -m schedule.kept STACK`: the schedule as the keeper's child. It ends with its keeper."""

from __future__ import annotations

import sys

from core.errors import PlatformError
from infra import connections
from monitor import signs
from schedule.keeper import NOTHING_LEFT
from schedule.service import serve
from schedule.task import jobs_of


def main(stack: str) -> int:
    """Serve until stopped; returns `NOTHING_LEFT` if no work is left."""
    return 0 if serve(jobs_of(stack, connections.load), signs.folder_of(stack), tether=sys.stdin.buffer) else NOTHING_LEFT


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except PlatformError as error:
        sys.exit(str(error))
