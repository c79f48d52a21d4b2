"""The retrieval test set speaks of passages that exist, and its figures are computed as defined."""

from __future__ import annotations

import pytest

from infra.connections import ROOT
from seed.chunks import SECTION_SEPARATOR
from seed.evaluation import Evaluation, Question, read_questions
from seed.passages import passages_of
from seed.sources import find

QUESTIONS = read_questions(ROOT / "tests" / "data" / "retrieval" / "questions.json")


def test_every_answer_is_a_passage_of_the_guide() -> None:
    passages = {
        (each.path, each.chunk.section.split(SECTION_SEPARATOR)[-1])
        for source in find([ROOT / "docs" / "guide"]).sources
        for each in passages_of(source)
    }
    assert [each for each in QUESTIONS if (each.file_path, each.section) not in passages] == []


def test_there_are_enough_questions_in_either_language_and_none_twice() -> None:
    assert len({each.question for each in QUESTIONS}) == len(QUESTIONS) >= 60
    for language in ("ko", "en"):
        assert sum(each.language == language for each in QUESTIONS) >= 25


def test_recall_and_mean_reciprocal_rank() -> None:
    questions = tuple(Question(str(number), "ko" if number < 2 else "en", "f", "s") for number in range(4))
    found = Evaluation(questions, (1, 4, 6, None))
    assert found.recall(5) == 0.5
    assert found.recall(10) == 0.75
    assert found.mean_reciprocal_rank() == pytest.approx((1 + 1 / 4 + 1 / 6) / 4)
    assert found.of_language("ko").recall(5) == 1.0
    assert found.of_language("en").recall(5) == 0.0
