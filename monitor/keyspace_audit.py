"""Goes through every key and reports those that are not as the blueprint declares. Sees names, types, sizes and expiries, never contents.

Works as the `monitor` account, at a bounded rate, so that other clients hardly notice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from backup.redis.keys import NAMELESS
from christmas.blueprint.keyspace_model import Keyspace, ValueType
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES, keyspace_of, shown_key

if TYPE_CHECKING:
    import redis

PAGE = 3
"""Keys asked about in one round trip: in one comparison others' p99 was 1.2 times as long, with ten 1.6 times."""
KEYS_PER_SECOND = 500.0
SLACK_MS = 1000
"""Milliseconds by which an expiry may exceed the declared one: between writing and judging a key, clocks and rounding differ."""
_COUNTED_WHOLE = 1024 * 1024
"""Bytes by a sample from which on a hash is too big whatever is in it, and is not gone through."""
_HASH_OVERHEAD = 1024
_FIELD_OVERHEAD = 128
_STRING_BYTES = {"integer": 20}  # the longest number that INCR counts to


class Fault(StrEnum):
    """What can be wrong with a key."""

    UNKNOWN = "of no keyspace"
    NO_EXPIRY = "without an expiry"
    LONG_EXPIRY = "with a longer expiry than declared"
    WRONG_TYPE = "of another type than declared"
    WRONG_SHAPE = "of another shape than declared"
    OVERSIZED = "bigger than declared"
    TELLING = "named by what may let somebody in"


FIXABLE = frozenset({Fault.NO_EXPIRY, Fault.LONG_EXPIRY})
"""Faults that `fix` mends without losing anything that was meant to last; for the others somebody must know who wrote the key."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of one key. `repr` and `str` leave a session's id out."""

    key: str = field(repr=False)
    fault: Fault
    keyspace: str | None = None

    def __str__(self) -> str:
        shown = shown_key(self.key) if self.keyspace is None else self.keyspace
        return f"{shown} {self.fault}"


