"""What a drill proves about restored stores. Each proof returns what it found, or raises Disproved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from backup import logins
from backup.model import Manifest
from backup.postgres import count_table
from backup.queries import query
from backup.redis_keys import keyspace_of, part_of
from backup.weaviate_store import count_documents, count_objects
from blueprint.accounts import ACCOUNTS
from blueprint.keyspaces import SESSION, USER_PREFERENCES
from infra.clients import postgres, redis_client, weaviate_client
from infra.connections import Platform

READER = "backup"
_QUESTION = "자동 매매 시스템 특징"
_SHOWN = 5
_SAME = 1e-3


class Disproved(Exception):  # noqa: N818 - it is no error of the program
    """The restored state is not what it should be; the message says how."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored platform, and the manifest that it has to agree with. `redis_keys` was counted before any key could expire."""

    platform: Platform
    manifest: Manifest
    redis_keys: int | None = None


Proof = Callable[[Restored], str]


def _insist(condition: object, message: str) -> None:
    if not condition:
        raise Disproved(message)


def _shown(things: Iterable[object]) -> str:
    every = [str(each) for each in things]
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")


def rows(restored: Restored) -> str:
    """Every table has the rows of the reference point, and their checksum where one was taken."""
    part = restored.manifest.postgres
    _insist(part, "the set has no PostgreSQL")
    wanted = part.reference_point.tables if part else {}
    wrong = []
    with postgres(restored.platform, READER) as connection:
        there = {name for name, _ in connection.execute(query("tables")).fetchall()}
        for name, record in wanted.items():
            if name not in there:
                wrong.append(f"{name} is missing")
                continue
            found = count_table(connection, name, hashed=record.checksum is not None)
            if found != record:
                wrong.append(f"{name} has {found.rows} rows{'' if found.rows != record.rows else ' of other content'}, not {record.rows}")
    doubt = "" if part and part.reference_point.exact else " (the point was taken amid writes, so this may be no fault: drill another set)"
    _insist(not wrong, _shown(wrong) + doubt)
    _insist(there <= set(wanted), f"tables that were not there: {_shown(there - set(wanted))}")
    hashed = sum(1 for record in wanted.values() if record.checksum is not None)
    return f"{len(wanted)} tables, {sum(record.rows for record in wanted.values())} rows; {hashed} with checksum"


def chunks(restored: Restored) -> str:
    """Hypertables are hypertables, and those with rows have chunks."""
    part = restored.manifest.postgres
    with postgres(restored.platform, READER) as connection:
        found = dict(connection.execute(query("chunks")).fetchall())
    tables = part.reference_point.tables if part else {}
    empty = [name for name, count in found.items() if count == 0 and name in tables and tables[name].rows]
    _insist(not empty, f"rows but no chunk: {_shown(empty)}")
    return ", ".join(f"{name}: {count} chunks" for name, count in found.items()) or "no hypertable"


def structure(restored: Restored) -> str:
    """Constraints are valid, indexes usable, and the revision is the recorded one."""
    part = restored.manifest.postgres
    with postgres(restored.platform, READER) as connection:
        constraints = connection.execute(query("broken_constraints")).fetchall()
        indexes = connection.execute(query("broken_indexes")).fetchall()
        migrated = connection.execute("select to_regclass('public.alembic_version')").fetchone()
        row = (
            connection.execute("select string_agg(version_num, ',') from alembic_version").fetchone() if migrated and migrated[0] else None
        )
    _insist(not constraints, f"constraints that were never checked: {_shown(name for _, name in constraints)}")
    _insist(not indexes, f"unusable indexes: {_shown(name for (name,) in indexes)}")
    revision, recorded = row[0] if row else None, part.schema_revision if part else None
    _insist(revision == recorded, f"the schema is at {revision}, recorded was {recorded}")
    return f"at revision {revision}; constraints valid, indexes usable"


def accounts(store: str) -> Proof:
    """Every account of a store logs in."""
    login: Callable[[Platform, str], str] = getattr(logins, store)

    def proof(restored: Restored) -> str:
        names = [each.name for each in ACCOUNTS if getattr(each, store) is not None]
        problems = [f"{name}: {problem}" for name in names if (problem := login(restored.platform, name))]
        _insist(not problems, _shown(problems))
        return f"{len(names)} accounts log in"

    proof.__doc__ = accounts.__doc__
    return proof


def keys(restored: Restored) -> str:
    """Redis has as many keys as it had when its log was copied."""
    part = restored.manifest.redis
    _insist(part and restored.redis_keys == part.aof_keys, f"{restored.redis_keys} keys, not {part.aof_keys if part else 'any'}")
    return f"{restored.redis_keys} keys"


