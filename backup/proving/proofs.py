"""The proofs that fit a set, and those about accounts, documents, and references between the stores."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from backup.postgres.proofs import chunks, constraints, indexes, rows, structure
from backup.proving import account_queries, logins
from backup.proving.proof import READER, Disproved, Proof, RestoredPlatform, insist, shown
from backup.redis.proofs import keys, keyspaces
from backup.sets.model import Manifest
from backup.weaviate.counts import OFFLOADED, count, count_documents, states
from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from christmas.blueprint.keyspaces_and_ttls import SESSION, USER_PREFERENCES, shown_key
from core.waiting import until
from infra.clients import postgres, redis_client, weaviate_client
from infra.connections import Platform

__all__ = ["Disproved", "Proof", "RestoredPlatform", "keys", "keyspaces", "of", "rows", "structure"]

_QUESTION = "자동 매매 시스템 특징"
_SAME = 1e-3
_INDEX_SECONDS = 30
_FILES_ASKED = 3
_LONGEST_QUESTION = 160
# The only account that may activate a tenant.
_OPENER = "admin"
_LONGEST_ID = 19


def accounts(store: str) -> Proof:
    """Every account of a store logs in and gets an answer to its own query."""
    login: Callable[[Platform, str], str] = getattr(logins, store)
    ask: Callable[[Platform, str], str] = getattr(account_queries, store)

    def proof(restored: RestoredPlatform) -> str:
        every = [account.name for account in ACCOUNTS if getattr(account, store) is not None]
        names = [name for name in every if name not in restored.rotated]
        problems = [f"{name}: {problem}" for name in names if (problem := login(restored.platform, name) or ask(restored.platform, name))]
        insist(not problems, shown(problems))
        newer = f"; rotated since, and not tried: {shown(sorted(set(every) - set(names)))}" if len(names) < len(every) else ""
        return f"{len(names)} accounts log in, and each gets an answer to its query{newer}"

    proof.__doc__ = accounts.__doc__
    return proof


def objects(restored: RestoredPlatform) -> str:
    """Every collection has its recorded objects, every file its passages, and every inactive tenant its recorded state."""
    part = restored.manifest.weaviate
    recorded_counts = part.collections if part else {}
    uncounted = set(part.uncounted) if part else set()
    with weaviate_client(restored.platform, READER) as client:
        counts = count(client)
        documents = count_documents(client)
        away = states(client, part.tenants if part else {})
    counted = {name: number for name, number in counts.objects.items() if name not in uncounted}
    wrong = [
        f"{name} has {counted.get(name, 'no')} objects, not {before}"
        for name, (before, after) in recorded_counts.items()
        if not min(before, after) <= counted.get(name, -1) <= max(before, after)
    ]
    insist(not wrong, shown(wrong))
    insist(set(counted) == set(recorded_counts), f"collections: {shown(sorted(counted))}, not {shown(sorted(recorded_counts))}")
    missing = sorted(uncounted - counts.names)
    insist(not missing, f"missing collections: {shown(missing)}")
    lost = [
        f"tenant {tenant} of {name} is {away.get(name, {}).get(tenant, 'gone')}, not {state}"
        for name, own in (part.tenants if part else {}).items()
        for tenant, state in own.items()
        if away.get(name, {}).get(tenant) != state
    ]
    insist(not lost, shown(lost))
    steady = all(before == after for before, after in recorded_counts.values())
    recorded = part.documents if part else {}
    insist(not steady or documents == recorded, f"passages of {len(documents)} files, not of {len(recorded)} as recorded, or other counts")
    inactive = sum(map(len, away.values()))
    summary = f"{sum(counted.values())} objects in {len(counted)} collections, {len(documents)} files"
    return (
        summary
        + (f"; {inactive} tenants inactive as before" if inactive else "")
        + (f"; not counted: {shown(sorted(uncounted))}" if uncounted else "")
    )


def tenants(restored: RestoredPlatform) -> str:
    """Inactive tenants can be activated again: tried here, on scratch stores."""
    part = restored.manifest.weaviate
    from weaviate.classes.tenants import Tenant, TenantActivityStatus

    opened, held = 0, 0
    with weaviate_client(restored.platform, _OPENER) as client:
        for name, own in (part.tenants if part else {}).items():
            collection = client.collections.use(name)
            for tenant, state in own.items():
                if state in OFFLOADED:
                    continue
                collection.tenants.update(Tenant(name=tenant, activity_status=TenantActivityStatus.ACTIVE))
                held += collection.with_tenant(tenant).aggregate.over_all(total_count=True).total_count or 0
                opened += 1
    return f"{opened} tenants opened, with {held} objects"


def neighbours(restored: RestoredPlatform) -> str:
    """Every collection with an index finds an object by its own vector, or another that is nearer by the collection's measure."""
    answering, without = 0, []
    with weaviate_client(restored.platform, READER) as client:
        for name, config in client.collections.list_all(simple=False).items():
            if config.multi_tenancy_config.enabled:
                continue
            collection = client.collections.use(name)
            for one in collection.query.fetch_objects(limit=1, include_vector=True).objects:
                vectors: dict[str, Any] = one.vector if isinstance(one.vector, dict) else {"default": one.vector}
                for vector_name, vector in vectors.items():
                    described = (config.vector_config or {}).get(vector_name, config)
                    if getattr(described.vector_index_config, "skip", False):
                        without.append(name)
                        continue
                    target = None if vector_name == "default" else vector_name
                    far = _distance(collection, vector, target)
                    # By scalar product, or with a vector of zeros, another object may be nearer than the object itself.
                    itself = 0.0 if far is not None and abs(far) < _SAME else _distance(collection, vector, target, one.uuid)
                    distances = f"{name}: the nearest object to {one.uuid}'s own vector is {far} away, it itself {itself}"
                    insist(far is not None and itself is not None and far < itself + _SAME, distances)
                answering += 1
    return f"{answering} collections answer by vector" + (f"; without an index: {shown(without)}" if without else "")


