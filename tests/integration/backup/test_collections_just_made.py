"""A collection that is a moment old when a set begins: Weaviate names an index' log by the second, and leaves out the one it writes."""

import time
from pathlib import Path
from typing import Any

import pytest
from weaviate.classes.config import Configure, DataType, Property

from backup.drill import describe, drill
from backup.make import make
from backup.weaviate import back_up as weaviate_store
from infra.clients import weaviate_client
from tests.support.scratch_platform import ScratchPlatform

pytestmark = pytest.mark.exhaustive

NEWEST = "ChristmasDocument_embedded_7e575001"


def test_a_collection_made_within_the_second_is_restored_with_its_index(
    scratch_platform: ScratchPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, really = scratch_platform.platform, weaviate_store._create
    with weaviate_client(platform, "indexer") as client:

        def create(*arguments: Any) -> str | None:
            # As late as can be: what follows is the beginning of the module's backup.
            client.collections.delete(NEWEST)
            time.sleep(1 - time.time() % 1)
            client.collections.create(
                NEWEST,
                vector_config=Configure.Vectors.self_provided(),
                properties=[Property(name="content", data_type=DataType.TEXT), Property(name="file_path", data_type=DataType.TEXT)],
            )
            for x in (0.0, 1.0, 2.0):
                client.collections.use(NEWEST).data.insert({"content": "new", "file_path": "new.md"}, vector=[x, 1.0, 0.5, 0.25])
            return really(*arguments)

        monkeypatch.setattr(weaviate_store, "_create", create)
        try:
            assert make(platform, kind="full", stores=["weaviate"], folder=tmp_path)
            report = drill(platform, folder=tmp_path)
        finally:
            client.collections.delete(NEWEST)
    assert report.passed, describe(report)
    assert "2 collections answer by vector" in {proof.message for proof in report.proofs}
