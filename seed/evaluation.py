"""Measures how well search finds the passage that answers a question, for questions with known answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seed.chunks import SECTION_SEPARATOR
from seed.search import Hit, ask

if TYPE_CHECKING:
    import weaviate

LOOKED_AT = 10
"""The passages of each answer that count; a later one counts as not found."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the file and section that answer it."""

    question: str
    language: str
    file_path: str
    section: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`ranks` has the right passage's place for each question, from 1; None if it was not found.

    `certainties` has the certainty of that passage, from 0 to 1.
    """

    questions: tuple[Question, ...]
    ranks: tuple[int | None, ...]
    certainties: tuple[float | None, ...] = ()

    def recall(self, at: int = 5) -> float:
        """The share of questions with the right passage among the first `at`."""
        return sum(rank is not None and rank <= at for rank in self.ranks) / len(self.ranks)

    def mean_reciprocal_rank(self) -> float:
        """The mean of 1/rank, with 0 for a passage that was not found."""
        return sum(1 / rank for rank in self.ranks if rank) / len(self.ranks)

    def of_language(self, language: str) -> Evaluation:
        """The questions of one language."""
        chosen = [(question, rank) for question, rank in zip(self.questions, self.ranks, strict=True) if question.language == language]
        return Evaluation(tuple(question for question, _ in chosen), tuple(rank for _, rank in chosen))


def read_questions(file: Path) -> tuple[Question, ...]:
    """Questions from a JSON list of objects."""
    return tuple(Question(**load) for load in json.loads(file.read_text(encoding="utf-8")))


def read_foreign(file: Path) -> tuple[str, ...]:
    """Questions without an answer in the documents, from a JSON list of objects with `question` and `language`."""
    return tuple(load["question"] for load in json.loads(file.read_text(encoding="utf-8")))


def evaluate(client: weaviate.WeaviateClient, questions: Sequence[Question]) -> Evaluation:
    """Ask every question, and find its answer's rank and certainty."""
    places = [_place(question, ask(client, question.question, 0.0, LOOKED_AT)) for question in questions]
    return Evaluation(tuple(questions), tuple(rank for rank, _ in places), tuple(certainty for _, certainty in places))


def _place(question: Question, hits: Sequence[Hit]) -> tuple[int | None, float | None]:
    for rank, hit in enumerate(hits, 1):
        if hit.file_path == question.file_path and hit.section.split(SECTION_SEPARATOR)[-1] == question.section:
            return rank, hit.certainty
    return None, None
