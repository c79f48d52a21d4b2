"""A schedule's messages."""

from __future__ import annotations

import subprocess
import sys

from infra.connections import ROOT


def test_a_run_goes_on_where_nobody_reads_its_messages_any_more() -> None:
    """As after its keeper was killed."""
    program = "import sys; from schedule.said import say; sys.stdin.read(); say('first'); say('second'); print('gone on', file=sys.stderr)"
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdin
        assert process.stderr
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == "gone on\n"
        assert process.wait() == 0
