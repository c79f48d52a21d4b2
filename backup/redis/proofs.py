"""Proofs about a restored Redis: as many keys as there were, in each keyspace, and none odder than it was."""

from __future__ import annotations

from backup.proving.proof import READER, Restored, insist, shown
from backup.redis.keys import OF_NONE, OTHER, Census, census
from infra.clients import redis_client


def keys(restored: Restored) -> str:
    """Redis has as many keys as it had when its log was copied, and as many libraries of functions."""
    part = restored.manifest.redis
    insist(part and restored.redis_keys == part.aof_keys, f"{restored.redis_keys} keys, not {part.aof_keys if part else 'any'}")
    with redis_client(restored.platform, READER) as client:
        libraries = libraries_of(client.info("memory"))
    wanted = part.libraries if part else 0
    insist(libraries == wanted, f"{libraries} libraries of functions, not {wanted}")
    return f"{restored.redis_keys} keys" + (f", {libraries} libraries of functions" if libraries else "")


def libraries_of(memory: dict[str, object]) -> int:
    """How many libraries of functions the server has, from what INFO tells about its memory; 0 where it knows of none."""
    return int(str(memory.get("number_of_libraries", 0)))


def keyspaces(restored: Restored) -> str:
    """Each keyspace has the keys it had, but for those that expired since; none has another type or expiry than declared, but as before."""
    part = restored.manifest.redis
    with redis_client(restored.platform, READER) as client:
        found = census(client)
    recorded = part.keyspaces if part else {}
    copied = part.aof_keys if part else 0
    odd = part.odd if part else None
    if odd is None:
        # A set from before odd keys were counted tells at least how many were of no keyspace.
        odd = {OF_NONE: recorded.get(OTHER, 0)}
    wrong = odd_faults(odd, found, drift=abs(sum(recorded.values()) - copied))
    insist(not wrong, shown(wrong))
    wrong = count_faults(recorded, found.keyspaces, copied, restored.redis_keys or 0)
    insist(not wrong, shown(wrong))
    told = ", ".join(f"{name} {count}" for name, count in sorted(found.keyspaces.items())) or "none"
    like = "; as on the live server: " + ", ".join(f"{count} {label}" for label, count in sorted(found.odd.items())) if found.odd else ""
    missing = sum(recorded.values()) - sum(found.keyspaces.values())
    return f"live keys: {told}; {missing} expired since the backup; each with its TTL{like}"


def odd_faults(recorded: dict[str, int], found: Census, drift: int) -> list[str]:
    """Odd keys beyond those that the live server had. `drift` is how many keys came or went while the backup counted."""
    return [
        f"{example}{'' if allowed == 0 else f' (there were {allowed} {label}, now {count})'}"
        for label, count in sorted(found.odd.items())
        if count > (allowed := recorded.get(label, 0)) + (drift if allowed else 0)
        for example in found.examples[label]
    ]


def count_faults(recorded: dict[str, int], live: dict[str, int], copied: int, loaded: int) -> list[str]:
    """What the counts of keyspaces can't be explained by.

    `recorded` was counted by the backup, right after the log was copied with `copied` keys; `loaded` counts all that the restored
    server read, before any expired. So keys that came or went while the backup counted are allowed for, and nothing else.
    """
    drift = abs(sum(recorded.values()) - copied)
    found = [
        f"{name} has {count} keys, recorded were {recorded.get(name, 0)}"
        for name, count in live.items()
        if count > recorded.get(name, 0) + drift
    ]
    missing = sum(recorded.values()) - sum(live.values())
    expired = loaded - sum(live.values())
    if missing > expired + drift:
        found.append(f"{missing} of the recorded keys are not there, and only {expired} of them expired")
    return found
