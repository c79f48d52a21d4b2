"""The retrieval test set speaks of passages that exist, and its figures are computed as defined."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.certainty import CHOOSING, JUDGING, Measured
from infra.connections import ROOT
from seed.chunks import SECTION_SEPARATOR
from seed.evaluation import Evaluation, Question, read_foreign, read_questions
from seed.passages import passages_of
from seed.sources import find

FOLDERS = (JUDGING, CHOOSING)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_answer_is_a_passage_of_the_guide(folder: Path) -> None:
    passages = {
        (each.path, each.chunk.section.split(SECTION_SEPARATOR)[-1])
        for source in find([ROOT / "docs" / "guide"]).sources
        for each in passages_of(source)
    }
    assert [
        question for question in read_questions(folder / "questions.json") if (question.file_path, question.section) not in passages
    ] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_there_are_enough_questions_in_either_language_and_none_twice(folder: Path) -> None:
    questions = read_questions(folder / "questions.json")
    assert len({question.question for question in questions}) == len(questions) >= 60
    for language in ("ko", "en"):
        assert sum(question.language == language for question in questions) >= 25


def test_no_bound_is_judged_on_a_question_that_it_was_chosen_on() -> None:
    judged, chosen = (
        {
            each.casefold()
            for each in (*(own.question for own in read_questions(folder / "questions.json")), *read_foreign(folder / "outside.json"))
        }
        for folder in FOLDERS
    )
    assert judged & chosen == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_foreign_questions_are_enough_in_either_language_and_none_twice(folder: Path) -> None:
    foreign = read_foreign(folder / "outside.json")
    assert len(set(foreign)) == len(foreign) >= 50
    korean = [each for each in foreign if any("가" <= letter <= "힣" for letter in each)]
    assert len(korean) >= 25 <= len(foreign) - len(korean)


def test_the_bound_is_the_highest_at_which_enough_is_found() -> None:
    measured = Measured((0.95, 0.93, 0.90, None), (0.92, 0.80))
    assert measured.recall(0.9) == 0.75
    assert (measured.answered(0.9), measured.answered(0.93)) == (0.5, 0.0)
    assert measured.highest(0.75) == pytest.approx(0.9)
    assert measured.highest(0.5) == pytest.approx(0.93)
    assert measured.highest(0.8) == 0.0


def test_recall_and_mean_reciprocal_rank() -> None:
    questions = tuple(Question(str(number), "ko" if number < 2 else "en", "f", "s") for number in range(4))
    found = Evaluation(questions, (1, 4, 6, None))
    assert found.recall(5) == 0.5
    assert found.recall(10) == 0.75
    assert found.mean_reciprocal_rank() == pytest.approx((1 + 1 / 4 + 1 / 6) / 4)
    assert found.of_language("ko").recall(5) == 1.0
    assert found.of_language("en").recall(5) == 0.0
