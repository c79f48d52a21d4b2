"""How certain an answer has to be: `python -m bench.certainty`. On scratch containers, or with `--stack` on a stack's own documents.

Questions that the guide answers and questions that it can't are asked without a bound; then every bound is tried on what came back.
A bound is chosen on one set of questions (tests/data/retrieval/choosing) and judged on another (tests/data/retrieval).
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measured import Figure, add_options, show
from christmas.blueprint.collections import SEARCH_LIMIT
from core.progress import SilentProgress
from infra import clients, connections
from infra.connections import ROOT, Platform
from seed import documents
from seed.evaluation import evaluate, read_foreign, read_questions
from seed.search import ask, least_certainty
from tests.support.weaviate_server import run_scratch_weaviate

if TYPE_CHECKING:
    import weaviate

JUDGING = ROOT / "tests" / "data" / "retrieval"
CHOOSING = JUDGING / "choosing"
STEP = 0.001
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found without a bound.

    `right` has the certainty of each own question's passage, None where it was not among the first five; `foreign` that of the best passage
    for each question that the documents can't answer.
    """

    right: tuple[float | None, ...]
    foreign: tuple[float, ...]

    def found(self, bound: float) -> float:
        """The share of own questions whose passage is found."""
        return sum(each is not None and each >= bound for each in self.right) / len(self.right)

    def answered(self, bound: float) -> float:
        """The share of foreign questions that are answered."""
        return sum(each >= bound for each in self.foreign) / len(self.foreign)

    def gain(self, bound: float) -> float:
        """What a bound gains: own questions found, less foreign ones answered."""
        return self.found(bound) - self.answered(bound)

    def best(self) -> float:
        """The lowest bound that gains most."""
        bounds = [number * STEP for number in range(round(1 / STEP))]
        return max(bounds, key=lambda bound: (round(self.gain(bound), 9), -bound))


def measure(client: weaviate.WeaviateClient, folder: Path) -> Measured:
    """Ask all questions of both kinds in one of the two folders."""
    found = evaluate(client, read_questions(folder / "questions.json"))
    places = zip(found.ranks, found.certainties, strict=True)
    right = tuple(certainty if rank is not None and rank <= SEARCH_LIMIT else None for rank, certainty in places)
    answers = [ask(client, each, 0.0, 1) for each in read_foreign(folder / "outside.json")]
    foreign = tuple(hits[0].certainty if hits else 0.0 for hits in answers)
    return Measured(right, foreign)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--stack", help="ask this stack, into which the guide was imported (invoke seed.docs)")
    options = parser.parse_args(arguments)
    with _platform(options.stack) as platform:
        with clients.weaviate_client(platform, "rag") as client:
            chosen_on, judged_on = measure(client, CHOOSING), measure(client, JUDGING)
        bound = least_certainty(platform)
    best = chosen_on.best()
    if not options.json:
        for name, measured in (("to choose by", chosen_on), ("to judge by", judged_on)):
            print(f"questions {name}:")
            for each in sorted({0.7, bound, best, *(best + number * 0.002 for number in range(-SHOWN // 2, SHOWN // 2))}):
                found, answered = measured.found(each), measured.answered(each)
                print(f"  {each:.3f}  found {found:.3f}  foreign answered {answered:.2f}  gain {measured.gain(each):.3f}")
    gained = chosen_on.gain(bound) / chosen_on.gain(best)
    figures = [
        Figure(f"own questions answered at the blueprint's {bound}", judged_on.found(bound), "share", 0.93, more_is_better=True),
        Figure("foreign questions answered there", judged_on.answered(bound), "share", 0.15),
        Figure(f"gain there ÷ at the bound chosen now, {best:.3f}, both on the other questions", gained, "x", 0.97, more_is_better=True),
    ]
    return show("Certainty", figures, options)


@contextlib.contextmanager
def _platform(stack: str | None) -> Iterator[Platform]:
    if stack:
        yield connections.load(stack)
        return
    with run_scratch_weaviate() as server:
        documents.load(server.platform, None, SilentProgress())
        yield server.platform


if __name__ == "__main__":
    sys.exit(main())
