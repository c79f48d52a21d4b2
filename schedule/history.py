"""The history of checks: one JSON line for each run of all of them, kept as long as the blueprint says."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backup.files import write_atomically
from blueprint.rules import SCHEDULE_RULES
from monitor.result import CheckResult, Status, worst

# A run of fifteen minutes' distance has about 100 bytes where all is well: 90 days are less than one MB.
_SHORTEN_AT = 4_000_000  # bytes


def append(path: Path, results: Sequence[CheckResult], now: datetime | None = None) -> None:
    """Add one run: its time, the worst status, how many checks, and those that are not ok with what they found."""
    now = now or datetime.now(UTC)
    line = {
        "at": now.isoformat(timespec="seconds"),
        "status": str(worst(results)),
        "checks": len(results),
        "not_ok": [
            {"name": each.name, "status": str(each.status), "message": each.message} for each in results if each.status is not Status.OK
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
    if path.stat().st_size > _SHORTEN_AT:
        oldest = (now - SCHEDULE_RULES.keep_history).isoformat(timespec="seconds")
        kept = [each for each in read(path) if each["at"] >= oldest]
        write_atomically(path, "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in kept).encode())


def read(path: Path) -> list[dict[str, Any]]:
    """The runs, oldest first. A line that a crash cut off is left out."""
    runs = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and "at" in told:
            runs.append(told)
    return runs
