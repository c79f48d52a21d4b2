"""Embeds and writes passages, whole files at a time: a file in the store is new, unchanged or absent, never half of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core.progress import Progress
from seed.embeddings import Embedded, Embedder, TextRefusedError
from seed.passages import Passage

if TYPE_CHECKING:
    from weaviate.collections import Collection as WeaviateCollection
    from weaviate.collections.classes.data import DataObject

EMBED_AT_ONCE = 32
"""Texts per request to the embedding service."""
WRITE_AT_ONCE = 128
"""Passages at which a request to the store is full; a file is never split between two."""
REQUESTS_UNDER_WAY = 2
"""Parallel requests to the embedding service: one is computed while the other is transferred."""
WRITES_UNDER_WAY = 4
"""Parallel requests to the store: it indexes on all its processors while the client prepares the next one."""
STORE_ATTEMPTS = 5


@dataclass(slots=True)
class Imported:
    """The result: written ids, failed files with the reason, and the service's token count."""

    written: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    tokens: int = 0


def import_passages(store: WeaviateCollection[Any, Any], passages: Sequence[Passage], embedder: Embedder, progress: Progress) -> Imported:
    """Embed and write the passages; those of one file must be adjacent.

    The next batch is embedded while others are written; no more batches are held. A file with a refused text stays
    unchanged. Raises PlatformError if the service refuses everything.
    """
    result = Imported()
    started = time.monotonic()
    with ThreadPoolExecutor(REQUESTS_UNDER_WAY) as embedding, ThreadPoolExecutor(WRITES_UNDER_WAY) as writing:
        writes: deque[Future[_Written]] = deque()
        try:
            batches = _batches(passages)
            ahead = _request(embedding, embedder, next(batches, []))
            while ahead or writes:
                if ahead:
                    batch, futures = ahead
                    vectors = _collect(batch, futures, embedder, result)
                    ahead = _request(embedding, embedder, next(batches, []))
                    writes.append(
                        writing.submit(_write, store, [passage for passage in batch if passage.path not in result.problems], vectors)
                    )
                while writes and (len(writes) > WRITES_UNDER_WAY or not ahead or writes[0].done()):
                    written = writes.popleft().result()
                    result.written += written.ids
                    result.problems |= written.problems
                    done = len(result.written)
                    progress.status(f"embedding and writing, {done / (time.monotonic() - started):.0f} chunks/s")
                    progress.count(done, len(passages), "chunks")
        except BaseException:
            embedding.shutdown(wait=False, cancel_futures=True)
            writing.shutdown(wait=False, cancel_futures=True)
            raise
    return result


@dataclass(frozen=True, slots=True)
class _Written:
    """The result of one request to the store."""

    ids: list[str]
    problems: dict[str, str]


_Ahead = tuple[list[Passage], list[Future[Embedded]]]


def _request(pool: ThreadPoolExecutor, embedder: Embedder, batch: list[Passage]) -> _Ahead | None:
    if not batch:
        return None
    parts = [batch[start : start + EMBED_AT_ONCE] for start in range(0, len(batch), EMBED_AT_ONCE)]
    return batch, [pool.submit(embedder.passages, [passage.text for passage in part]) for part in parts]


def _collect(batch: Sequence[Passage], futures: Sequence[Future[Embedded]], embedder: Embedder, result: Imported) -> dict[str, list[float]]:
    """Vectors by id. If a request was refused because of one text, try its files one by one to find which."""
    vectors: dict[str, list[float]] = {}
    for number, future in enumerate(futures):
        part = batch[number * EMBED_AT_ONCE : (number + 1) * EMBED_AT_ONCE]
        try:
            answers = [(list(part), future.result())]
        except TextRefusedError:
            answers = _one_by_one(part, embedder, result)
        for passages, answer in answers:
            result.tokens += answer.tokens
            vectors |= {passage.id: vector for passage, vector in zip(passages, answer.vectors, strict=True)}
    return vectors


def _one_by_one(part: Sequence[Passage], embedder: Embedder, result: Imported) -> list[tuple[list[Passage], Embedded]]:
    answers = []
    for path in dict.fromkeys(passage.path for passage in part):
        mine = [passage for passage in part if passage.path == path]
        try:
            answers.append((mine, embedder.passages([passage.text for passage in mine])))
        except TextRefusedError as error:
            result.problems[path] = error.what
    return answers


def _write(store: WeaviateCollection[Any, Any], batch: Sequence[Passage], vectors: dict[str, list[float]]) -> _Written:
    from weaviate.classes.data import DataObject

    timestamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    objects = [DataObject(properties=passage.properties(timestamp), uuid=passage.id, vector=vectors[passage.id]) for passage in batch]
    refused = insert(store, objects)
    broken = {batch[number].path: message for number, message in refused.items()}
    # Never half a file: remove its passages from the store again, so that the next run writes the whole file.
    remove(store, [passage.id for passage in batch if passage.path in broken])
    return _Written([passage.id for passage in batch if passage.path not in broken], broken)


def insert(store: WeaviateCollection[Any, Any], objects: Sequence[DataObject[Any, Any]]) -> dict[int, str]:
    """Write the objects in one request, repeated if the store is busy; returns position to message of the refused ones."""
    import weaviate.exceptions as failures

    left = dict(enumerate(objects))
    for attempt in range(1, STORE_ATTEMPTS + 1):
        if not left:
            return {}
        try:
            answer = store.data.insert_many(list(left.values()))
            positions = list(left)
            refused = {positions[number]: f"the store refused it: {error.message[:200]}" for number, error in answer.errors.items()}
        except failures.WeaviateInsertManyAllFailedError as error:
            refused = dict.fromkeys(left, f"the store refused it: {error.message[:200]}")
        except (failures.WeaviateConnectionError, failures.WeaviateBatchError):
            if attempt == STORE_ATTEMPTS:
                raise
            refused = dict.fromkeys(left, "the store did not answer")
        left = {position: left[position] for position in refused}
        if left and attempt < STORE_ATTEMPTS:
            time.sleep(0.2 * 2**attempt)
    return refused


def remove(store: WeaviateCollection[Any, Any], ids: Sequence[str]) -> None:
    """Delete the objects with these ids; missing ones are no error."""
    from weaviate.classes.query import Filter

    for start in range(0, len(ids), WRITE_AT_ONCE):
        store.data.delete_many(where=Filter.by_id().contains_any(list(ids[start : start + WRITE_AT_ONCE])))


def _batches(passages: Sequence[Passage]) -> Iterator[list[Passage]]:
    """Whole files together, up to a good size for one request."""
    batch: list[Passage] = []
    for number, passage in enumerate(passages):
        ends_file = number + 1 == len(passages) or passages[number + 1].path != passage.path
        batch.append(passage)
        if ends_file and len(batch) >= WRITE_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