@dataclass(slots=True)
class Audit:
    """What was seen: keys and bytes of memory by keyspace (None for keys of none), and the faults."""

    keys: dict[str | None, int] = field(default_factory=dict)
    memory: dict[str | None, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    complete: bool = True

    @property
    def total(self) -> int:
        """How many keys were looked at."""
        return sum(self.keys.values())


def audit(
    client: redis.Redis,
    *,
    keys_per_second: float = KEYS_PER_SECOND,
    max_keys: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Audit:
    """Look at every key, or at `max_keys` of them (`complete` is then False where there are more).

    Raises what the client raises. A key that is written or expires meanwhile may or may not be seen.
    """
    result = Audit()
    started = time.monotonic()
    cursor, seen, waiting = 0, set[str](), list[str]()
    due = started
    while True:
        cursor, keys = client.scan(cursor, count=PAGE)
        # SCAN may give a key twice, and more at once than it was asked for.
        fresh = [key for key in dict.fromkeys(map(str, keys)) if key not in seen]
        seen.update(fresh)
        waiting += fresh
        if max_keys is not None and len(seen) >= max_keys:
            result.complete = cursor == 0 and len(seen) <= max_keys
            waiting = waiting[: max(0, max_keys - result.total)]
            cursor = 0
        while waiting and (len(waiting) >= PAGE or cursor == 0):
            page, waiting = waiting[:PAGE], waiting[PAGE:]
            _judge_page(client, page, result)
            # What a slow answer took is not made up for by a burst.
            due = max(due, time.monotonic() - len(page) / keys_per_second) + len(page) / keys_per_second
            sleep(max(0.0, due - time.monotonic()))
        if cursor == 0:
            result.seconds = time.monotonic() - started
            return result


def _judge_page(client: redis.Redis, keys: Sequence[str], result: Audit) -> None:
    if NAMELESS in keys:
        keys = [key for key in keys if key != NAMELESS]
        result.keys[None] = result.keys.get(None, 0) + 1
        result.memory.setdefault(None, 0)
        result.findings.append(Finding(NAMELESS, Fault.UNKNOWN))
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.type(key)
        pipeline.pttl(key)
        pipeline.memory_usage(key, samples=5)
    answers = pipeline.execute()
    columns = zip(keys, answers[::3], answers[1::3], answers[2::3], strict=True)
    facts = [(key, str(kind), int(ttl), int(memory or 0)) for key, kind, ttl, memory in columns]
    present = [fact for fact in facts if fact[1] != "none" and fact[2] != -2]
    shapes, counted = _shapes(client, present)
    for key, kind, ttl, sampled in present:
        keyspace = keyspace_of(key)
        name = keyspace.name if keyspace else None
        memory = counted.get(key, sampled)
        result.keys[name] = result.keys.get(name, 0) + 1
        result.memory[name] = result.memory.get(name, 0) + memory
        if keyspace is None:
            result.findings.append(Finding(key, Fault.UNKNOWN))
            continue
        result.findings += [Finding(key, fault, name) for fault in judge(keyspace, kind, ttl, memory, shapes.get(key))]
        if not keyspace.hides_its_secret(keyspace.part(key) or ""):
            result.findings.append(Finding(key, Fault.TELLING, name))


def _shapes(client: redis.Redis, present: Sequence[tuple[str, str, int, int]]) -> tuple[dict[str, Any], dict[str, int]]:
    """Of those that have the declared type: field names of hashes and lengths of strings, and the hashes' memory.

    A sample of a hash may miss its one big field, so all of them are counted: there are few, or the sample has told enough.
    """
    measured = [
        key_row
        for key_row in present
        if (space := keyspace_of(key_row[0]))
        and space.value_type.value == key_row[1]
        and (key_row[1] != ValueType.HASH.value or key_row[3] < _COUNTED_WHOLE)
    ]
    if not measured:
        return {}, {}
    hashes = [key for key, kind, _, _ in measured if kind == ValueType.HASH.value]
    pipeline = client.pipeline(transaction=False)
    for key, kind, _, _ in measured:
        if kind == ValueType.HASH.value:
            pipeline.hkeys(key)
        else:
            pipeline.strlen(key)
    for key in hashes:
        pipeline.memory_usage(key, samples=0)
    answers = pipeline.execute()
    shapes = dict(zip((key for key, _, _, _ in measured), answers, strict=False))
    return shapes, dict(zip(hashes, (int(answer or 0) for answer in answers[len(measured) :]), strict=True))


def outliving(
    client: redis.Redis, begin: int = 0, *, most: int, keys_per_second: float = KEYS_PER_SECOND, sleep: Callable[[float], None] = time.sleep
) -> tuple[list[Finding], int]:
    """The keys that live too long among some `most` of all, by their expiries alone; and where the next look begins, 0 after the last key.

    What SCAN promises holds over such looks together: a key that is there throughout is seen. Raises what the client raises.
    """
    findings: list[Finding] = []
    cursor, seen = begin, 0
    while True:
        cursor, names = client.scan(cursor, count=PAGE)
        keys = [(key, space) for key in map(str, names) if (space := keyspace_of(key))]
        pipeline = client.pipeline(transaction=False)
        for key, _ in keys:
            pipeline.pttl(key)
        for (key, space), ttl in zip(keys, pipeline.execute() if keys else (), strict=True):
            if fault := expiry_fault(space, int(ttl)):
                findings.append(Finding(key, fault, space.name))
        seen += len(names)
        if int(cursor) == 0 or seen >= most:
            return findings, int(cursor)
        sleep(len(names) / keys_per_second)


def expiry_fault(keyspace: Keyspace, ttl_ms: int) -> Fault | None:
    """What is wrong with a key's expiry, from PTTL's answer."""
    if ttl_ms == -1:
        return Fault.NO_EXPIRY
    return Fault.LONG_EXPIRY if ttl_ms > keyspace.ttl.total_seconds() * 1000 + SLACK_MS else None


def judge(keyspace: Keyspace, kind: str, ttl_ms: int, memory: int, shape: Any) -> list[Fault]:
    """The faults of a key of that keyspace. `ttl_ms` is PTTL's answer; `shape` is a hash's field names or a string's length."""
    wrong = expiry_fault(keyspace, ttl_ms)
    faults = [wrong] if wrong else []
    if kind != keyspace.value_type.value:
        return [*faults, Fault.WRONG_TYPE]
    if keyspace.value_type is ValueType.HASH:
        # A key that expired since its type was asked for has no fields left: nothing to judge.
        names = set(shape or ())
        declared = {declared_field.name for declared_field in keyspace.fields}
        required = {declared_field.name for declared_field in keyspace.fields if declared_field.required}
        if names and (not required <= names or (keyspace.extra_fields is None and not names <= declared)):
            faults.append(Fault.WRONG_SHAPE)
        if memory > keyspace.max_bytes + _HASH_OVERHEAD + _FIELD_OVERHEAD * len(names):
            faults.append(Fault.OVERSIZED)
    elif int(shape or 0) > keyspace.max_bytes:
        faults.append(Fault.OVERSIZED)
    elif int(shape or 0) > _STRING_BYTES.get(keyspace.encoding, keyspace.max_bytes):
        faults.append(Fault.WRONG_SHAPE)
    return faults


def fix(client: redis.Redis, findings: Sequence[Finding]) -> int:
    """Give keys that live too long their keyspace's expiry, counted from now; returns how many. Other faults are left alone.

    The client has to be of an account that may write those keyspaces. A key whose expiry is right by now is left alone too.
    """
    ttls = {keyspace.name: round(keyspace.ttl.total_seconds() * 1000) for keyspace in KEYSPACES}
    chosen = [finding for finding in findings if finding.fault in FIXABLE and finding.keyspace]
    pipeline = client.pipeline(transaction=False)
    for finding in chosen:
        # LT takes a key without an expiry for one that never ends, and never makes a life longer.
        pipeline.pexpire(finding.key, ttls[str(finding.keyspace)], lt=True)
    return sum(map(bool, pipeline.execute())) if chosen else 0
