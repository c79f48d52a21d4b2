"""The import against the client and the embedder alone: `python -m bench.documents`. Works on scratch containers and removes them again."""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from bench.measured import Figure, add_options, show
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT, EMBEDDED
from core.progress import SilentProgress
from infra import clients
from infra.connections import ROOT, Platform
from seed import documents, schema_plan
from seed.chunks import Chunk
from seed.embeddings import Embedded, Embedder, service_of
from seed.evaluation import evaluate, read_questions
from seed.importing import import_passages
from seed.passages import Passage, passages_of
from seed.sources import find
from tests.support.weaviate_server import run_scratch_weaviate

READY = 6000
ROUNDS = 3
EMBEDDED_FILES = 1
"""Files of the guide that are imported through the embedder: enough to see the ratio, since the model takes most of the time."""


def main() -> int:
    """Measure, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    options = parser.parse_args()
    with run_scratch_weaviate() as server:
        platform = server.platform
        figures = [
            Figure("ready vectors ÷ the client's fastest batch call", _ready_ratio(platform), "x", 0.95, more_is_better=True),
            *_embedded_figures(platform),
            *_retrieval_figures(platform),
        ]
    return show("Documents", figures, options)


class _Ready:
    """Stands where the embedding client does, with vectors that are there already."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        self._vectors = vectors

    def passages(self, texts: Sequence[str]) -> Embedded:
        """The vectors of these texts."""
        return Embedded([self._vectors[text] for text in texts], 0)


def _ready_ratio(platform: Platform) -> float:
    """Medians of alternating runs, each into a collection of its own."""
    chance = random.Random(7)  # noqa: S311 - vectors, not keys
    passages = [Passage(f"bench/{number // 20}.md", Chunk(number % 20, "", f"text {number}", 5), str(number)) for number in range(READY)]
    vectors = {passage.text: [chance.gauss(0, 1) for _ in range(EMBEDDED.dimensions)] for passage in passages}
    ready = cast(Embedder, _Ready(vectors))
    ways: dict[str, Callable[[Any], None]] = {
        "ours": lambda store: _done(import_passages(store, passages, ready, SilentProgress()).written),
        "insert_many": lambda store: _insert_many(store, passages, vectors),
        "fixed_size": lambda store: _batch(store.batch.fixed_size(batch_size=256, concurrent_requests=2), passages, vectors),
        "stream": lambda store: _batch(store.batch.stream(concurrency=2), passages, vectors),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    with clients.weaviate_client(platform, "indexer") as client:
        for _ in range(ROUNDS):
            for name, way in ways.items():
                prepared = schema_plan.prepare(client, CHRISTMAS_DOCUMENT, EMBEDDED)
                store = client.collections.use(prepared.target)
                started = time.perf_counter()
                way(store)
                rates[name].append(READY / (time.perf_counter() - started))
                if store.aggregate.over_all(total_count=True).total_count != READY:
                    raise RuntimeError(f"{name} did not write everything")
                client.collections.delete(prepared.target)
    middle = {name: statistics.median(rates_of_way) for name, rates_of_way in rates.items()}
    print("objects/s:", ", ".join(f"{name} {rate:.0f}" for name, rate in middle.items()), file=sys.stderr)
    return middle.pop("ours") / max(middle.values())


def _done(written: Sequence[str]) -> None:
    if len(written) != READY:
        raise RuntimeError("the import did not write everything")


def _insert_many(store: Any, passages: Sequence[Passage], vectors: dict[str, list[float]]) -> None:
    from weaviate.classes.data import DataObject

    for start in range(0, len(passages), 256):
        part = passages[start : start + 256]
        store.data.insert_many(
            [DataObject(properties=passage.properties("now"), uuid=passage.id, vector=vectors[passage.text]) for passage in part]
        )


def _batch(context: Any, passages: Sequence[Passage], vectors: dict[str, list[float]]) -> None:
    with context as batch:
        for passage in passages:
            batch.add_object(properties=passage.properties("now"), uuid=passage.id, vector=vectors[passage.text])


def _embedded_figures(platform: Platform) -> list[Figure]:
    files = [source.file for source in find(documents.DEFAULT_PATHS).sources][:EMBEDDED_FILES]
    texts = [passage.text for source in find(files).sources for passage in passages_of(source)]
    embedder = Embedder(service_of(platform, EMBEDDED))
    alone: list[float] = []
    imports: list[float] = []
    again: list[float] = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for start in range(0, len(texts), 32):
            embedder.passages(texts[start : start + 32])
        alone.append(time.perf_counter() - started)
        for durations in (imports, again):
            started = time.perf_counter()
            documents.load(platform, files, SilentProgress())
            durations.append(time.perf_counter() - started)
        with clients.weaviate_client(platform, "indexer") as client:
            client.alias.delete(alias_name=CHRISTMAS_DOCUMENT.name)
            for name in client.collections.list_all():
                client.collections.delete(name)
    embedder.close()
    first = statistics.median(imports)
    return [
        Figure("import through the embedder ÷ the embedder alone", statistics.median(alone) / first, "x", 0.85, more_is_better=True),
        Figure("a second run ÷ the first", statistics.median(again) / first, "x", 0.05),
    ]


def _retrieval_figures(platform: Platform) -> list[Figure]:
    documents.load(platform, None, SilentProgress())
    questions = read_questions(ROOT / "tests" / "data" / "retrieval" / "questions.json")
    with clients.weaviate_client(platform, "rag") as client:
        evaluation = evaluate(client, questions)
    return [
        Figure("recall@5 on the retrieval test set", evaluation.recall(5), "", 0.9, more_is_better=True),
        Figure("MRR on the retrieval test set", evaluation.mean_reciprocal_rank(), "", 0.8, more_is_better=True),
    ]


if __name__ == "__main__":
    sys.exit(main())
