"""The data model of a backup set: the manifest and its parts. Frozen, strict when parsed, without any store's driver."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

FORMAT = 2

SetKind = Literal["full", "incremental"]
Store = Literal["postgres", "redis", "weaviate"]
STORES: tuple[Store, ...] = ("postgres", "redis", "weaviate")

Logical = Literal["live", "copy"]
"""Where a logical backup is taken from: the live server with the set, or later the server that a drill restored from it."""

Place = Literal["set", "pgbackrest"]
"""Where a file is stored: in the set's own folder, or in pgBackRest's repository."""


class _Record(BaseModel):
    """`_later` names fields added after the first manifests were signed: at their default they aren't written.

    So an older manifest keeps the bytes that its signature covers, and older versions read a new one that doesn't use the new fields.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    _later: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_what_came_later(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        return {name: value for name, value in dumped.items() if name not in self._later or getattr(self, name) != fields[name].default}


class Unproven(_Record):
    """Something that a set keeps without a proof, or does not keep: what it is, and why.

    `by_design` marks a permanent reason, like the rows of a foreign table: it is reported, but needs no action.
    """

    _later = frozenset({"by_design"})

    what: str
    why: str
    by_design: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


class FileRecord(_Record):
    """One file of a set. `path` is relative to its place, with forward slashes; `size` in bytes; `sha256` in hex.

    Both describe the stored file, which is encrypted in a set; `plain_size` and `plain_sha256` describe its plain content.
    """

    place: Place = "set"
    path: str
    size: int
    sha256: str
    plain_size: int = 0
    plain_sha256: str = ""

    @property
    def stored(self) -> str:
        """The path of the stored file: a set's own files have the suffix of encrypted files."""
        return f"{self.path}.age" if self.place == "set" else self.path


class TableRecord(_Record):
    """A table's content at the set's reference point: its rows, and the sum of their hashes if it was taken.

    `rows` is None if they could not be counted: the part's `unproven` says why. `as_text` names the columns whose type has no hash
    function: their text was hashed instead.
    """

    _later = frozenset({"as_text"})

    rows: int | None
    checksum: str | None = None
    as_text: tuple[str, ...] = ()


class ReferencePoint(_Record):
    """A WAL position with known content: recovery to it must give exactly `tables`.

    `exact` is False if too many transactions committed while the point was taken: those may be on either side.
    `scope` is the counted part: `all` is every table of every schema, `public` the tables of that schema alone, as in older sets.
    A table of another schema is named `schema.table`, each name quoted where SQL would quote it.
    `sequences` has the last value of each sequence a moment before: a restored one may not be behind it. `broken` names the indexes
    and constraints that the live server itself did not trust: the restored server has the same.
    """

    _later = frozenset({"scope", "sequences", "broken"})

    lsn: str
    at: datetime
    exact: bool
    restore_point: str
    tables: dict[str, TableRecord]
    scope: Literal["public", "all"] = "public"
    sequences: dict[str, int] = {}
    broken: tuple[str, ...] = ()


class Switch(_Record):
    """Where PostgreSQL's WAL switched from a timeline to the next one."""

    timeline: int
    lsn: str


class _Part(_Record):
    _later = frozenset({"unproven"})

    started: datetime
    finished: datetime
    files: tuple[FileRecord, ...]
    unproven: tuple[Unproven, ...] = ()

    @property
    def duration(self) -> timedelta:
        """How long this store's backup took."""
        return self.finished - self.started

    @property
    def total_bytes(self) -> int:
        """Size of the part's files together."""
        return sum(file.size for file in self.files)


class PostgresPart(_Part):
    """A physical backup by pgBackRest and, if one was due, a logical one by pg_dump.

    `history` has the switches that led to `timeline`, the oldest first; None in sets older than this field.
    `counted` and `taken_over` count the relations whose rows were counted and hashed, and those unchanged since an earlier set by the log.
    `unlogged_changes` names the relations that were counted again though the log had no change of them, and were not as before.
    `logical_from` says what the logical backup is taken from; of a copy it is added by a drill, and awaited until then.
    """

    _later = frozenset({"unproven", "counted", "taken_over", "unlogged_changes", "logical_from"})

    label: str
    prior: str | None
    references: tuple[str, ...]
    lsn_start: str
    lsn_stop: str
    wal_start: str
    wal_stop: str
    timeline: int
    system_id: str
    schema_revision: str | None
    versions: dict[str, str]
    database_bytes: int
    repository_bytes: int
    reference_point: ReferencePoint
    logical: str | None = None
    history: tuple[Switch, ...] | None = None
    counted: int = 0
    taken_over: int = 0
    unlogged_changes: tuple[str, ...] = ()
    logical_from: Logical = "live"

    @property
    def awaits_logical(self) -> bool:
        """Whether a drill of the set has yet to make its logical backup."""
        return self.logical_from == "copy" and self.logical is None


