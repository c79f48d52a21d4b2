"""The vector index over real vectors: `python -m bench.vectors`. Works on scratch containers and removes them again.

For each way of building it, and each `ef` it is asked with: recall@10 against exact search, queries/s, p95 and memory. Results
go to bench/figures as JSON and as a picture of recall against speed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from docker.models.containers import Container

from bench.measured import Figure, add_options, machine, show
from bench.points import CHOSEN, Build, Point
from bench.raw_search import raw_search
from bench.real_vectors import PASSAGES, RealVectors, real_vectors
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from christmas.blueprint.services import WEAVIATE
from core.progress import Progress, show_progress
from core.waiting import until
from infra import clients
from infra.components.weaviate_container import ROOT_USER
from infra.connections import ROOT
from tests.support.weaviate_server import run_scratch_weaviate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIGURES = ROOT / "bench" / "figures"
LIMIT = 10
ASKED = 500
"""Questions of each measurement."""
CLIENTS = 4
"""Clients that ask at once for queries/s; p95 is of one alone."""
EFS = (-1, 32, 64, 96, 128, 192, 256, 512)
"""-1 lets Weaviate choose: 100 for an answer of ten."""
METRICS_PORT = 2112
NAME = "Bench"


BUILDS = tuple(
    dict.fromkeys(
        (
            CHOSEN, Build(64, 16), Build(128, 16), Build(128, 32), Build(128, 64), Build(256, 64),
            *(Build(CHOSEN.ef_construction, CHOSEN.max_connections, name) for name in ("pq", "sq", "bq", "rq")),
        )
    )
)  # fmt: skip


def main() -> int:
    """Measure, draw, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--passages", type=int, default=PASSAGES, help=f"vectors to search among (default {PASSAGES})")
    parser.add_argument("--only", action="append", metavar="NAME", help=f"only this build: {'; '.join(build.name for build in BUILDS)}")
    parser.add_argument("--to", type=Path, default=FIGURES, help="folder for vectors.json and vectors.svg")
    options = parser.parse_args()
    builds = [build for build in BUILDS if build == CHOSEN or not options.only or build.name in options.only]
    with show_progress("vectors") as progress:
        vectors = real_vectors(progress, options.passages)
        exact = nearest(vectors)
        points = [point for build in builds for point in _measured(build, vectors, exact, progress)]
    options.to.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine(), "passages": options.passages, "points": [asdict(point) | {"chosen": point.chosen} for point in points]}
    (options.to / "vectors.json").write_text(json.dumps(record, indent=1) + "\n")
    from bench.recall_figure import draw

    draw(points, options.passages, options.to / "vectors.svg")
    if not options.json:
        _print(points)
    return show(f"Vectors, {options.passages} passages", _figures(points), options)


def nearest(vectors: RealVectors) -> NDArray[np.float32]:
    """The similarity of each question's tenth-nearest passage, by exact search: what is nearer or as near is a right answer."""
    import numpy as np

    tenth_nearest = [
        np.partition(part @ vectors.passages.T, -LIMIT, axis=1)[:, -LIMIT] for part in np.array_split(vectors.questions[:ASKED], 10)
    ]
    return np.concatenate(tenth_nearest)


def _measured(build: Build, vectors: RealVectors, exact: NDArray[np.float32], progress: Progress) -> Iterator[Point]:
    """The points of one build, in a server of its own, so that its memory is of nothing else."""
    environment = {"PROMETHEUS_MONITORING_ENABLED": "true"}
    with (
        run_scratch_weaviate(embedder=False, limits=replace(WEAVIATE.limits, memory_mib=4096), environment=environment) as server,
        clients.weaviate_client(server.platform, ROOT_USER) as client,
    ):
        progress.status(f"building {build.name}")
        started = time.perf_counter()
        store = _build(client, build, vectors.passages)
        seconds = time.perf_counter() - started
        with raw_search(server.platform, ROOT_USER, NAME, vectors.questions[:ASKED], LIMIT) as search:
            for ef in EFS:
                progress.status(f"asking {build.name} with ef {ef}")
                _set_ef(store, ef)
                search.one_by_one()  # warm
                answers, latencies = search.one_by_one()
                yield Point(
                    build=build,
                    ef=ef,
                    recall=_recall(answers, vectors, exact),
                    queries_per_second=search.rate(CLIENTS),
                    p95_ms=sorted(latencies)[int(0.95 * len(latencies))] * 1000,
                    build_seconds=seconds,
                    memory_mib=_live_mib(server.container),
                )


