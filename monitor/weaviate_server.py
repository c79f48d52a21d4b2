"""Checks of Weaviate's nodes: health, read-only shards, indexing queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from christmas.blueprint.server_alarms import WEAVIATE_ALARMS, WeaviateAlarms
from infra.connections import Platform
from monitor import wire
from monitor.result import Finding, bounded, critical, ok

ACCOUNT = "monitor"
_SHOWN = 4
_NEXT = "invoke logs weaviate --since 1h shows the reason: a full disk makes shards read-only (invoke check --only host.disk)"


def _nodes(platform: Platform) -> list[dict[str, Any]]:
    key = platform.secret(ACCOUNT, "weaviate")
    listed = wire.get_json(platform.weaviate_url(), platform.ca_file, key, "/v1/nodes?output=verbose")
    return list(listed.get("nodes") or ())


def shards(platform: Platform) -> Finding:
    """Every node is healthy, and every shard is writable."""
    return judge_shards(_nodes(platform))


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


def queue(platform: Platform, alarms: WeaviateAlarms = WEAVIATE_ALARMS) -> Finding:
    """The indexing queue is short."""
    return judge_queue(_nodes(platform), alarms)


def judge_queue(nodes: Sequence[dict[str, Any]], alarms: WeaviateAlarms = WEAVIATE_ALARMS) -> Finding:
    """Judge the length of the queue. Pure."""
    waiting = {str(shard["class"]): int(shard.get("vectorQueueLength") or 0) for node in nodes for shard in node.get("shards") or ()}
    total = sum(waiting.values()) + sum(int((node.get("batchStats") or {}).get("queueLength") or 0) for node in nodes)
    most = max(waiting, key=lambda name: waiting[name], default="")
    message = f"{total} vectors wait for indexing" + (f", most of {most}" if total and most else "")
    step = "searches don't find them yet: load more slowly, or raise christmas:limits.weaviate.cpus"
    return bounded(total, "vectors", message, step, warn=alarms.queue_warn)
