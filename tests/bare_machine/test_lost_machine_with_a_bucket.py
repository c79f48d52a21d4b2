"""A machine is lost whose backups go to a bucket, and a bucket is lost whose machine goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.docker_client import docker_client, gateways
from tests.bare_machine.lost_machine import Machine
from tests.support.s3_server import S3Server, run_s3_server

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(5400)]
STACK = "test-lost-bucket"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    """A server that containers reach at the engine's own bridge."""
    (address,) = gateways(docker_client().networks.get("bridge").attrs)
    with run_s3_server(tmp_path / "s3", address) as running:
        running.make_bucket()
        yield running


def empty(server: S3Server, bucket: str) -> int:
    """Remove every object; returns how many there were."""
    client, removed = server.client(), 0
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", ()):
            client.delete_object(Bucket=bucket, Key=each["Key"])
            removed += 1
    return removed


def test_machine_and_bucket_are_lost_one_after_the_other(clone: Path, server: S3Server, tmp_path: Path) -> None:
    lost = Machine.new(clone, tmp_path / "lost", stack=STACK)
    lost.lose_engine()  # of a run that was killed
    new = None
    documents = tmp_path / "documents"
    documents.mkdir()
    # Two passages: Weaviate 1.39 forgets an object that is alone in its index.
    (documents / "note.md").write_text("# 매매\n\nOrders are placed when two averages cross.\n\n# 위험\n\nA position risks one percent.\n")
    place = server.place("christmas-tests", prefix="stacks/lost")
    settings = {
        "type": "s3",
        "endpoint": place.endpoint,
        "bucket": place.bucket,
        "prefix": place.prefix,
        "caCertificate": server.ca,
        "keyId": "tests",
        "secretKey": "tests-secret",
    }
    try:
        lost.set_places({"place": settings})
        lost.fill(documents)
        lost.invoke("backup", "--full")
        kit = lost.take_kit(tmp_path / "bucket.kit")
        assert lost.findings() == {}
        before, profiles = lost.counts(), lost.profiles()
        lost.stop_schedule()
        lost.lose_engine()

        new = Machine.new(lost.fresh_clone(tmp_path / "fresh"), tmp_path / "new", stack=STACK)
        assert "nothing is archived until that one is restored here" in new.up_from(kit)
        new.invoke("backup.restore", "--live")
        assert (new.counts(), new.profiles()) == (before, profiles)
        assert new.findings() == {}

        assert empty(server, "christmas-tests") > 0
        new.invoke("up", "--refresh")
        new.invoke("backup", "--full")
        assert new.findings() == {}
        assert new.counts() == before
        new.invoke("backup.verify", "--all")
    finally:
        (new or lost).stop_schedule()
        (new or lost).lose_engine()
