"""A backup or a check leaves the processor to others where it has a session to itself, and leaves other people's sessions as they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.yielding import NICE

SCRIPT = """
import os, pathlib
from core.yielding import yield_processor
group = pathlib.Path("/proc/self/autogroup")
print(yield_processor(), os.nice(0), group.read_text().split()[-1] if group.exists() else "none")
"""


@pytest.mark.parametrize("own_session", [True, False])
def test_only_a_session_of_its_own_is_told_to_wait(own_session: bool) -> None:
    # A session that is new, whoever's this one is; the shell is its first process in the second case.
    line = [sys.executable, "-c", SCRIPT] if own_session else ["sh", "-c", '"$0" -c "$1"; exit $?', sys.executable, SCRIPT]
    done = subprocess.run(line, capture_output=True, text=True, check=True, start_new_session=True)
    usual, known = os.nice(0), Path("/proc/self/autogroup").exists()
    nice, group = (max(usual, NICE), str(NICE)) if own_session else (usual, "0")
    assert done.stdout.strip() == f"{own_session} {nice} {group if known else 'none'}"
