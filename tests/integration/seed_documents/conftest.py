"""One scratch Weaviate with the bundled embedder for all tests of a session, and a vendor's API beside it; emptied before each test."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from christmas.blueprint.collection_model import Collection
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT, OPENAI
from core.progress import SilentProgress
from infra import clients
from infra.components.weaviate_container import ROOT_USER
from infra.connections import Endpoint, Platform
from seed import documents
from seed.passages import passages_of
from seed.sources import find
from tests.support.openai_server import KEY, OpenAIServer, run_openai_server
from tests.support.weaviate_server import ScratchWeaviate, run_scratch_weaviate


@pytest.fixture(scope="package")
def weaviate_server() -> Iterator[ScratchWeaviate]:
    with run_scratch_weaviate() as server:
        yield server


@pytest.fixture
def documents_platform(weaviate_server: ScratchWeaviate) -> Platform:
    with clients.weaviate_client(weaviate_server.platform, ROOT_USER) as client:
        for alias in client.alias.list_all():
            client.alias.delete(alias_name=alias)
        client.collections.delete_all()
    return weaviate_server.platform


@pytest.fixture(scope="package")
def openai_server() -> Iterator[OpenAIServer]:
    with run_openai_server(host="0.0.0.0") as server:
        yield server


@dataclass(frozen=True, slots=True)
class Store:
    """The document store as tests use it: a Platform, the collection, and the vendor's API behind both."""

    platform: Platform
    collection: Collection
    vendor: OpenAIServer

    def load(self, *paths: Path, **options: Any) -> documents.DocumentsReport:
        options.setdefault("collection", self.collection)
        return documents.load(self.platform, list(paths), SilentProgress(), **options)

    def objects(self) -> dict[str, tuple[str, int, str]]:
        """Id to path, number and content of everything behind the alias."""
        with clients.weaviate_client(self.platform, "rag") as client:
            return {
                str(each.uuid): (str(each.properties["file_path"]), int(str(each.properties["chunk_id"])), str(each.properties["content"]))
                for each in client.collections.use(self.collection.name).iterator()
            }

    def expected(self, *paths: Path) -> dict[str, tuple[str, int, str]]:
        """The same, as the files say it."""
        passages = [each for source in find(list(paths)).sources for each in passages_of(source)]
        return {passage.id: (passage.path, passage.chunk.number, passage.chunk.content) for passage in passages}


@pytest.fixture
def store(documents_platform: Platform, openai_server: OpenAIServer) -> Store:
    """A store with the vendor's profile: its API is quick, so that a test may import a lot."""
    openai_server.troubles.clear()
    openai_server.requests.clear()
    openai_server.poison = ""
    openai_server.delay = 0.0
    vendor = dataclasses.replace(OPENAI, base_url=f"http://host.docker.internal:{openai_server.port}")
    endpoint = Endpoint("127.0.0.1", openai_server.port, "host.docker.internal", openai_server.port)
    platform = dataclasses.replace(
        documents_platform,
        endpoints={**documents_platform.endpoints, "embedder": endpoint},
        embedding_profile="openai",
        embedding_key=KEY,
    )
    return Store(platform, dataclasses.replace(CHRISTMAS_DOCUMENT, profiles=(vendor,)), openai_server)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve small documents in two languages and three formats."""
    for number in range(12):
        suffix, mark = [(".md", "## "), (".md", "## "), (".txt", "")][number % 3]
        sections = [
            f"{mark}Part {part} of document {number}\n\nThe word{number}x{part} is here; 문서 {number}의 {part}번째 부분입니다.\n"
            for part in range(4)
        ]
        (tmp_path / f"document-{number:02}{suffix}").write_text("\n".join(sections))
    return tmp_path
