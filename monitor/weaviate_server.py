"""Whether Weaviate's nodes are well, take writes, and keep up with indexing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from christmas.blueprint.server_alarms import WEAVIATE_ALARMS, WeaviateAlarms
from infra.connections import Platform
from monitor import wire
from monitor.result import Finding, bounded, critical, ok

ACCOUNT = "monitor"
_SHOWN = 4
_NEXT = "invoke logs weaviate --since 1h says why: a disk that fills up makes shards read-only (invoke check --only host.disk)"


def _nodes(platform: Platform) -> list[dict[str, Any]]:
    key = platform.secret(ACCOUNT, "weaviate")
    found = wire.get_json(platform.weaviate_url(), platform.ca_file, key, "/v1/nodes?output=verbose")
    return list(found.get("nodes") or ())


def shards(platform: Platform) -> Finding:
    """Every node is well, and every shard takes writes."""
    return judge_shards(_nodes(platform))


def judge_shards(nodes: Sequence[dict[str, Any]]) -> Finding:
    """What nodes with their shards come to. Pure."""
    every = [(node, shard) for node in nodes for shard in node.get("shards") or ()]
    wrong = [f"node {node['name']} is {node['status']}" for node in nodes if node.get("status") != "HEALTHY"]
    wrong += [
        f"shard {shard['name']} of {shard['class']} is {shard['vectorIndexingStatus']}"
        for _, shard in every
        if shard.get("vectorIndexingStatus", "READY") not in {"READY", "INDEXING", "LAZY_LOADING"}
    ]
    if wrong or not nodes:
        told = "; ".join(wrong[:_SHOWN]) or "no node tells of itself"
        return critical(told, _NEXT, len(wrong), "shards")
    return ok(f"{len(every)} shards on {len(nodes)} nodes take writes", len(every), "shards")


def queue(platform: Platform, alarms: WeaviateAlarms = WEAVIATE_ALARMS) -> Finding:
    """Vectors are indexed about as fast as they come."""
    return judge_queue(_nodes(platform), alarms)


def judge_queue(nodes: Sequence[dict[str, Any]], alarms: WeaviateAlarms = WEAVIATE_ALARMS) -> Finding:
    """What waits to be indexed comes to. Pure."""
    waiting = {str(shard["class"]): int(shard.get("vectorQueueLength") or 0) for node in nodes for shard in node.get("shards") or ()}
    total = sum(waiting.values()) + sum(int((node.get("batchStats") or {}).get("queueLength") or 0) for node in nodes)
    most = max(waiting, key=lambda name: waiting[name], default="")
    told = f"{total} vectors wait to be indexed" + (f", most of {most}" if total and most else "")
    step = "searches don't find them yet: load more slowly, or give it processors (christmas:limits.weaviate.cpus)"
    return bounded(total, "vectors", told, step, warn=alarms.queue_warn)