def expiry(restored: Restored) -> str:
    """Every key is of a keyspace and expires no later than that says."""
    wrong, seen = [], 0
    with redis_client(restored.platform, READER) as client:
        for key in client.scan_iter(count=1000):
            seen += 1
            space, left = keyspace_of(key), int(client.pttl(key))
            if space is None:
                wrong.append(f"{key[:60]!r} is of no keyspace")
            elif left == -1 or left > space.ttl.total_seconds() * 1000 + 1000:
                wrong.append(f"{key[:60]!r} expires {'never' if left == -1 else f'in {left} ms'}")
    _insist(not wrong, _shown(wrong))
    return f"{seen} keys still live, each with its TTL"


def objects(restored: Restored) -> str:
    """Every collection has the objects that it had, and each file's passages."""
    part = restored.manifest.weaviate
    wanted = part.collections if part else {}
    with weaviate_client(restored.platform, READER) as client:
        found = count_objects(client)
        documents = count_documents(client)
    wrong = [
        f"{name} has {found.get(name, 'no')} objects, not {before}"
        for name, (before, after) in wanted.items()
        if not min(before, after) <= found.get(name, -1) <= max(before, after)
    ]
    _insist(not wrong, _shown(wrong))
    _insist(set(found) == set(wanted), f"collections: {_shown(sorted(found))}, not {_shown(sorted(wanted))}")
    steady = all(before == after for before, after in wanted.values())
    recorded = part.documents if part else {}
    _insist(
        not steady or documents == recorded, f"passages of {len(documents)} files, not of {len(recorded)} as recorded, or other numbers"
    )
    return f"{sum(found.values())} objects in {len(found)} collections, {len(documents)} files"


def neighbours(restored: Restored) -> str:
    """In every collection, something is found right at an object's own vector."""
    asked = 0
    with weaviate_client(restored.platform, READER) as client:
        for name in client.collections.list_all(simple=True):
            collection = client.collections.use(name)
            for one in collection.query.fetch_objects(limit=1, include_vector=True).objects:
                vector: Any = one.vector["default"] if isinstance(one.vector, dict) else one.vector
                nearest = collection.query.near_vector(vector, limit=1, return_metadata=["distance"]).objects
                # Another object may have the same vector; but nothing may be far away.
                far = nearest[0].metadata.distance if nearest else None
                _insist(far is not None and abs(far) < _SAME, f"{name}: what is nearest to {one.uuid}'s own vector is {far} away")
                asked += 1
    return f"{asked} collections answer by vector"


def question(restored: Restored) -> str:
    """A question in words, of the specification's own, is answered from the documents."""
    from seed.search import search

    hits = search(restored.platform, _QUESTION, certainty=0.0)
    _insist(hits, "no answer")
    return f"{len(hits)} passages, the first from {hits[0].file_path} with certainty {hits[0].certainty:.2f}"


def references(restored: Restored) -> str:
    """Every session's and every preference's user exists."""
    wanted: dict[int, str] = {}
    with redis_client(restored.platform, "api") as client:
        for key in client.scan_iter(match=SESSION.glob, count=1000):
            user = client.hget(key, "user_id")
            if user is not None:
                wanted[int(user)] = key
        for key in client.scan_iter(match=USER_PREFERENCES.glob, count=1000):
            if (user := part_of(USER_PREFERENCES, key)) and user.isdigit():
                wanted[int(user)] = key
    with postgres(restored.platform, READER) as connection:
        there = {user for (user,) in connection.execute("select id from users where id = any(%s)", (list(wanted),)).fetchall()}
    lost = [f"{key} of user {user}" for user, key in wanted.items() if user not in there]
    _insist(not lost, f"keys of users that don't exist: {_shown(lost)}")
    return f"{len(wanted)} users named by keys, all there"


def of(manifest: Manifest, *, embedder: bool) -> dict[str, Proof]:
    """The proofs that fit a set, by name."""
    wanted: dict[str, Proof] = {}
    if manifest.postgres:
        wanted |= {
            "postgres.rows": rows,
            "postgres.chunks": chunks,
            "postgres.structure": structure,
            "postgres.accounts": accounts("postgres"),
        }
    if manifest.redis:
        wanted |= {"redis.keys": keys, "redis.expiry": expiry, "redis.accounts": accounts("redis")}
    if manifest.weaviate and manifest.weaviate.backup_id:
        wanted |= {"weaviate.objects": objects, "weaviate.neighbours": neighbours, "weaviate.accounts": accounts("weaviate")}
        if embedder and manifest.weaviate.documents:
            wanted |= {"weaviate.question": question}
    if manifest.postgres and manifest.redis:
        wanted |= {"references": references}
    return wanted
