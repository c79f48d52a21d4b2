"""What a benchmark of vectors measures: ways of building an index, and one measurement of one of them."""

from __future__ import annotations

from dataclasses import dataclass

from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT


@dataclass(frozen=True, slots=True)
class Build:
    """How an index is built. `quantizer` names a compression of the vectors in memory, or none."""

    ef_construction: int
    max_connections: int
    quantizer: str = "none"

    @property
    def name(self) -> str:
        """As legends and `--only` call it."""
        return f"efC {self.ef_construction}, M {self.max_connections}" + ("" if self.quantizer == "none" else f", {self.quantizer}")


CHOSEN = Build(CHRISTMAS_DOCUMENT.index.ef_construction, CHRISTMAS_DOCUMENT.index.max_connections, CHRISTMAS_DOCUMENT.index.quantizer)


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement. Seconds of building, MiB of memory in use, milliseconds of p95."""

    build: Build
    ef: int
    recall: float
    queries_per_second: float
    p95_ms: float
    build_seconds: float
    memory_mib: float

    @property
    def chosen(self) -> bool:
        """Whether this is what the blueprint declares."""
        return self.build == CHOSEN and self.ef == CHRISTMAS_DOCUMENT.index.ef