def _distance(collection: Any, vector: Any, target: str | None, only: Any = None) -> float | None:
    """How far the nearest object is, of all or `only` this one; None where none is found.

    A server that has just restored its objects may still be loading their index.
    """
    from weaviate.classes.query import Filter

    chosen = Filter.by_id().equal(only) if only else None

    def ask() -> list[Any]:
        query = collection.query.near_vector
        nearest: list[Any] = query(vector, limit=1, target_vector=target, filters=chosen, return_metadata=["distance"]).objects
        return nearest

    nearest = until(ask, _INDEX_SECONDS) or []
    return nearest[0].metadata.distance if nearest else None


def questions(restored: RestoredPlatform) -> str:
    """Questions in words, embedded like an application's, get answers from the set's documents.

    One question is the specification's own. The others are beginnings of passages, whose file must be among the answers.
    """
    from seed.search import search

    part = restored.manifest.weaviate
    # Whatever the documents are about, some passage is nearest.
    hits = search(restored.platform, _QUESTION, certainty=0.0)
    insist(hits, f"no answer to {_QUESTION!r}")
    recorded = sorted(part.documents) if part else []
    paths = recorded[:: max(1, len(recorded) // _FILES_ASKED)][:_FILES_ASKED]
    for path in paths:
        words = _beginning(restored.platform, path)
        answers = [hit.file_path for hit in search(restored.platform, words, certainty=0.0)]
        insist(path in answers, f"{words[:40]!r} is from {path}, but the answers are from {shown(answers)}")
    first = hits[0]
    return f"{1 + len(paths)} questions; to {_QUESTION!r} {len(hits)} passages, the first from {first.file_path} ({first.certainty:.2f})"


def _beginning(platform: Platform, path: str) -> str:
    """The beginning of the longest of a file's first passages."""
    from weaviate.classes.query import Filter

    with weaviate_client(platform, READER) as client:
        collection = client.collections.use(CHRISTMAS_DOCUMENT.name)
        first_passages = collection.query.fetch_objects(
            filters=Filter.by_property("file_path").equal(path), limit=5, return_properties=["content"]
        )
    insist(first_passages.objects, f"no passage of {path} is found")
    longest = max((str(passage.properties["content"]) for passage in first_passages.objects), key=len)
    return " ".join(longest.split())[:_LONGEST_QUESTION]


def files(restored: RestoredPlatform) -> str:
    """Every passage belongs to a recorded file, and every recorded file has passages."""
    part = restored.manifest.weaviate
    recorded = part.documents if part else {}
    with weaviate_client(restored.platform, READER) as client:
        restored_files = count_documents(client)
    strangers = sorted(set(restored_files) - set(recorded))
    insist(not strangers, f"passages of files that are not recorded: {shown(repr(path) for path in strangers)}")
    gone = sorted(set(recorded) - set(restored_files))
    steady = part is not None and all(before == after for before, after in part.collections.values())
    insist(not steady or not gone, f"files without a passage: {shown(gone)}")
    return f"{len(restored_files)} files, all recorded"


def references(restored: RestoredPlatform) -> str:
    """No session or preference belongs to a user newer than PostgreSQL's point: the stores show the same time.

    A user who was deleted while the key remained is no fault of the set, nor is a key without a user: both are counted.
    So are sessions of a set whose accounts are older than the right to read them.
    """
    from redis.exceptions import NoPermissionError

    keys_of_users: dict[int, str] = {}
    odd = unreadable = 0
    with redis_client(restored.platform, READER) as client:
        for key in client.scan_iter(match=SESSION.glob, count=1000):
            try:
                user = _session_user(client, key)
            except NoPermissionError:
                unreadable += 1
                continue
            if user is None:
                odd += 1
            else:
                keys_of_users[user] = key
        for key in client.scan_iter(match=USER_PREFERENCES.glob, count=1000):
            if (part := USER_PREFERENCES.part(key)) and (user := _user(part)) is not None:
                keys_of_users[user] = key
    with postgres(restored.platform, READER) as connection:
        if connection.execute("select from pg_class where oid = to_regclass('public.users')").fetchone() is None:
            return "there is no users table"
        existing = {
            user for (user,) in connection.execute("select id from users where id = any(%s::bigint[])", (list(keys_of_users),)).fetchall()
        }
        row = connection.execute("select pg_sequence_last_value(pg_get_serial_sequence('public.users', 'id')::regclass)").fetchone()
    last_user = row[0] if row else None
    gone = {user: key for user, key in keys_of_users.items() if user not in existing}
    lost = [f"{shown_key(key)} of user {user}" for user, key in gone.items() if last_user is None or user > last_user]
    insist(not lost, f"keys of users that don't exist: {shown(lost)}")
    counted = {
        "were deleted earlier": len(gone),
        "sessions name no user": odd,
        f"sessions are not compared: in this set account {READER} may not read them": unreadable,
    }
    summary = f"{len(keys_of_users) - len(gone)} users named by keys, all exist"
    return "; ".join([summary, *(f"{count} {what}" for what, count in counted.items() if count)])


def _session_user(client: Any, key: str) -> int | None:
    from redis.exceptions import ResponseError

    try:
        return _user(client.hget(key, "user_id") or "")
    except ResponseError as error:
        if not str(error).startswith("WRONGTYPE"):
            raise
        # The proof of keyspaces reports a key of another type.
        return None


def _user(text: str) -> int | None:
    """A user's id; None for text that can't be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < _LONGEST_ID else None


def of(manifest: Manifest, *, embedder: bool, rotated: Collection[str] = ()) -> dict[str, Proof]:
    """The proofs that fit a set, by name, without those that only an account can do whose secrets are newer than the set."""
    from seed.search import ASKER

    fitting: dict[str, Proof] = {}
    if manifest.postgres:
        fitting |= {
            "postgres.rows": rows,
            "postgres.chunks": chunks,
            "postgres.structure": structure,
            "postgres.constraints": constraints,
            "postgres.indexes": indexes,
            "postgres.accounts": accounts("postgres"),
        }
    if manifest.redis:
        fitting |= {"redis.keys": keys, "redis.keyspaces": keyspaces, "redis.accounts": accounts("redis")}
    if manifest.weaviate and manifest.weaviate.backup_id:
        fitting |= {"weaviate.objects": objects, "weaviate.neighbours": neighbours, "weaviate.accounts": accounts("weaviate")}
        if manifest.weaviate.tenants:
            fitting |= {"weaviate.tenants": tenants}
        if manifest.weaviate.documents:
            fitting |= {"weaviate.files": files}
        if embedder and manifest.weaviate.documents and ASKER not in rotated:
            fitting |= {"weaviate.questions": questions}
    if manifest.postgres and manifest.redis:
        fitting |= {"references": references}
    return fitting
