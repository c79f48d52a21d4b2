"""The present sizes: of tables in bytes, of keyspaces in keys, of collections in objects, of all backup sets in bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from christmas.blueprint.relational import SCHEMA
from infra import clients
from infra.connections import Platform
from monitor import keyspace_audit, weaviate_server
from monitor.postgres import connected, query
from monitor.redis_settings import ACCOUNT

KEYS = 2_500
"""Keys that are looked at, five seconds' worth; of more keys, each keyspace's share is estimated from these."""


def measure(platform: Platform) -> dict[str, float]:
    """Sizes by name, such as `table orders`. A store that does not answer is left out."""
    sizes: dict[str, float] = {}
    readers: Mapping[str, Callable[[Platform], Mapping[str, float]]] = {
        "table": _tables,
        "keyspace": _keyspaces,
        "collection": _collections,
        "backups": _sets,
    }
    for kind, read in readers.items():
        try:
            sizes |= {f"{kind} {name}": value for name, value in read(platform).items()}
        except Exception:  # noqa: S112 - whatever keeps one store from answering, the others' sizes count
            continue
    return sizes


def unit_of(name: str) -> str:
    """The unit of a size by its name: bytes, keys or objects."""
    return {"keyspace": "keys", "collection": "objects"}.get(name.split(" ", 1)[0], "bytes")


def _tables(platform: Platform) -> Mapping[str, float]:
    with connected(platform) as connection:
        return {str(name): float(size) for name, size in connection.execute(query("sizes"), {"schema": SCHEMA}).fetchall()}


def _keyspaces(platform: Platform) -> Mapping[str, float]:
    with clients.redis_client(platform, ACCOUNT) as client:
        total = int(client.dbsize())
        seen = keyspace_audit.audit(client, max_keys=KEYS)
    scale = 1.0 if seen.complete or not seen.total else total / seen.total
    return {name or "none": round(count * scale) for name, count in seen.keys.items()}


def _collections(platform: Platform) -> Mapping[str, float]:
    counts: Counter[str] = Counter()
    for node in weaviate_server.nodes(platform):
        for shard in node.get("shards") or ():
            counts[str(shard["class"])] += int(shard.get("objectCount", 0))
    return dict(counts)


def _sets(platform: Platform) -> Mapping[str, float]:
    from backup.sets.folders import list_sets

    return {"all sets": float(sum(manifest.total_bytes for manifest in list_sets(platform.stack)))}
