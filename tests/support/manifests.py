"""Manifests made up for tests of decisions, where no store is asked."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

from backup.sets.model import (
    STORES,
    FileRecord,
    Manifest,
    PostgresPart,
    RedisPart,
    ReferencePoint,
    SetKind,
    Store,
    TableRecord,
    WeaviatePart,
)
from backup.sets.sealing import Keyring
from tests.support.identities import new_identity

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@functools.cache
def keyring() -> Keyring:
    """Keys of somebody who makes sets and reads them again."""
    identity, recipient = new_identity()
    return Keyring((recipient,), (identity,))


def manifest(
    set_id: str = "20261123-120000-full-0000",
    *,
    kind: SetKind = "full",
    started: datetime = NOON,
    parent: str | None = None,
    stores: tuple[Store, ...] = STORES,
    logical: bool = True,
    label: str | None = None,
    references: tuple[str, ...] = (),
    base_id: str | None = None,
) -> Manifest:
    """A manifest of a set that took ten seconds."""
    finished = started + timedelta(seconds=10)
    return Manifest(
        id=set_id,
        stack="tests",
        kind=kind,
        parent=parent,
        started=started,
        finished=finished,
        made_by="somebody@somewhere",
        stores=stores,
        postgres=_postgres(set_id, started, finished, logical, label or f"label-{set_id}", references) if "postgres" in stores else None,
        redis=_redis(started, finished) if "redis" in stores else None,
        weaviate=_weaviate(set_id, started, finished, base_id) if "weaviate" in stores else None,
    )


def _postgres(set_id: str, started: datetime, finished: datetime, logical: bool, label: str, references: tuple[str, ...]) -> PostgresPart:
    return PostgresPart(
        started=started,
        finished=finished,
        files=(FileRecord(place="pgbackrest", path=f"backup/christmas/{label}/bundle/1", size=100, sha256="0" * 64),),
        label=label,
        prior=references[-1] if references else None,
        references=references,
        lsn_start="0/2000028",
        lsn_stop="0/2000120",
        wal_start="000000010000000000000002",
        wal_stop="000000010000000000000003",
        timeline=1,
        system_id="7",
        schema_revision="0005",
        versions={"postgresql": "17.11"},
        database_bytes=1000,
        repository_bytes=100,
        reference_point=ReferencePoint(
            lsn="0/3000028",
            at=started,
            exact=True,
            restore_point=f"christmas-{set_id}",
            tables={"users": TableRecord(rows=3, checksum="9")},
        ),
        logical="postgres/christmas_db.dump" if logical else None,
    )


def _redis(started: datetime, finished: datetime) -> RedisPart:
    return RedisPart(
        started=started,
        finished=finished,
        files=(FileRecord(path="redis/dump.rdb", size=10, sha256="1" * 64),),
        versions={"redis": "8.0.2"},
        keys=5,
        expires=5,
        keyspaces={"session": 5},
        aof_from=started - timedelta(minutes=30),
        aof_incremental="appendonly.aof.1.incr.aof",
        aof_position=10,
        aof_keys=5,
        aof_at=started + timedelta(seconds=2),
    )


def _weaviate(set_id: str, started: datetime, finished: datetime, base_id: str | None) -> WeaviatePart:
    return WeaviatePart(
        started=started,
        finished=finished,
        files=(FileRecord(path=f"weaviate/{set_id}/backup_config.json", size=10, sha256="2" * 64),),
        backup_id=set_id,
        base_id=base_id,
        node="weaviate",
        versions={"weaviate": "1.39.0"},
        collections={"ChristmasDocument": (7, 7)},
    )
