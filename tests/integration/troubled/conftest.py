from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from core import container_sessions
from infra.connections import Platform
from tests.support.troubled import Wire, through
from tests.support.troubled.http import docker_wire, raw_way, weaviate_way
from tests.support.troubled.postgres import postgres_way
from tests.support.troubled.resp import redis_way
from tests.support.weaviate_server import ScratchWeaviate, run_scratch_weaviate

Result = TypeVar("Result")
Wired = tuple[Platform, Wire]


@pytest.fixture(autouse=True)
def no_channel_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that binds its password to the server's certificate notices the wire, rightly."""
    monkeypatch.setenv("PGCHANNELBINDING", "disable")


@pytest.fixture(scope="package")
def weaviate() -> Iterator[ScratchWeaviate]:
    with run_scratch_weaviate(embedder=False) as server:
        yield server


@pytest.fixture(scope="package")
def weaviate_wire(weaviate: ScratchWeaviate) -> Iterator[Wired]:
    with through(weaviate.platform, {"weaviate": weaviate_way, "weaviate_grpc": raw_way}) as (platform, wires):
        yield platform, wires["weaviate"]


@pytest.fixture(scope="package")
def redis_wire(redis_server: Platform) -> Iterator[Wired]:
    with through(redis_server, {"redis": redis_way}) as (platform, wires):
        yield platform, wires["redis"]


@pytest.fixture
def postgres_wire(migrated_platform: Platform) -> Iterator[Wired]:
    with through(migrated_platform, {"postgres": postgres_way}) as (platform, wires):
        yield platform, wires["postgres"]


@pytest.fixture
def engine_wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """A wire before the Docker engine; what runs `afresh` uses it."""
    with docker_wire(tmp_path / "docker.sock") as wire:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'docker.sock'}")
        yield wire


@pytest.fixture
def afresh() -> Callable[[Callable[[], Result]], Result]:
    """Run something with connections of its own: the provider keeps a client of the engine for each thread, and shells for all."""

    def run(work: Callable[[], Result]) -> Result:
        with ThreadPoolExecutor(max_workers=1) as pool:
            try:
                return pool.submit(work).result()
            finally:
                container_sessions.close_all()

    return run
