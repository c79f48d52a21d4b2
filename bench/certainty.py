"""How certain an answer has to be: `python -m bench.certainty`. On scratch containers, or with `--stack` on a stack's own documents.

Questions that the guide answers and questions that it can't are asked without a bound; then every bound is tried on what came back.
The bound is the highest at which enough of one set of questions (tests/data/retrieval/choosing) are found; it is judged on another.
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
from christmas.blueprint.collections_and_properties import SEARCH_LIMIT
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
FOUND, ANSWERED = 0.93, 0.15
"""What is promised: the least share of own questions that are found, and the most of foreign ones that are answered."""
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

    def recall(self, bound: float) -> float:
        """The share of own questions whose passage is found."""
        return sum(certainty is not None and certainty >= bound for certainty in self.right) / len(self.right)

    def answered(self, bound: float) -> float:
        """The share of foreign questions that are answered."""
        return sum(certainty >= bound for certainty in self.foreign) / len(self.foreign)

    def highest(self, share: float) -> float:
        """The highest bound at which so many own questions are found, in thousandths; 0 where there is none."""
        bounds = [number * STEP for number in range(round(1 / STEP))]
        return max((bound for bound in bounds if self.recall(bound) >= share), default=0.0)


def measure(client: weaviate.WeaviateClient, folder: Path) -> Measured:
    """Ask all questions of both kinds in one of the two folders."""
    evaluation = evaluate(client, read_questions(folder / "questions.json"))
    places = zip(evaluation.ranks, evaluation.certainties, strict=True)
    right = tuple(certainty if rank is not None and rank <= SEARCH_LIMIT else None for rank, certainty in places)
    answers = [ask(client, question, 0.0, 1) for question in read_foreign(folder / "outside.json")]
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
    chosen = chosen_on.highest(FOUND)
    if not options.json:
        for name, measured in (("to choose by", chosen_on), ("to judge by", judged_on)):
            print(f"questions {name}:")
            for tried_bound in sorted({0.7, bound, chosen, *(chosen + number * STEP for number in range(-SHOWN // 2, SHOWN // 2))}):
                print(
                    f"  {tried_bound:.3f}  found {measured.recall(tried_bound):.3f}  foreign answered {measured.answered(tried_bound):.2f}"
                )
    figures = [
        Figure(f"own questions answered at the blueprint's {bound}", judged_on.recall(bound), "share", FOUND, more_is_better=True),
        Figure("foreign questions answered there", judged_on.answered(bound), "share", ANSWERED),
        Figure(f"distance to the bound that is chosen now, {chosen:.3f}", abs(bound - chosen), "", 3 * STEP),
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
