"""Questions to the document store, as from an application with the `rag` account."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from christmas.blueprint.collection_model import Collection
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT, SEARCH_LIMIT
from core.errors import PlatformError
from infra import clients
from infra.connections import Platform

if TYPE_CHECKING:
    import weaviate
    from weaviate.collections.classes.filters import _Filters

MOST = 100
"""The most passages in one answer."""
LONGEST_QUESTION = 8000
"""Characters; more would not fit the embedding model."""
_PROPERTIES = ["content", "file_path", "section", "chunk_id"]


class Mode(StrEnum):
    """How passages are searched."""

    MEANING = "meaning"  # by vector alone: Weaviate's nearText
    HYBRID = "hybrid"  # by vector and by words, the two rankings fused


@dataclass(frozen=True, slots=True)
class Hit:
    """A found passage.

    `certainty` is from 0 to 1: half of one plus half of the cosine between question and passage. `score` is a hybrid
    search's fused score, None otherwise; hybrid hits come in its order.
    """

    content: str
    file_path: str
    section: str
    chunk_id: int
    certainty: float
    id: str
    score: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The hit for `--json`."""
        return asdict(self)


def least_certainty(platform: Platform, collection: Collection = CHRISTMAS_DOCUMENT) -> float:
    """The minimum certainty of an answer, from the stack's embedding model."""
    return collection.profile(platform.embedding_profile).certainty


ASKER = "rag"
"""The account that asks."""


def search(
    platform: Platform,
    question: str,
    certainty: float | None = None,
    limit: int = SEARCH_LIMIT,
    *,
    mode: Mode = Mode.MEANING,
    path: str | None = None,
    section: str | None = None,
    collection: Collection = CHRISTMAS_DOCUMENT,
) -> list[Hit]:
    """The passages nearest to the question, best first, none under `certainty` (by default the value measured for the stack's model).

    `path` restricts to files whose path begins with it, `section` to headings with these words. In a hybrid search a
    passage under `certainty` is found only if its words match.
    Raises PlatformError for an invalid question or bound, and if the store or its embedding service fails.
    """
    import weaviate.exceptions as failures

    certainty = least_certainty(platform, collection) if certainty is None else certainty
    _check(question, certainty, limit)
    try:
        with clients.weaviate_client(platform, ASKER) as client:
            return ask(client, question, certainty, limit, mode=mode, path=path, section=section, collection=collection)
    except failures.WeaviateQueryError as error:
        raise _explained(error.message, collection.name, platform) from error
    except (failures.WeaviateConnectionError, failures.WeaviateStartUpError) as error:
        raise PlatformError(what="Weaviate does not answer", where=platform.weaviate_url(), next_step="invoke check") from error


def ask(
    client: weaviate.WeaviateClient,
    question: str,
    certainty: float,
    limit: int = SEARCH_LIMIT,
    *,
    mode: Mode = Mode.MEANING,
    path: str | None = None,
    section: str | None = None,
    collection: Collection = CHRISTMAS_DOCUMENT,
) -> list[Hit]:
    """The same with an open client, for many questions. Raises Weaviate's own errors."""
    store = client.collections.use(collection.name)
    path = unicodedata.normalize("NFC", path) if path else ""
    chosen = _filters(path, section)
    # The filter may match too much if the path has special characters, so ask for more and filter again.
    most = limit if path == _pattern(path) else MOST
    find = _hybrid if mode is Mode.HYBRID else _near_text
    return [hit for hit in find(store, question, certainty, most, chosen) if hit.file_path.startswith(path)][:limit]


def _check(question: str, certainty: float, limit: int) -> None:
    wrong = None
    if not question.strip():
        wrong = "the question is empty"
    elif len(question) > LONGEST_QUESTION:
        wrong = f"the question has {len(question)} characters, more than {LONGEST_QUESTION}"
    elif not 0.0 <= certainty <= 1.0:
        wrong = f"certainty is {certainty}, but must be between 0 and 1"
    elif not 1 <= limit <= MOST:
        wrong = f"limit is {limit}, but must be between 1 and {MOST}"
    if wrong:
        raise PlatformError(what=wrong, where="invoke seed.search", next_step="see invoke --help seed.search")


def _filters(path: str, section: str | None) -> _Filters | None:
    from weaviate.classes.query import Filter

    chosen: list[_Filters] = []
    if path:
        chosen.append(Filter.by_property("file_path").like(_pattern(path) + "*"))
    if section:
        chosen.append(Filter.all_of([Filter.by_property("section").like(f"*{_pattern(word)}*") for word in section.split()]))
    return Filter.all_of(chosen) if chosen else None


def _pattern(text: str) -> str:
    """The text for `like`, which can't escape `*` and `?`: both match any character in their place."""
    return re.sub(r"[*?\\]", "?", text)


def _near_text(store: Any, question: str, certainty: float, limit: int, chosen: _Filters | None) -> list[Hit]:
    from weaviate.classes.query import MetadataQuery

    answer = store.query.near_text(
        query=question,
        certainty=certainty,
        limit=limit,
        filters=chosen,
        return_properties=_PROPERTIES,
        return_metadata=MetadataQuery(certainty=True),
    )
    return [_hit(passage, float(passage.metadata.certainty or 0.0)) for passage in answer.objects]


def _hybrid(store: Any, question: str, certainty: float, limit: int, chosen: _Filters | None) -> list[Hit]:
    """Hybrid answers have no certainty: ask for it afterwards, for the found passages."""
    from weaviate.classes.query import Filter, MetadataQuery

    answer = store.query.hybrid(
        query=question,
        query_properties=["content", "section"],
        alpha=0.7,
        max_vector_distance=2.0 - 2.0 * certainty,
        limit=limit,
        filters=chosen,
        return_properties=_PROPERTIES,
        return_metadata=MetadataQuery(score=True),
    )
    if not answer.objects:
        return []
    ids = [str(passage.uuid) for passage in answer.objects]
    measured = store.query.near_text(
        query=question,
        limit=limit,
        filters=Filter.by_id().contains_any(ids),
        return_properties=[],
        return_metadata=MetadataQuery(certainty=True),
    )
    certainties = {str(passage.uuid): float(passage.metadata.certainty or 0.0) for passage in measured.objects}
    return [_hit(passage, certainties.get(str(passage.uuid), 0.0), float(passage.metadata.score or 0.0)) for passage in answer.objects]


def _hit(passage: Any, certainty: float, score: float | None = None) -> Hit:
    return Hit(
        content=str(passage.properties["content"]),
        file_path=str(passage.properties["file_path"]),
        section=str(passage.properties["section"]),
        chunk_id=int(passage.properties["chunk_id"]),
        certainty=certainty,
        id=str(passage.uuid),
        score=score,
    )


def _explained(message: str, collection: str, platform: Platform) -> PlatformError:
    if "could not find class" in message or "class not found" in message.lower():
        return PlatformError(what=f"collection {collection} does not exist", where=f"stack {platform.stack}", next_step="invoke seed.docs")
    if "vectoriz" in message or "remote client" in message:
        what = f"the question could not be embedded: {message[-300:]}"
        return PlatformError(
            what=what, where=f"embedding profile {platform.embedding_profile}", next_step="invoke check shows which service fails"
        )
    return PlatformError(what=f"the search failed: {message[-300:]}", where=platform.weaviate_url(), next_step="invoke check")