class RedisPart(_Part):
    """The multi-part AOF, the ACL, and in a full set the RDB. `keys` and `expires` are the RDB's counts, None without one.

    The AOF has every state from `aof_from` to `aof_at`, by the second; the last one has `aof_keys` keys, of which `aof_expires` expire.
    `keyspaces` counts the keys of each keyspace in a full set, and is empty in an incremental one (docs/adr/0413).
    `odd` counts the keys that differ from their keyspace's declaration, by label. It and `aof_expires` are None in sets older than they.
    `libraries` counts the server's function libraries.
    """

    # Older sets have further fields that nothing reads: kept, since the signature covers them.
    model_config = ConfigDict(extra="allow", frozen=True)
    _later = frozenset({"unproven", "odd", "libraries", "aof_expires"})

    versions: dict[str, str]
    keys: int | None
    expires: int | None
    keyspaces: dict[str, int]
    aof_from: datetime
    aof_incremental: str
    aof_position: int
    aof_keys: int
    aof_at: datetime
    odd: dict[str, int] | None = None
    libraries: int = 0
    aof_expires: int | None = None


class WeaviatePart(_Part):
    """A backup by Weaviate's own module, copied out.

    `collections` counts each collection's objects before and after, `documents` each file's passages in the blueprint's collection.
    `backup_id` is None if there was no collection: the module refuses an empty backup.
    `tenants` has each collection's inactive tenants with their state: their objects can't be counted.
    `uncounted` names the collections that couldn't be counted at all.
    """

    _later = frozenset({"unproven", "tenants", "uncounted"})

    backup_id: str | None
    base_id: str | None
    node: str
    versions: dict[str, str]
    collections: dict[str, tuple[int, int]]
    documents: dict[str, int] = {}
    portable: tuple[str, ...] = ()
    tenants: dict[str, dict[str, str]] = {}
    uncounted: tuple[str, ...] = ()


class AuditHead(_Record):
    """The newest line of the stack's audit when the set was made: its number and its hash.

    `files` has the lines after number `after`, which is the newest one of the set's parent: a full set has all lines that there are.
    """

    _later = frozenset({"files", "after"})

    number: int
    hash: str
    files: tuple[FileRecord, ...] = ()
    after: int = 0


class Manifest(_Record):
    """The record of one backup set. A folder without one is not a backup.

    `sequence` is one more than in any earlier set: clocks jump, so it decides which set is newer.
    """

    format: int = FORMAT
    id: str
    sequence: int = 0
    stack: str
    kind: SetKind
    parent: str | None
    started: datetime
    finished: datetime
    made_by: str
    stores: tuple[Store, ...]
    postgres: PostgresPart | None = None
    redis: RedisPart | None = None
    weaviate: WeaviatePart | None = None
    audit: AuditHead | None = None
    signature: str = Field(default="", repr=False)

    @property
    def duration(self) -> timedelta:
        """From taking the lock to the manifest."""
        return self.finished - self.started

    @property
    def parts(self) -> dict[str, PostgresPart | RedisPart | WeaviatePart]:
        """The existing parts, by store."""
        every = {"postgres": self.postgres, "redis": self.redis, "weaviate": self.weaviate}
        return {store: part for store, part in every.items() if part is not None}

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """All files of all parts, and the audit's."""
        return (*(record for part in self.parts.values() for record in part.files), *(self.audit.files if self.audit else ()))

    @property
    def unproven(self) -> tuple[Unproven, ...]:
        """Everything that a part keeps without a proof, or does not keep."""
        return tuple(finding for part in self.parts.values() for finding in part.unproven)

    @property
    def total_bytes(self) -> int:
        """Size of all files together."""
        return sum(part.total_bytes for part in self.parts.values())

    def moments(self) -> dict[str, datetime]:
        """The moment that each store's part shows."""
        moments_by_store: dict[str, datetime] = {}
        if self.postgres:
            moments_by_store["postgres"] = self.postgres.reference_point.at
        if self.redis:
            moments_by_store["redis"] = self.redis.aof_at
        if self.weaviate:
            moments_by_store["weaviate"] = self.weaviate.finished
        return moments_by_store

    @property
    def awaits_logical(self) -> bool:
        """Whether a drill of the set has yet to make its logical backup."""
        return self.postgres is not None and self.postgres.awaits_logical

    def with_signature(self, signature: str) -> Self:
        """The same manifest, signed."""
        return self.model_copy(update={"signature": signature})

    def signed_bytes(self) -> bytes:
        """The signed content: everything except the signature, in one canonical form."""
        import json

        body = self.model_dump(mode="json", exclude={"signature"})
        if self.postgres and self.postgres.history is None:
            # Sets older than this field were signed without it.
            del body["postgres"]["history"]
        if self.audit is None:
            del body["audit"]
        return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
