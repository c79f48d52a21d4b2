"""Threads that begin with different parts of Docker's SDK see one another's half imported; `load` leaves nothing to import."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
ROOMS = ("airgap", "backup", "core", "infra", "monitor", "schedule", "security")


def parts() -> set[str]:
    """The modules of the SDK that this project imports anywhere."""
    found: set[str] = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            found |= set(re.findall(r"^\s*(?:from|import) (docker(?:\.\w+)*)\b", path.read_text("utf-8"), re.MULTILINE))
    return found


def test_every_part_that_is_used_is_there_afterwards() -> None:
    assert {"docker", "docker.errors", "docker.types"} <= parts()
    program = f"import sys; from core import docker_client; docker_client.load(); print(sorted({parts()!r} - set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_threads_that_begin_at_the_same_time_import_everything() -> None:
    program = f"""
import importlib, threading
from core import docker_client
docker_client.load()
start, errors = threading.Barrier({len(parts())}), []
def work(name):
    start.wait()
    try:
        importlib.import_module(name)
    except ImportError as error:
        errors.append(error)
threads = [threading.Thread(target=work, args=(name,)) for name in {sorted(parts())!r}]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not errors, errors
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
