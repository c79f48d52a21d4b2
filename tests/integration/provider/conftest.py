from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.provider.engine import ScratchStack
from tests.support import scratch
from tests.support.postgres_server import ScratchServer, run_scratch_server
from tests.support.redis_server import run_scratch_redis
from tests.support.weaviate_server import ScratchWeaviate, run_scratch_weaviate

MakeStack = Callable[[Callable[[], None]], ScratchStack]


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[MakeStack]:
    """Make stacks of inline programs; each is destroyed afterwards, so every kind's delete runs too."""
    stacks: list[ScratchStack] = []

    def make(program: Callable[[], None]) -> ScratchStack:
        stacks.append(ScratchStack(tmp_path / f"stack{len(stacks)}", program, f"scratch{len(stacks)}"))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.destroy()


@pytest.fixture(scope="package")
def postgres() -> Iterator[ScratchServer]:
    with run_scratch_server() as server:
        yield server


@pytest.fixture(scope="package")
def weaviate() -> Iterator[ScratchWeaviate]:
    with run_scratch_weaviate(embedder=False) as server:
        yield server


__all__ = ["make_stack", "postgres", "run_scratch_redis", "scratch", "weaviate"]
