"""Loads documents into the vector store: only changed passages are embedded and written, deleted ones are removed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from christmas.blueprint.collection_model import Collection
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from core.errors import PlatformError
from core.progress import Progress
from infra import clients
from infra.connections import ROOT, Platform
from seed import encodings, schema_plan, sources
from seed.blocks import Unreadable
from seed.embeddings import Embedder, EmbeddingService, service_of
from seed.importing import Imported, import_passages, remove
from seed.locks import exclusive_for_stack
from seed.passages import Passage, passages_of, stored_hash
from seed.rebuilding import take_over
from seed.report import SeedReport

if TYPE_CHECKING:
    from weaviate.collections import Collection as WeaviateCollection

DEFAULT_PATHS = (ROOT / "docs" / "guide",)
COST_TO_ASK_ABOVE = 1.0
"""US dollars; a run with a higher estimated cost must be confirmed."""


@dataclass(frozen=True, slots=True)
class DocumentsReport(SeedReport):
    """A SeedReport of chunks, with the number `removed`, the embedded `tokens`, and the failed files.

    `passed_over` counts the files in the folders without a reader, by suffix.
    """

    removed: int = 0
    tokens: int = 0
    problems: tuple[str, ...] = ()
    passed_over: dict[str, int] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """The number of written and removed chunks."""
        return self.inserted + self.updated + self.removed

    def as_dict(self) -> dict[str, Any]:
        """The counts and the list of problems for `--json`."""
        return {**SeedReport.as_dict(self), "changed": self.changed, "problems": list(self.problems), "passed_over": self.passed_over}

    def __str__(self) -> str:
        lines = [f"{SeedReport.__str__(self)}, {self.removed} removed", *(f"  not imported: {problem}" for problem in self.problems)]
        if self.passed_over:
            lines.append(f"  passed over, no reader: {', '.join(f'{count} {suffix}' for suffix, count in self.passed_over.items())}")
        return "\n".join(lines)


@dataclass(slots=True)
class _Work:
    """The work of one run."""

    write: list[Passage] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    unchanged: int = 0
    problems: list[str] = field(default_factory=list)
    passed_over: dict[str, int] = field(default_factory=dict)


def load(
    platform: Platform,
    paths: Sequence[Path] | None,
    progress: Progress,
    *,
    collection: Collection = CHRISTMAS_DOCUMENT,
    encoding: str | None = None,
    allow_loss: bool = False,
    confirm: Callable[[str], bool] | None = None,
) -> DocumentsReport:
    """Bring the store to the state of the files under `paths` (the project's own guide for None).

    First makes or changes the collection if the blueprint requires it; `allow_loss` permits changes that lose data. A file
    that can't be read or embedded is named in the report and keeps its passages in the store; the others continue. `confirm` is
    called before a run that costs more than COST_TO_ASK_ABOVE; without it such a run is refused. `encoding` is for text
    without a mark that isn't UTF-8.
    Raises PlatformError for an unknown encoding, and if nothing can be embedded at all: no key, no quota, wrong dimensions.
    """
    started = time.monotonic()
    encoding = encodings.known(encoding) if encoding else None
    profile = collection.profile(platform.embedding_profile)
    service = service_of(platform, profile)
    with (
        exclusive_for_stack(platform, "documents", progress) as still_alone,
        clients.weaviate_client(platform, "indexer") as client,
    ):
        plan = schema_plan.prepare(client, collection, profile, allow_loss=allow_loss)
        for step in plan.steps:
            progress.log(step)
        store = client.collections.use(plan.target)
        with contextlib.closing(Embedder(service, progress)) as embedder:
            if plan.copy_from:
                take_over(client.collections.use(plan.copy_from), store, collection, embedder, progress)
            progress.status("reading documents")
            documents = sources.find(paths or DEFAULT_PATHS)
            stored = _stored(store)
            work = _plan(documents, stored, encoding)
            _ask(work.write, service, progress, confirm)
            imported = import_passages(store, work.write, embedder, progress)
        still_alone()
        # A failed file keeps its old passages, also those beyond its present end.
        remove(store, [object_id for object_id in work.remove if stored[object_id][0] not in imported.problems])
        schema_plan.finish(client, collection, plan)
    return _report(work, imported, stored, time.monotonic() - started)


def _report(work: _Work, imported: Imported, stored: dict[str, tuple[str, str]], seconds: float) -> DocumentsReport:
    inserted = sum(object_id not in stored for object_id in imported.written)
    return DocumentsReport(
        "documents",
        inserted,
        len(imported.written) - inserted,
        work.unchanged,
        seconds,
        removed=sum(stored[object_id][0] not in imported.problems for object_id in work.remove),
        tokens=imported.tokens,
        problems=(*work.problems, *(f"{path}: {why}" for path, why in imported.problems.items())),
        passed_over=work.passed_over,
    )


def _ask(passages: Sequence[Passage], service: EmbeddingService, progress: Progress, confirm: Callable[[str], bool] | None) -> None:
    tokens = sum(passage.chunk.tokens for passage in passages)
    dollars = tokens / 1e6 * service.dollars_per_million_tokens
    if not dollars:
        return
    summary = f"{len(passages)} chunks, about {tokens} tokens of {service.model}, about ${dollars:.4f}"
    progress.log(summary)
    if dollars > COST_TO_ASK_ABOVE and not (confirm and confirm(summary)):
        raise PlatformError(
            what=f"not embedded: {summary}", where="invoke seed.docs", next_step=f"add --yes to spend more than ${COST_TO_ASK_ABOVE:.2f}"
        )


def _stored(store: WeaviateCollection[Any, Any]) -> dict[str, tuple[str, str]]:
    """Path and hash of every object, by id."""
    return {
        str(stored.uuid): (str(stored.properties["file_path"]), stored_hash(stored.properties["metadata"]))
        for stored in store.iterator(return_properties=["file_path", "metadata"], cache_size=1000)
    }


def _plan(documents: sources.Found, stored: dict[str, tuple[str, str]], encoding: str | None) -> _Work:
    work = _Work(problems=list(documents.problems), passed_over=dict(documents.passed_over.most_common()))
    keep: set[str] = set()
    spared: set[str] = set()
    for source in documents.sources:
        try:
            passages = passages_of(source, encoding)
        except Unreadable as problem:
            work.problems.append(f"{sources.shown(source.path)}: {problem}")
            spared.add(source.path)
            continue
        changed = [passage for passage in passages if stored.get(passage.id) != (passage.path, passage.hash)]
        work.write += changed
        work.unchanged += len(passages) - len(changed)
        keep |= {passage.id for passage in passages}
    for absent in documents.absent:
        if not any(path == absent or path.startswith(f"{absent}/") for path, _ in stored.values()):
            work.problems.append(f"{sources.shown(absent)}: no such file, and nothing was imported from it earlier")
    work.remove = [id_ for id_, (path, _) in stored.items() if documents.covers(path) and id_ not in keep and path not in spared]
    return work
