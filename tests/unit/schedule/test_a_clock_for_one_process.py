"""The clock that tests set for the schedule alone: Python sees it, and calls over gRPC go on whichever way it is set."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

HURRIED = Path(__file__).parents[2] / "support" / "hurried"
CALL = """
import os
import time
from concurrent import futures
import grpc

server = grpc.server(futures.ThreadPoolExecutor(1))
answer = grpc.unary_unary_rpc_method_handler(lambda request, context: b"answer")
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("a.B", {"C": answer})])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
while abs(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) - float(os.environ["BEFORE"])) < 3000:
    pass
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    print(channel.unary_unary("/a.B/C")(b"question", timeout=120))
server.stop(None)
"""


@pytest.mark.parametrize("seconds", [3600, -3600], ids=["forward", "back"])
def test_a_call_is_answered_on_a_clock_that_was_set(tmp_path: Path, seconds: int) -> None:
    clock = tmp_path / "moved"
    clock.write_text(str(seconds))
    offset = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    environment = os.environ | {"PYTHONPATH": str(HURRIED), "HURRIED_BY": "60", "HURRIED_CLOCK": str(clock), "BEFORE": str(offset)}
    # The process is taken for the schedule by a word of its command line.
    command = [sys.executable, "-c", CALL, "schedule.kept"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout.strip(), done.returncode) == ("b'answer'", 0), done.stderr
