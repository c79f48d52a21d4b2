"""Checks of Weaviate's nodes: health, read-only shards, indexing queue, objects that their index has lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from christmas.blueprint.server_alarms import WEAVIATE_ALARMS, WeaviateAlarms
from infra.connections import Platform
from monitor import wire
from monitor.result import Finding, bounded, critical, ok

if TYPE_CHECKING:
    from weaviate.collections import Collection

ACCOUNT = "monitor"
READER = "backup"  # monitor may not read objects
_ASKED = 1000
_SHOWN = 4
_NEXT = "invoke logs weaviate --since 1h shows the reason: a full disk makes shards read-only (invoke check --only host.disk)"


def nodes(platform: Platform) -> list[dict[str, Any]]:
    """Weaviate's nodes with their shards, as `/v1/nodes` lists them."""
    key = platform.secret(ACCOUNT, "weaviate")
    listed = wire.get_json(platform.weaviate_url(), platform.ca_file, key, "/v1/nodes?output=verbose")
    return list(listed.get("nodes") or ())


def shards(platform: Platform) -> Finding:
    """Every node is healthy, and every shard is writable."""
    return judge_shards(nodes(platform))


def judge_shards(nodes: Sequence[dict[str, Any]]) -> Finding:
    """Judge nodes and their shards. Pure."""
    every = [(node, shard) for node in nodes for shard in node.get("shards") or ()]
    wrong = [f"node {node['name']} is {node['status']}" for node in nodes if node.get("status") != "HEALTHY"]
    wrong += [
        f"shard {shard['name']} of {shard['class']} is {shard['vectorIndexingStatus']}"
        for _, shard in every
        if shard.get("vectorIndexingStatus", "READY") not in {"READY", "INDEXING", "LAZY_LOADING"}
    ]
    if wrong or not nodes:
        message = "; ".join(wrong[:_SHOWN]) or "no node is listed"
        return critical(message, _NEXT, len(wrong), "shards")
    return ok(f"{len(every)} writable shards on {len(nodes)} nodes", len(every), "shards")


def index(platform: Platform) -> Finding:
    """The oldest object of each small collection is found by its own vector.

    Weaviate 1.39 leaves out of an index' snapshot an object that was alone when it was written, and so forgets it at the second start:
    the object is there, and no search finds it. Sorting by age reads a whole collection, so that large ones are left alone.
    """
    from weaviate.exceptions import WeaviateBaseError

    from infra.clients import weaviate_client

    lost, searched = [], 0
    with weaviate_client(platform, READER) as client:
        for name, config in client.collections.list_all(simple=False).items():
            try:
                unfound = _not_found(client.collections.use(name), config)
            except WeaviateBaseError:
                if client.collections.exists(name):
                    raise
                continue  # another run has removed it since it was listed
            searched += unfound is not None
            lost += [f"{uuid} of {name}" for uuid in unfound or ()]
    return judge_index(lost, searched)


def _not_found(collection: Collection[Any, Any], config: Any) -> list[str] | None:
    """The ids of a collection's oldest object for each of its vectors that does not lead to it; None where it was not looked for."""
    from weaviate.classes.query import Sort

    if config.multi_tenancy_config.enabled or not 0 < (collection.aggregate.over_all(total_count=True).total_count or 0) <= _ASKED:
        return None
    unfound = []
    for one in collection.query.fetch_objects(limit=1, sort=Sort.by_creation_time(), include_vector=True).objects:
        for vector_name, vector in one.vector.items():
            described = (config.vector_config or {}).get(vector_name, config)
            if getattr(described.vector_index_config, "skip", False):
                continue
            target = None if vector_name == "default" else vector_name

            def is_found(vector: Any = vector, target: str | None = target, uuid: Any = one.uuid) -> bool:
                nearest = collection.query.near_vector(vector, limit=_ASKED, target_vector=target).objects
                return any(neighbour.uuid == uuid for neighbour in nearest)

            # One that was removed meanwhile is not lost, nor is one that was written just now.
            if not is_found() and collection.query.fetch_object_by_id(one.uuid) is not None and not is_found():
                unfound.append(str(one.uuid))
    return unfound


def judge_index(lost: Sequence[str], searched: int) -> Finding:
    """Judge objects that are there and not found. Pure."""
    if lost:
        message = f"no search finds {', '.join(lost[:_SHOWN])}{' and more' if len(lost) > _SHOWN else ''}: lost from the vector index"
        step = "delete that object and write it again with its vector (seed.docs: move its file away, import, bring it back, import)"
        return critical(message, step, len(lost), "objects")
    return ok(f"the oldest objects of {searched} collections are found by their vectors", 0, "objects")


def queue(platform: Platform, alarms: WeaviateAlarms = WEAVIATE_ALARMS) -> Finding:
    """The indexing queue is short."""
    return judge_queue(nodes(platform), alarms)


def judge_queue(nodes: Sequence[dict[str, Any]], alarms: WeaviateAlarms = WEAVIATE_ALARMS) -> Finding:
    """Judge the length of the queue. Pure."""
    waiting = {str(shard["class"]): int(shard.get("vectorQueueLength") or 0) for node in nodes for shard in node.get("shards") or ()}
    total = sum(waiting.values()) + sum(int((node.get("batchStats") or {}).get("queueLength") or 0) for node in nodes)
    most = max(waiting, key=lambda name: waiting[name], default="")
    message = f"{total} vectors wait for indexing" + (f", most of {most}" if total and most else "")
    step = "searches don't find them yet: load more slowly, or raise christmas:limits.weaviate.cpus"
    return bounded(total, "vectors", message, step, warn=alarms.queue_warn)
