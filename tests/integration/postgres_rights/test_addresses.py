"""From where PostgreSQL's accounts come in: applications from the network too, the operator's accounts from the host alone."""

from __future__ import annotations

import docker
import psycopg
import pytest

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Network
from infra.connections import Platform
from tests.support.inside import run_alone
from tests.support.scratch_platform import ScratchPlatform

HOST_ALONE = sorted(account.name for account in ACCOUNTS if account.postgres and Network.PLATFORM not in account.postgres.networks)
BOTH = sorted(account.name for account in ACCOUNTS if account.postgres and account.postgres.networks == (Network.PLATFORM, Network.HOST))
CA = "/run/christmas/ca.crt"


def neighbour(platform: Platform, account: str) -> str:
    """What a container beside the server gets that has the account's password: who it is there, or the refusal."""
    client, server = docker.from_env(), platform.containers["timescaledb"]
    image = client.containers.get(server).image
    assert image is not None
    assert image.id is not None
    url = platform.postgres_url(account, inside=True, ca_file="/tmp/ca.crt")
    trusted = {str(platform.ca_file): {"bind": "/tmp/ca.crt", "mode": "ro"}}
    done = run_alone(image.id, "psql", url, "-Atc", "select current_user", network=platform.network, volumes=trusted)
    return done.text() if done.code == 0 else done.stderr


def test_the_blueprint_tells_operators_from_applications() -> None:
    assert (HOST_ALONE, BOTH) == (["backup", "migrator", "monitor"], ["analyst", "api", "app", "backtest", "ingest"])


@pytest.mark.parametrize("account", HOST_ALONE)
def test_a_neighbour_with_an_operators_password_is_refused(scratch_platform: ScratchPlatform, account: str) -> None:
    platform = scratch_platform.platform
    with psycopg.connect(platform.postgres_url(account)) as connection:
        assert connection.execute("select current_user").fetchone() == (account,)
    refusal = neighbour(platform, account)
    assert "pg_hba.conf rejects connection" in refusal
    assert f'user "{account}"' in refusal


def test_an_application_comes_in_from_the_network(scratch_platform: ScratchPlatform) -> None:
    assert neighbour(scratch_platform.platform, "app") == "app"
