"""One backup task in a process of its own, so that its memory can be told: `python -m bench.backup_task VERB PLATFORM FOLDER KIND`."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from backup.sets.model import Logical
from core.progress import PlainProgress
from core.yielding import yield_processor
from infra.connections import ROOT, Platform


@dataclass(frozen=True, slots=True)
class Done:
    """What a task took: seconds without the interpreter's start, its processor seconds, its memory's peak in MB, and its result."""

    seconds: float
    processor: float
    peak_mb: float
    result: dict[str, Any]
    span: tuple[float, float]


def run(verb: str, stored: Path, folder: Path, kind: str = "") -> Done:
    """Run a task and wait for it. `span` is in this machine's monotonic time.

    Raises CalledProcessError where it fails.
    """
    line = [sys.executable, "-m", __name__, verb, str(stored), str(folder), kind]
    done = subprocess.run(line, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, start_new_session=True)
    measured = json.loads(done.stdout)
    return Done(measured["seconds"], measured["processor"], measured["peak_mb"], measured["result"], (measured["began"], measured["ended"]))


def store(platform: Platform, path: Path) -> Path:
    """Put a platform into a file that only this user can read."""
    path.touch(0o600)
    path.write_bytes(pickle.dumps({field.name: getattr(platform, field.name) for field in fields(Platform)}))
    return path


def _peak_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def _make(platform: Platform, folder: Path, kind: Any, stores: Sequence[str] | None = None, logical: Logical = "live") -> dict[str, Any]:
    from backup.make import make

    manifest = make(platform, kind=kind, stores=stores, folder=folder, progress=PlainProgress("backup", sys.stderr), logical=logical)
    if manifest is None:
        raise RuntimeError("no set was made")
    parts = {store: {"seconds": part.duration.total_seconds(), "bytes": part.total_bytes} for store, part in manifest.parts.items()}
    kinds = {"log": 0, "physical": 0, "own": 0}
    for record in manifest.files:
        kinds["own" if record.place == "set" else "log" if record.path.startswith("archive/") else "physical"] += record.size
    return {"id": manifest.id, "bytes": manifest.total_bytes, "kinds": kinds, "parts": parts}


def _make_as_scheduled(platform: Platform, folder: Path, kind: Any) -> dict[str, Any]:
    """Its logical backup is left to a drill."""
    return _make(platform, folder, kind, logical="copy")


def _make_postgres(platform: Platform, folder: Path, kind: Any) -> dict[str, Any]:
    """PostgreSQL alone, as the schedule makes it."""
    return _make(platform, folder, kind, ["postgres"], "copy")


def _drill(platform: Platform, folder: Path, set_id: str) -> dict[str, Any]:
    from backup.drill import drill

    report = drill(platform, set_id or None, folder=folder, progress=PlainProgress("drill", sys.stderr))
    failed = [f"{proof.name}: {proof.message}" for proof in report.proofs if not proof.passed]
    if not report.passed:
        raise RuntimeError(f"the drill failed: {report.failure or failed}")
    return {"stores": {name: asdict(timing) for name, timing in report.stores.items()}, "restore_seconds": report.restore_seconds}


def _verify(platform: Platform, folder: Path, set_id: str) -> dict[str, Any]:
    from backup.verify import verify

    verdicts = verify(platform, set_id or None, folder=folder)
    if not all(verdict.good for verdict in verdicts):
        raise RuntimeError(f"a set is no good: {[verdict.faults for verdict in verdicts]}")
    return {"sets": len(verdicts)}


_VERBS: dict[str, Callable[[Platform, Path, str], dict[str, Any]]] = {
    "make": _make,
    "make-as-scheduled": _make_as_scheduled,
    "make-postgres": _make_postgres,
    "drill": _drill,
    "verify": _verify,
}


def _main(verb: str, stored: str, folder: str, kind: str) -> None:
    platform = Platform(**pickle.loads(Path(stored).read_bytes()))  # noqa: S301 - written by `store`, for this user alone
    # As under the scheduler: a session of its own, which leaves the processor to others.
    yield_processor()
    began = time.monotonic()
    result = _VERBS[verb](platform, Path(folder), kind)
    ended = time.monotonic()
    processor = sum(os.times()[:4])
    print(
        json.dumps(
            {"seconds": ended - began, "processor": processor, "peak_mb": _peak_mb(), "result": result, "began": began, "ended": ended}
        )
    )


if __name__ == "__main__":
    _main(*sys.argv[1:])
