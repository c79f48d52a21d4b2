"""Proofs about a restored Redis: the recorded numbers of keys and of those that expire, in each keyspace, and no new odd ones."""

from __future__ import annotations

from backup.proving.proof import READER, RestoredPlatform, insist, shown
from backup.redis.keys import OF_NONE, OTHER, Census, census
from infra.clients import redis_client


def keys(restored: RestoredPlatform) -> str:
    """Redis has as many keys, keys that expire and function libraries as when its AOF was copied."""
    part = restored.manifest.redis
    insist(part and restored.redis_keys == part.aof_keys, f"{restored.redis_keys} keys, not {part.aof_keys if part else 'any'}")
    expires = part.aof_expires if part else None
    insist(expires in (None, restored.redis_expires), f"{restored.redis_expires} keys expire, not {expires}")
    with redis_client(restored.platform, READER) as client:
        libraries = libraries_of(client.info("memory"))
    recorded = part.libraries if part else 0
    insist(libraries == recorded, f"{libraries} libraries of functions, not {recorded}")
    return f"{restored.redis_keys} keys" + (f", {libraries} libraries of functions" if libraries else "")


def libraries_of(memory: dict[str, object]) -> int:
    """The number of function libraries, from INFO's memory section; 0 if it doesn't say."""
    return int(str(memory.get("number_of_libraries", 0)))


def keyspaces(restored: RestoredPlatform) -> str:
    """Each keyspace has its keys, except for expired ones; types and expiries are as declared, or odd as before."""
    part = restored.manifest.redis
    with redis_client(restored.platform, READER) as client:
        live = census(client)
    recorded = part.keyspaces if part else {}
    counts = ", ".join(f"{name} {count}" for name, count in sorted(live.keyspaces.items())) or "none"
    if part and not recorded:
        odd_keys = ", ".join(f"{count} {label}" for label, count in sorted(live.odd.items())) or "none"
        return f"live keys: {counts}; odd ones: {odd_keys} (an incremental set: the server's were not counted by keyspace)"
    copied = part.aof_keys if part else 0
    odd = part.odd if part else None
    if odd is None:
        # Older sets did not count odd keys, but say at least how many keys were of no keyspace.
        odd = {OF_NONE: recorded.get(OTHER, 0)}
    wrong = odd_faults(odd, live, drift=abs(sum(recorded.values()) - copied))
    insist(not wrong, shown(wrong))
    wrong = count_faults(recorded, live.keyspaces, copied, restored.redis_keys or 0)
    insist(not wrong, shown(wrong))
    like = "; as on the live server: " + ", ".join(f"{count} {label}" for label, count in sorted(live.odd.items())) if live.odd else ""
    missing = sum(recorded.values()) - sum(live.keyspaces.values())
    return f"live keys: {counts}; {missing} expired since the backup; each with its TTL{like}"


def odd_faults(recorded: dict[str, int], live: Census, drift: int) -> list[str]:
    """Odd keys beyond those of the live server. `drift` is how many keys came or went during the backup's count."""
    return [
        f"{example}{'' if allowed == 0 else f' (there were {allowed} {label}, now {count})'}"
        for label, count in sorted(live.odd.items())
        if count > (allowed := recorded.get(label, 0)) + (drift if allowed else 0)
        for example in live.examples[label]
    ]


def count_faults(recorded: dict[str, int], live: dict[str, int], copied: int, loaded: int) -> list[str]:
    """Differences in the counts of keyspaces that nothing explains.

    The backup counted `recorded` right after it copied the AOF with `copied` keys; `loaded` counts all keys that the restored
    server read, before any expired. Only keys that came or went during the backup's count explain a difference.
    """
    drift = abs(sum(recorded.values()) - copied)
    faults = [
        f"{name} has {count} keys, not {recorded.get(name, 0)} as recorded"
        for name, count in live.items()
        if count > recorded.get(name, 0) + drift
    ]
    missing = sum(recorded.values()) - sum(live.values())
    expired = loaded - sum(live.values())
    if missing > expired + drift:
        faults.append(f"{missing} of the recorded keys are missing, but only {expired} of them expired")
    return faults
