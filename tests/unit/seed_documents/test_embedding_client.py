"""The embedding client against a real server that speaks OpenAI's API, with its errors and rate limits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from core.errors import PlatformError
from seed.embeddings import Embedder, EmbeddingService, TextRefusedError
from tests.support.openai_server import KEY, OpenAIServer, Trouble, run_openai_server, vector


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with run_openai_server(dimensions=32) as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.troubles.clear()
    running.requests.clear()
    running.poison = ""
    return running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def embedder(server: OpenAIServer, waits: list[float]) -> Iterator[Embedder]:
    made = Embedder(EmbeddingService(server.url, "text-embedding-ada-002", 32, KEY), sleep=waits.append)
    yield made
    made.close()


def test_vectors_come_in_the_order_of_their_texts(embedder: Embedder, server: OpenAIServer) -> None:
    answer = embedder.passages(["하나 둘", "three", "four five six"])
    assert answer.tokens == 6
    for found, text in zip(answer.vectors, ["하나 둘", "three", "four five six"], strict=True):
        assert found == pytest.approx(vector(text, 32), abs=1e-6)
    assert server.requests[0]["model"] == "text-embedding-ada-002"
    assert "input_type" not in server.requests[0]


def test_the_kind_is_told_where_the_service_takes_it(server: OpenAIServer) -> None:
    made = Embedder(EmbeddingService(server.url, "m", 32, KEY, tells_kinds=True))
    made.passages(["a b"])
    made.query("c d")
    made.close()
    assert [request["input_type"] for request in server.requests] == ["passage", "query"]


def test_nothing_is_asked_for_no_texts(embedder: Embedder, server: OpenAIServer) -> None:
    assert embedder.passages([]).vectors == []
    assert server.requests == []


@pytest.mark.parametrize(
    ("trouble", "wait"),
    [
        (Trouble(429, "rate_limit_exceeded", {"retry-after": "3"}), 3.0),
        (Trouble(429, "rate_limit_exceeded", {"retry-after-ms": "250", "retry-after": "9"}), 0.25),
        (Trouble(503, None, {"Retry-After": "7"}), 7.0),
        (Trouble(429, None, {"retry-after": "86400"}), 60.0),
    ],
)
def test_it_waits_as_long_as_the_server_asks(
    embedder: Embedder, server: OpenAIServer, waits: list[float], trouble: Trouble, wait: float
) -> None:
    server.troubles.append(trouble)
    assert len(embedder.passages(["a"]).vectors) == 1
    assert waits == [wait]


def test_waits_grow_where_the_server_does_not_say(embedder: Embedder, server: OpenAIServer, waits: list[float]) -> None:
    server.troubles.extend(Trouble(500) for _ in range(5))
    embedder.passages(["a"])
    assert len(waits) == 5
    assert all(0.25 * 2**attempt <= 2 * wait <= 2 * 0.5 * 2**attempt for attempt, wait in enumerate(waits, 1))


def test_it_gives_up_after_a_bounded_number_of_attempts(embedder: Embedder, server: OpenAIServer, waits: list[float]) -> None:
    server.troubles.extend(Trouble(502) for _ in range(20))
    with pytest.raises(PlatformError, match="no answer after 8 attempts, the last one: status 502"):
        embedder.passages(["a"])
    assert len(waits) == 7


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (Trouble(429, "insufficient_quota", {"retry-after": "1"}), "quota is used up"),
        (Trouble(403, "country_not_supported"), "the key was refused"),
        (Trouble(404, "model_not_found", message="no such model"), "no such model"),
    ],
)
def test_what_stays_is_told_at_once(embedder: Embedder, server: OpenAIServer, waits: list[float], trouble: Trouble, told: str) -> None:
    server.troubles.append(trouble)
    with pytest.raises(PlatformError, match=told) as refused:
        embedder.passages(["a"])
    assert not isinstance(refused.value, TextRefusedError)
    assert refused.value.next_step
    assert waits == []


def test_a_wrong_key_is_told_without_showing_it(server: OpenAIServer) -> None:
    service = EmbeddingService(server.url, "m", 32, "sk-wrong-secret")
    made = Embedder(service)
    with pytest.raises(PlatformError, match="the key was refused") as refused:
        made.passages(["a"])
    made.close()
    assert "sk-wrong-secret" not in str(refused.value) + repr(service)


def test_a_text_that_is_refused_is_told_apart(embedder: Embedder, server: OpenAIServer) -> None:
    server.poison = "poison"
    with pytest.raises(TextRefusedError, match="that text is not taken"):
        embedder.passages(["fine", "some poison"])


def test_vectors_of_another_size_are_refused(server: OpenAIServer) -> None:
    made = Embedder(dataclasses.replace(EmbeddingService(server.url, "m", 32, KEY), dimensions=1536))
    with pytest.raises(PlatformError, match="vectors of 32 dimensions where the blueprint says 1536"):
        made.passages(["a"])
    made.close()


def test_nobody_listening_is_told(waits: list[float]) -> None:
    made = Embedder(EmbeddingService("http://127.0.0.1:9/v1", "m", 32, KEY), sleep=waits.append, attempts=2)
    with pytest.raises(PlatformError, match="no answer after 2 attempts"):
        made.passages(["a"])
    made.close()
