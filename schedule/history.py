"""The history of a schedule: bounded files of JSON lines, one line for each run of all checks, and one for each delay."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from core.disk import write_whole
from monitor.result import CheckResult, Status, worst

# A run every fifteen minutes has about 100 bytes if all is well: 90 days are less than one MB.
_SHORTEN_AT, _KEPT_AT_MOST = 4_000_000, 2_000_000  # bytes
_END_BYTES = 256_000  # many times the length of the longest line


def append(path: Path, results: Sequence[CheckResult], now: datetime | None = None) -> None:
    """Add one run: its time, the worst status, the number of checks, and those that are not ok with their message."""
    now = now or datetime.now(UTC)
    line = {
        "at": now.isoformat(timespec="seconds"),
        "status": str(worst(results)),
        "checks": len(results),
        "not_ok": [
            {"name": result.name, "status": str(result.status), "message": result.message}
            for result in results
            if result.status is not Status.OK
        ],
    }
    add(path, line, now)


def add(path: Path, line: Mapping[str, Any], now: datetime) -> None:
    """Add a line that has `at`, a moment in ISO format. In a file that is too long, expired lines are dropped, or else its older half."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "rb+", buffering=0) as file:
        # The end of a line that a crash cut off, so that it does not spoil the next one.
        cut_off = file.seek(0, os.SEEK_END) > 0 and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n"
        file.write((("\n" if cut_off else "") + json.dumps(line, ensure_ascii=False) + "\n").encode())
    if path.stat().st_size > _SHORTEN_AT:
        oldest = (now - SCHEDULE_RULES.keep_history).isoformat(timespec="seconds")
        recent = [json.dumps(run, ensure_ascii=False) + "\n" for run in read(path) if run["at"] >= oldest]
        # A stack with weeks of problems has long lines: bound the file anyway.
        while len(recent) > 1 and sum(len(run.encode()) for run in recent) > _KEPT_AT_MOST:
            recent = recent[len(recent) // 2 :]
        write_whole(path, "".join(recent).encode())


def read(path: Path) -> list[dict[str, Any]]:
    """The runs, oldest first. A line that a crash cut off is left out."""
    runs = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            line_data = json.loads(line)
        except ValueError:
            continue
        if isinstance(line_data, dict) and "at" in line_data:
            runs.append(line_data)
    return runs


def last(path: Path) -> dict[str, Any] | None:
    """The newest run, or None. Reads only the end of the file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _END_BYTES))
            end = file.read()
    except OSError:
        return None
    for line in reversed(end.decode(errors="replace").splitlines()):
        try:
            run = json.loads(line)
        except ValueError:
            continue  # incomplete: cut off by a crash, or the first line of the part
        if isinstance(run, dict) and "at" in run:
            return run
    return None
