"""Documents into the vector store: only what changed is embedded and written, and what is gone is removed."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airgap.errors import PlatformError
from airgap.setup.progress import Progress
from blueprint.collections import CHRISTMAS_DOCUMENT
from blueprint.model import Collection
from infra import clients
from infra.connections import LOCAL, ROOT, Platform
from seed import collection as collections
from seed import sources
from seed.chunks import SECTION_SEPARATOR, Chunk, chunk
from seed.embeddings import Embedder, service_of
from seed.locks import exclusive
from seed.report import SeedReport

if TYPE_CHECKING:
    from weaviate.collections import Collection as WeaviateCollection

DEFAULT_PATHS = (ROOT / "docs" / "guide",)
NAMESPACE = uuid.UUID("5e1c6f2b-8d5a-4b5c-9d57-3f0b7a6d2c41")
"""Namespace (RFC 9562, version 5) of the chunks' ids."""
FORMAT = 1
"""Raised when what is embedded or stored of a chunk changes, so that the next run writes every chunk anew."""
EMBED_AT_ONCE = 32
WRITE_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class DocumentsReport(SeedReport):
    """A SeedReport of chunks, with what was `removed` and the files that could not be taken in."""

    removed: int = 0
    tokens: int = 0
    problems: tuple[str, ...] = ()

    @property
    def changed(self) -> int:
        """How many chunks were written or removed."""
        return self.inserted + self.updated + self.removed

    def as_dict(self) -> dict[str, Any]:
        """The counts for `--json`, and the problems one by one."""
        return {**SeedReport.as_dict(self), "changed": self.changed, "problems": list(self.problems)}

    def __str__(self) -> str:
        lines = [f"{SeedReport.__str__(self)}, {self.removed} removed", *(f"  not taken in: {problem}" for problem in self.problems)]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk on its way into the store."""

    path: str
    chunk: Chunk
    hash: str

    @property
    def id(self) -> str:
        """The same for the same place in the same file, so that a changed chunk replaces its predecessor."""
        return str(uuid.uuid5(NAMESPACE, f"{self.path}\n{self.chunk.number}"))

    @property
    def embedded_text(self) -> str:
        """What the vector is made of: the headings above a passage say what it is about."""
        headings = self.chunk.section.replace(SECTION_SEPARATOR, ", ")
        return f"{headings}\n{self.chunk.content}" if headings else self.chunk.content

    def properties(self, timestamp: str) -> dict[str, Any]:
        """The object's properties, as the blueprint names them."""
        metadata = {"timestamp": timestamp, "tokens": self.chunk.tokens, "hash": self.hash}
        return {
            "content": self.chunk.content,
            "file_path": self.path,
            "section": self.chunk.section,
            "chunk_id": self.chunk.number,
            "metadata": json.dumps(metadata),
        }


@dataclass(slots=True)
class _Work:
    """What a run has to do, by id: `old` are the stored hashes of the files in its reach."""

    write: list[Passage] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    unchanged: int = 0
    problems: list[str] = field(default_factory=list)


def load(
    platform: Platform, paths: Sequence[Path] | None, progress: Progress, collection: Collection = CHRISTMAS_DOCUMENT
) -> DocumentsReport:
    """Bring the store to what the files under `paths` (the project's own guide where None) say.

    A file that can't be read or embedded is named in the report, keeps what it had in the store, and the rest goes on.
    Raises PlatformError where the service refuses everything: no key, no quota, wrong dimensions.
    """
    started = time.monotonic()
    profile = collection.profile(platform.embedding_profile)
    with exclusive(LOCAL / "locks" / f"{platform.stack}-documents", progress), clients.weaviate_client(platform, "indexer") as client:
        name = collections.ensure(client, collection, profile)
        store = client.collections.use(name)
        progress.status("reading documents")
        found = sources.find(paths or DEFAULT_PATHS)
        stored = _stored(store)
        work = _plan(found, stored)
        with contextlib.closing(Embedder(service_of(platform, profile), progress)) as embedder:
            tokens = _write(store, work.write, embedder, progress)
        _remove(store, work.remove)
    inserted = sum(passage.id not in stored for passage in work.write)
    return DocumentsReport(
        "documents",
        inserted,
        len(work.write) - inserted,
        work.unchanged,
        time.monotonic() - started,
        removed=len(work.remove),
        tokens=tokens,
        problems=tuple(work.problems),
    )


