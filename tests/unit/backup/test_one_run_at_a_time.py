"""The lock: held by one, told to the second, gone with its holder."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.errors import PlatformError
from core.lock import FILE, hold

HOLDER = """
import sys, time
from pathlib import Path
from core.lock import hold
with hold(Path(sys.argv[1]), 'a test'):
    print('held', flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_told_who_holds_it(tmp_path: Path) -> None:
    with (
        hold(tmp_path, "the first"),
        pytest.raises(PlatformError, match=r"the first by .+ \(process \d+") as caught,
        hold(tmp_path, "the second"),
    ):
        pass
    assert "next:" in str(caught.value)
    with hold(tmp_path, "the third"):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(PlatformError, match="a test by"), hold(tmp_path, "mine"):
            pass
        holder.kill()
        holder.wait()
    with hold(tmp_path, "mine") as _:
        pass


def test_who_only_looks_whether_it_is_held_keeps_nobody_out(tmp_path: Path) -> None:
    """However long the look takes: a process may stand still in the middle of it on a busy machine."""
    with hold(tmp_path, "the first"):
        pass
    looking = os.open(tmp_path / FILE, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.5, os.close, [looking]).start()
    with hold(tmp_path, "the second"), pytest.raises(PlatformError, match="the second by"), hold(tmp_path, "the third"):
        pass
