"""Questions to the document store, as an application with the `rag` account would ask them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from blueprint.collections import CHRISTMAS_DOCUMENT, SEARCH_CERTAINTY, SEARCH_LIMIT
from infra import clients
from infra.connections import Platform


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found. `certainty` is from 0 to 1: half of one plus the cosine of question and passage."""

    content: str
    file_path: str
    section: str
    chunk_id: int
    certainty: float
    id: str

    def as_dict(self) -> dict[str, Any]:
        """The hit for `--json`."""
        return asdict(self)


def search(platform: Platform, question: str, certainty: float = SEARCH_CERTAINTY, limit: int = SEARCH_LIMIT) -> list[Hit]:
    """The passages nearest to the question, best first, none under `certainty`: Weaviate's nearText."""
    from weaviate.classes.query import MetadataQuery

    with clients.weaviate_client(platform, "rag") as client:
        answer = client.collections.use(CHRISTMAS_DOCUMENT.name).query.near_text(
            query=question,
            certainty=certainty,
            limit=limit,
            return_properties=["content", "file_path", "section", "chunk_id"],
            return_metadata=MetadataQuery(certainty=True),
        )
    return [
        Hit(
            content=str(each.properties["content"]),
            file_path=str(each.properties["file_path"]),
            section=str(each.properties["section"]),
            chunk_id=int(str(each.properties["chunk_id"])),
            certainty=float(each.metadata.certainty or 0.0),
            id=str(each.uuid),
        )
        for each in answer.objects
    ]