def _build(client: Any, build: Build, passages: NDArray[np.float32]) -> Any:
    """An index of all passages. Compressions that have to learn from the data are switched on after it is there."""
    from weaviate.classes.config import Configure, Reconfigure, VectorDistances

    at_once: dict[str, Callable[[], Any]] = {"bq": Configure.VectorIndex.Quantizer.bq, "rq": Configure.VectorIndex.Quantizer.rq}
    learning: dict[str, Callable[[], Any]] = {
        "pq": lambda: Reconfigure.VectorIndex.Quantizer.pq(training_limit=min(20_000, len(passages))),
        "sq": lambda: Reconfigure.VectorIndex.Quantizer.sq(training_limit=min(20_000, len(passages))),
    }
    quantizer = at_once[build.quantizer]() if build.quantizer in at_once else Configure.VectorIndex.Quantizer.none()
    store = client.collections.create(
        NAME,
        vector_config=Configure.Vectors.self_provided(
            vector_index_config=Configure.VectorIndex.hnsw(
                distance_metric=VectorDistances(CHRISTMAS_DOCUMENT.index.distance),
                ef_construction=build.ef_construction,
                max_connections=build.max_connections,
                quantizer=quantizer,
            )
        ),
    )
    with store.batch.fixed_size(batch_size=500, concurrent_requests=2) as batch:
        for number, row in enumerate(passages):
            batch.add_object(properties={}, uuid=UUID(int=number), vector=row.tolist())
    if store.batch.failed_objects or store.aggregate.over_all(total_count=True).total_count != len(passages):
        raise RuntimeError(f"{build.name}: the store did not take everything: {store.batch.failed_objects[:1]}")
    if build.quantizer in learning:
        store.config.update(
            vector_config=Reconfigure.Vectors.update(
                vector_index_config=Reconfigure.VectorIndex.hnsw(quantizer=learning[build.quantizer]())
            )
        )

        def compressed() -> bool:
            return all(shard.compressed for node in client.cluster.nodes(NAME, output="verbose") for shard in node.shards)

        if not until(compressed, 300, pause=0.5):
            raise RuntimeError(f"{build.name}: not compressed after five minutes")
    return store


def _set_ef(store: Any, ef: int) -> None:
    from weaviate.classes.config import Reconfigure

    store.config.update(vector_config=Reconfigure.Vectors.update(vector_index_config=Reconfigure.VectorIndex.hnsw(ef=ef)))


def _recall(answers: Sequence[Sequence[int]], vectors: RealVectors, exact: NDArray[np.float32]) -> float:
    right = 0
    for number, rows in enumerate(answers):
        near = vectors.passages[list(rows)] @ vectors.questions[number]
        right += int((near >= exact[number] - 1e-5).sum())
    return right / (LIMIT * len(answers))


def _live_mib(container: Container) -> float:
    """Memory that Weaviate's last garbage collection found in use: the next one is due at twice that (Go's GOGC of 100)."""
    container.reload()
    (network,) = container.attrs["NetworkSettings"]["Networks"].values()
    with urllib.request.urlopen(f"http://{network['IPAddress']}:{METRICS_PORT}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("go_memstats_next_gc_bytes ")) / 2 / 2**20


def _figures(points: Sequence[Point]) -> list[Figure]:
    (chosen,) = (point for point in points if point.chosen)
    rival = max(point.queries_per_second for point in points if point.recall >= chosen.recall)
    return [
        Figure("recall@10 of the blueprint's choice", chosen.recall, "", 0.99, more_is_better=True),
        Figure("its p95", chosen.p95_ms, "ms", 15),
        # Within what two measurements of the same differ by.
        Figure("quickest of no less recall ÷ its queries/s", rival / chosen.queries_per_second, "x", 1.15),
    ]


def _print(points: Sequence[Point]) -> None:
    print(f"{'build':<22} {'ef':>4} {'recall@10':>9} {'queries/s':>9} {'p95 ms':>7} {'build s':>7} {'MiB':>5}")
    for point in points:
        mark = " <- blueprint" if point.chosen else ""
        print(
            f"{point.build.name:<22} {point.ef:>4} {point.recall:>9.4f} {point.queries_per_second:>9.0f} {point.p95_ms:>7.1f}"
            f" {point.build_seconds:>7.0f} {point.memory_mib:>5.0f}{mark}"
        )


if __name__ == "__main__":
    sys.exit(main())
