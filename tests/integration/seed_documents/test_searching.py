"""Search over the project's own guide with the bundled model, and its filters and failures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bench import certainty
from christmas.blueprint.collections_and_properties import EMBEDDED
from core.errors import PlatformError
from core.progress import SilentProgress
from infra import clients, env_file
from infra.connections import ROOT, Platform
from seed import documents, search
from seed.evaluation import evaluate, read_questions
from tests.integration.seed_documents.conftest import Store

QUESTIONS = ROOT / "tests" / "data" / "retrieval" / "questions.json"
QUESTION = "자동 매매 시스템 특징"


@pytest.fixture(scope="module")
def guide(weaviate_server: Any) -> Platform:
    """The guide as the bundled model embeds it: imported once, since that takes a while."""
    platform: Platform = weaviate_server.platform
    with clients.weaviate_client(platform, "root") as client:
        for alias in client.alias.list_all():
            client.alias.delete(alias_name=alias)
        client.collections.delete_all()
    documents.load(platform, None, SilentProgress())
    return platform


@pytest.mark.exhaustive
def test_the_specifications_question_finds_the_passages_about_it(guide: Platform) -> None:
    hits = search.search(guide, QUESTION)
    assert 1 <= len(hits) <= 5
    assert hits[0].section == "개요 > 자동 매매 시스템의 특징"
    assert all(hit.certainty >= EMBEDDED.certainty for hit in hits)
    assert [hit.certainty for hit in hits] == sorted((hit.certainty for hit in hits), reverse=True)
    assert any(hit.file_path.startswith("docs/guide/en/") for hit in search.search(guide, QUESTION, 0.0, limit=10))


@pytest.mark.exhaustive
@pytest.mark.parametrize("foreign", ["How do I bake banana bread?", "바나나 빵은 어떻게 만드나요?", "banana bread"])
def test_a_question_about_something_else_finds_nothing(guide: Platform, foreign: str) -> None:
    assert search.search(guide, foreign) == []
    # The specification's own bound keeps out nothing of the bundled model's.
    assert len(search.search(guide, foreign, 0.7)) == 5


@pytest.mark.exhaustive
def test_the_measured_bound_tells_questions_of_the_guide_from_others(guide: Platform) -> None:
    with clients.weaviate_client(guide, "rag") as client:
        chosen, judged = (certainty.measure(client, folder) for folder in (certainty.CHOOSING, certainty.JUDGING))
    # bench/README.md says by how much what is promised is missed. This is what a change of passages or of the model would show.
    for measured in (chosen, judged):
        assert measured.recall(EMBEDDED.certainty) >= 0.9
        assert measured.answered(EMBEDDED.certainty) <= 0.2
    assert abs(EMBEDDED.certainty - chosen.highest(certainty.FOUND)) <= 0.003


@pytest.mark.exhaustive
def test_the_specifications_graphql_gives_the_same(guide: Platform) -> None:
    query = """{ Get { ChristmasDocument(nearText: {concepts: ["%s"], certainty: %s} limit: 5)
                 { content file_path section _additional { certainty id } } } }"""
    bound = env_file.variables(guide, "rag")["CHRISTMAS_SEARCH_CERTAINTY"]
    with clients.weaviate_client(guide, "rag") as client:
        answer = client.graphql_raw_query(query % (QUESTION, bound))
        foreign = client.graphql_raw_query(query % ("How do I bake banana bread?", bound))
    assert foreign.get["ChristmasDocument"] == []
    assert answer.errors is None
    found = [(each["_additional"]["id"], round(each["_additional"]["certainty"], 4)) for each in answer.get["ChristmasDocument"]]
    assert found == [(hit.id, round(hit.certainty, 4)) for hit in search.search(guide, QUESTION)]


@pytest.mark.exhaustive
def test_the_right_passages_are_found(guide: Platform) -> None:
    """The retrieval test set with the bundled model, queries embedded by Weaviate and passages by the import."""
    questions = read_questions(QUESTIONS)
    assert len(questions) >= 60
    with clients.weaviate_client(guide, "rag") as client:
        found = evaluate(client, questions)
    for part in (found, found.of_language("ko"), found.of_language("en")):
        missed = [each.question for each, rank in zip(part.questions, part.ranks, strict=True) if rank is None or rank > 5]
        assert part.recall(5) >= 0.9, missed
        assert part.mean_reciprocal_rank() >= 0.8, missed


@pytest.mark.exhaustive
def test_path_and_section_narrow_it_down(guide: Platform) -> None:
    english = search.search(guide, QUESTION, 0.0, path="docs/guide/en/", limit=10)
    assert len(english) == 10
    assert all(hit.file_path.startswith("docs/guide/en/") for hit in english)
    sections = search.search(guide, "비밀번호", 0.0, section="비밀번호 바꾸기", limit=10)
    assert {hit.section for hit in sections} == {"운영 > 비밀번호 바꾸기"}
    assert search.search(guide, QUESTION, 0.0, path="docs/guide/*") == []


@pytest.mark.exhaustive
def test_hybrid_search_finds_words_that_have_no_meaning(guide: Platform) -> None:
    hits = search.search(guide, "idx_scan efConstruction maxConnections", mode=search.Mode.HYBRID)
    assert any("efConstruction" in hit.content for hit in hits[:2])
    assert all(hit.score is not None and 0 <= hit.certainty <= 1 for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score or 0 for hit in hits), reverse=True)


@pytest.mark.exhaustive
def test_a_high_certainty_finds_nothing(guide: Platform) -> None:
    assert search.search(guide, QUESTION, certainty=1.0) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("question", "options", "told"),
    [
        ("", {}, "question is empty"),
        ("x" * 9000, {}, "9000 characters"),
        ("q", {"certainty": 1.5}, "between 0 and 1"),
        ("q", {"limit": 0}, "between 1 and 100"),
        ("q", {"limit": 1000}, "between 1 and 100"),
    ],
)
def test_senseless_questions_are_refused(guide: Platform, question: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(PlatformError, match=told):
        search.search(guide, question, **options)


def test_without_a_collection_the_way_to_make_it_is_told(store: Store) -> None:
    with pytest.raises(PlatformError, match="ChristmasDocument does not exist") as failure:
        search.search(store.platform, "q")
    assert failure.value.next_step == "invoke seed.docs"


def test_a_failing_embedding_service_is_told(store: Store, folder: Path) -> None:
    store.load(folder)
    wrong = dataclasses.replace(store.platform, embedding_key="sk-wrong-secret")
    with pytest.raises(PlatformError, match="could not be embedded") as failure:
        search.search(wrong, "q", collection=store.collection)
    assert "sk-wrong-secret" not in str(failure.value)


@pytest.mark.exhaustive
def test_readers_may_not_write(guide: Platform) -> None:
    from weaviate.exceptions import UnexpectedStatusCodeError

    with clients.weaviate_client(guide, "rag") as client, pytest.raises(UnexpectedStatusCodeError, match="403"):
        client.collections.use("ChristmasDocument").data.insert({"content": "x"}, vector=[0.1] * 384)
    with clients.weaviate_client(guide, "rag") as client, pytest.raises(UnexpectedStatusCodeError, match="403"):
        client.alias.delete(alias_name="ChristmasDocument")
