"""A server that stops while it is asked whether it has replayed its log."""

from __future__ import annotations

import docker
import pytest

from backup.postgres.restore import wait_for_recovery
from core.errors import PlatformError
from tests.support import scratch

# Its psql never answers, so the server always stops in the middle of a question, once one was answered and a shell is there.
STOPS = """
echo 'echo t' > /usr/local/bin/psql
chmod 755 /usr/local/bin/psql
sleep 2
echo 'sleep 600' > /usr/local/bin/psql
sleep 2
echo 'recovery ended before configured recovery target was reached' >&2
"""


def test_why_it_stopped_is_told() -> None:
    server = docker.from_env().containers.run(
        scratch.image("timescaledb"),
        ["-c", STOPS],
        entrypoint=["sh"],
        user="0:0",
        detach=True,
        network_mode="none",
        labels=scratch.labels(),
    )
    try:
        with pytest.raises(PlatformError, match=r"stopped while replaying its log:\n.*recovery ended before configured"):
            wait_for_recovery(str(server.name))
    finally:
        server.remove(force=True)
