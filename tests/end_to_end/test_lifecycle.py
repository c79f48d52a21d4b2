"""A stack's life: nothing to do after `up`, parts that are lost come back with their data, all of it can go and come again."""

import json

import pytest

from christmas.blueprint import services
from infra import clients

SERVICES = tuple(service.name for service in services.SERVICES)


def contents(stack):
    """What the three stores hold, counted; the session is one that lives for a day."""
    platform = stack.platform()
    with clients.postgres(platform, "analyst") as connection:
        rows = {
            table: connection.execute(f"select count(*) from {table}").fetchall()[0][0]
            for table in ("market_data", "orders", "trades", "backtest_results")
        }
    with clients.redis_client(platform, "monitor") as redis:
        sessions = sum(1 for _ in redis.scan_iter("session:*"))
    with clients.weaviate_client(platform, "rag") as weaviate:
        passages = weaviate.collections.use("ChristmasDocument").aggregate.over_all(total_count=True).total_count
    return {**rows, "sessions": sessions, "passages": passages}


@pytest.mark.exhaustive
def test_right_after_up_there_is_nothing_to_do(stack):
    stack.pulumi("preview", "--expect-no-changes", "--non-interactive")
    stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")


@pytest.mark.exhaustive
def test_a_second_up_changes_nothing(stack):
    ids = {service: stack.container(service).id for service in SERVICES}
    stack.invoke("up")
    assert {service: stack.container(service).id for service in SERVICES} == ids


@pytest.mark.exhaustive
@pytest.mark.parametrize("service", SERVICES)
def test_a_removed_container_comes_back_with_its_data(stack, service):
    before = contents(stack)
    assert all(before.values()), before
    lost = stack.container(service)
    # As `docker rm -f` does it: no chance to shut down.
    lost.remove(force=True)
    stack.up("--refresh")
    assert stack.container(service).id != lost.id
    assert contents(stack) == before
    stack.pulumi("preview", "--expect-no-changes", "--non-interactive")


@pytest.mark.exhaustive
def test_a_stopped_container_is_started_again(stack):
    before = contents(stack)
    stack.container("redis").stop()
    shown = stack.pulumi("preview", "--refresh", "--non-interactive", "--color", "never").stdout
    assert "docker:index:Container" in shown
    stack.up("--refresh")
    assert stack.is_well("redis")
    assert contents(stack) == before


@pytest.mark.exhaustive
def test_destroyed_and_brought_up_again_the_data_is_there(stack):
    before = contents(stack)
    field_keys = stack.outputs()["field_keys"]
    stack.pulumi("destroy", "--yes", "--skip-preview", "--non-interactive")
    with pytest.raises(Exception, match="No such container"):
        stack.container("redis")
    stack.up()
    assert contents(stack) == before
    assert stack.outputs()["field_keys"] == field_keys
    assert json.loads(stack.check("--json", "--only", "postgres.encryption").stdout)["status"] == "ok"
    assert stack.invoke("migrate.status").stdout.count("none") == 1
    # Accounts and grants are what they were: an account that owns nothing can still write where it may.
    assert json.loads(stack.check("--json", "--only", "postgres.accounts").stdout)["status"] == "ok"


@pytest.mark.exhaustive
def test_down_keeps_the_data_and_down_with_volumes_asks(stack):
    refused = stack.invoke("down", "--volumes", check=False)
    assert refused.returncode != 0
    assert "--yes" in refused.stderr
    assert stack.container("redis").status == "running"
