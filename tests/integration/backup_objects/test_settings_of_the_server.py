"""What somebody sets for the server or the database ends no set: a backup waits for a dump and for hashes, and outlasts limits of time."""

from pathlib import Path

import pytest

from backup.drill import describe, drill
from backup.make import make
from core.docker_client import docker_client
from infra.provider import psql
from tests.support.scratch_platform import ScratchPlatform

LIMITS = ("idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout")


@pytest.mark.exhaustive
def test_limits_of_time_end_no_set_and_no_proof(scratch_platform: ScratchPlatform, tmp_path: Path) -> None:
    """Shorter than a dump takes here: in a big database the ten minutes of the server are as short. A restored one has them, too."""
    server = docker_client().containers.get(scratch_platform.platform.containers["timescaledb"])
    for limit in LIMITS:
        psql.run(server, f"alter database christmas_db set {limit} = '1s'", database="postgres")
    try:
        manifest = make(scratch_platform.platform, kind="full", stores=["postgres"], folder=tmp_path)
    finally:
        for limit in LIMITS:
            psql.run(server, f"alter database christmas_db reset {limit}", database="postgres")
    assert manifest
    assert manifest.postgres
    assert manifest.postgres.logical
    assert manifest.postgres.reference_point.exact
    report = drill(scratch_platform.platform, folder=tmp_path)
    assert report.passed, describe(report)
