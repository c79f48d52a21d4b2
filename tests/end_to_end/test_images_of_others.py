"""A stack with images that somebody else has built, and limits of its own: brought up, backed up, drilled, restored."""

import contextlib
import json
import os

import docker
import pytest

from schedule import keeper
from tests.end_to_end.conftest import Stack
from tests.end_to_end.leftovers import remove_test_stacks
from tests.support.images_of_others import images_of_others

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(3600)]

LIMITS = {"redis": {"memoryMib": 1100, "cpus": 1.5}, "weaviate": {"memoryMib": 2300}}
MIB = 1 << 20


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    name = f"test-e2e-others-{os.getpid()}"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "CHRISTMAS_"))} | {
        "PULUMI_BACKEND_URL": f"file://{tmp_path_factory.mktemp('others')}",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests' own",
        "CHRISTMAS_STACK": name,
        "CHRISTMAS_SCHEDULE": "off",
    }
    made = Stack(name, environment)
    with images_of_others(name) as upstream:
        try:
            made.run("pulumi", "stack", "init", name)
            made.pulumi("config", "set", "christmas:images", "upstream")
            made.pulumi("config", "set", "christmas:upstream", upstream)
            made.pulumi("config", "set", "christmas:limits", json.dumps(LIMITS))
            made.invoke("up")
            made.invoke("migrate")
            made.invoke("seed.market")
            made.invoke("seed.demo")
            made.invoke("seed.cache")
            made.invoke("seed.docs", "docs/guide/ko/overview.md")
            yield made
        finally:
            with contextlib.suppress(Exception):
                made.invoke("down", "--volumes", "--yes")
                made.pulumi("stack", "rm", "--yes")
            keeper.stop(name, now=True)
            remove_test_stacks(name)


def form(container):
    """Image, user and memory in MiB."""
    attributes = container.attrs
    return attributes["Image"], attributes["Config"]["User"], attributes["HostConfig"]["Memory"] // MIB


def test_it_is_backed_up_and_drilled(others):
    others.invoke("backup", "--full")
    others.invoke("backup.drill")
    others.invoke("backup.verify", "--all")
    others.invoke("backup", "--incremental")
    checked = others.check().stdout
    assert "critical" not in checked
    assert "accounts are bound to no address: this image is another's" in checked
    others.pulumi("preview", "--refresh", "--expect-no-changes")


def test_what_is_restored_beside_it_is_made_as_it_is(others):
    others.invoke("backup.restore", "--into", f"{others.name}-beside")
    try:
        for service in ("timescaledb", "redis", "weaviate"):
            beside = docker.from_env().containers.get(f"christmas-{others.name}-beside-{service}")
            assert form(beside) == form(others.container(service))
        assert form(others.container("redis"))[1:] == ("4001:4002", 1100)
    finally:
        others.invoke("backup.remove", f"{others.name}-beside")


def test_it_is_restored_in_place(others):
    others.invoke("backup.restore", "--live", "--force")
    assert "critical" not in others.check().stdout
    others.pulumi("preview", "--refresh", "--expect-no-changes")