def passages_of(source: sources.Source) -> list[Passage]:
    """The passages of one file. Raises sources.Unreadable."""
    return [
        Passage(source.path, each, sources.content_hash((str(FORMAT), each.section, each.content))) for each in chunk(sources.read(source))
    ]


def _stored(store: WeaviateCollection[Any, Any]) -> dict[str, tuple[str, str]]:
    """Id to path and hash of every object."""
    found: dict[str, tuple[str, str]] = {}
    for each in store.iterator(return_properties=["file_path", "metadata"], cache_size=1000):
        try:
            known = str(json.loads(str(each.properties["metadata"]))["hash"])
        except (ValueError, KeyError, TypeError):
            known = ""  # written by somebody else: replaced where it stands in the way, removed where its file is gone
        found[str(each.uuid)] = (str(each.properties["file_path"]), known)
    return found


def _plan(found: sources.Found, stored: dict[str, tuple[str, str]]) -> _Work:
    work = _Work(problems=list(found.problems))
    keep: set[str] = set()
    spared: set[str] = set()
    for source in found.sources:
        try:
            passages = passages_of(source)
        except sources.Unreadable as problem:
            work.problems.append(f"{source.path}: {problem}")
            spared.add(source.path)
            continue
        for passage in passages:
            keep.add(passage.id)
            if stored.get(passage.id) == (passage.path, passage.hash):
                work.unchanged += 1
            else:
                work.write.append(passage)
    for absent in found.absent:
        if not any(path == absent or path.startswith(f"{absent}/") for path, _ in stored.values()):
            work.problems.append(f"{absent}: no such file, and nothing was imported from it before")
    work.remove = [id_ for id_, (path, _) in stored.items() if found.covers(path) and id_ not in keep and path not in spared]
    return work


def _write(store: WeaviateCollection[Any, Any], passages: Sequence[Passage], embedder: Embedder, progress: Progress) -> int:
    """Embed and write, whole files at a time; returns the tokens that the service counted."""
    tokens = written = 0
    for batch in _batches(passages):
        vectors: list[list[float]] = []
        for start in range(0, len(batch), EMBED_AT_ONCE):
            progress.status("embedding and writing")
            answer = embedder.passages([passage.embedded_text for passage in batch[start : start + EMBED_AT_ONCE]])
            vectors += answer.vectors
            tokens += answer.tokens
            progress.count(written + len(vectors), len(passages), "chunks")
        _insert(store, batch, vectors)
        written += len(batch)
    return tokens


def _insert(store: WeaviateCollection[Any, Any], batch: Sequence[Passage], vectors: Sequence[list[float]]) -> None:
    from weaviate.classes.data import DataObject

    timestamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    objects = [
        DataObject(properties=passage.properties(timestamp), uuid=passage.id, vector=vector)
        for passage, vector in zip(batch, vectors, strict=True)
    ]
    answer = store.data.insert_many(objects)
    if answer.has_errors:
        first = next(iter(answer.errors.values()))
        raise PlatformError(
            what=f"{len(answer.errors)} of {len(objects)} chunks were refused: {first.message[:200]}",
            where=f"Weaviate, collection {store.name}",
            next_step="mend the above and run this again: what is written stays, the rest follows",
        )


def _batches(passages: Sequence[Passage]) -> Iterator[list[Passage]]:
    """Whole files together, up to a size that one request carries well."""
    batch: list[Passage] = []
    for number, passage in enumerate(passages):
        ends_file = number + 1 == len(passages) or passages[number + 1].path != passage.path
        batch.append(passage)
        if ends_file and len(batch) >= WRITE_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _remove(store: WeaviateCollection[Any, Any], ids: Sequence[str]) -> None:
    from weaviate.classes.query import Filter

    for start in range(0, len(ids), WRITE_AT_ONCE):
        store.data.delete_many(where=Filter.by_id().contains_any(list(ids[start : start + WRITE_AT_ONCE])))
