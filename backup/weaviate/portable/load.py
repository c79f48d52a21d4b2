"""Imports a portable dump into an empty Weaviate: another version, another machine, another vendor's hosting.

Collections first, then objects, then what refers to them: references, aliases, roles, users. Call it again to continue after an
interruption: progress is noted on this machine, and an object sent twice stays one object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from backup.sets.files import SetFiles
from backup.weaviate.portable.layout import DumpedCollection, Index
from backup.weaviate.portable.read import read_definition, read_index, read_objects
from backup.weaviate.portable.wire import PAGE, RefusedError, Wire
from core import lock
from core.disk import write_whole
from core.errors import PlatformError
from core.progress import Progress, SilentProgress
from infra.connections import LOCAL

_STATE = "state.json"
_KEYS = "keys.json"


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import. `left_out` lists what could not be imported, and why; `keys_file` has the users' new keys."""

    set_id: str
    url: str
    collections: dict[str, int]
    aliases: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    keys_file: str = ""


@dataclass(slots=True)
class _State:
    """The progress of an import, kept on disk. The users' new keys are in a separate file with mode 0600."""

    place: Path
    set_id: str
    done: list[str] = field(default_factory=list)

    def save(self) -> None:
        write_whole(self.place / _STATE, json.dumps({"set": self.set_id, "done": self.done}).encode())


def load(
    folder: SetFiles, wire: Wire, *, plain_vectors: bool = False, progress: Progress | None = None, home: Path | None = None
) -> Imported:
    """Import the dump in a set's folder into a Weaviate that has none of its collections.

    `plain_vectors` drops the vectorizers, for a server without their modules: objects keep the dump's vectors.
    `home` holds the progress and the users' new keys. Raises PlatformError if the target is not empty (unless an interrupted
    import of the same set left it so), and if the server refuses.
    """
    progress = progress or SilentProgress()
    index = read_index(folder)
    place = (home or LOCAL / "imports") / re.sub(r"[^A-Za-z0-9.]+", "-", wire.url.split("//", 1)[-1])
    with lock.hold(place, f"an import into {wire.url}"):
        state = _resume(place, folder.name)
        _refuse_nonempty(wire, index, state, place)
        state.save()
        rows = _collections(wire, folder, index, state, plain_vectors, progress)
        _check_counts(wire, rows)
        progress.status("aliases, roles and users")
        aliases = _aliases(wire, index)
        roles, users, left_out = _access(wire, index, place)
        left_out = (*_tenants_left_out(index), *left_out)
        (place / _STATE).unlink()
    keys = place / _KEYS
    return Imported(folder.name, wire.url, rows, aliases, roles, users, left_out, str(keys) if keys.exists() else "")


def _resume(place: Path, set_id: str) -> _State:
    """The progress of an interrupted import; empty for another set."""
    try:
        saved = json.loads((place / _STATE).read_bytes())
        return _State(place, set_id, list(saved["done"])) if saved["set"] == set_id else _State(place, set_id)
    except (OSError, ValueError, KeyError):
        return _State(place, set_id)


def _refuse_nonempty(wire: Wire, index: Index, state: _State, place: Path) -> None:
    existing = {str(schema["class"]) for schema in (wire.get("schema") or {}).get("classes") or ()}
    resumed = (place / _STATE).exists() and existing <= set(index.collections)
    if existing and not resumed:
        raise PlatformError(
            what=f"the target is not empty: it has {', '.join(sorted(existing))}",
            where=wire.url,
            next_step="give an empty Weaviate; a dump is never mixed with other content",
        )
    # A target that was emptied since starts anew.
    state.done = [step for step in state.done if step.split(" ")[0] in existing]


def _collections(wire: Wire, folder: SetFiles, index: Index, state: _State, plain_vectors: bool, progress: Progress) -> dict[str, int]:
    existing = {str(schema["class"]) for schema in wire.get("schema")["classes"]}
    later: list[tuple[str, dict[str, Any]]] = []
    for name, collection in index.collections.items():
        definition, references = split_references(read_definition(folder, collection))
        if name not in existing:
            _create(wire, plain(definition) if plain_vectors else definition)
        present = {str(one["name"]) for one in (wire.get(f"schema/{name}") or {}).get("properties") or ()}
        later += [(name, one) for one in references if one["name"] not in present]
    # References come after all collections that they may name.
    for name, reference in later:
        wire.create(f"schema/{name}/properties", reference)
    referring = {name: _references(folder, collection) for name, collection in index.collections.items()}
    # In two passes: the server refuses an object that refers to a missing one.
    for first in (True, False):
        for name, collection in index.collections.items():
            step = name if first else f"{name} with references"
            if step not in state.done and (first or referring[name]):
                _tenants(wire, name, collection)
                _objects(wire, folder, name, collection, progress, without=referring[name] if first else ())
                state.done.append(step)
                state.save()
    return {name: collection.rows for name, collection in index.collections.items()}


def _references(folder: SetFiles, collection: DumpedCollection) -> tuple[str, ...]:
    return tuple(str(reference["name"]) for reference in split_references(read_definition(folder, collection))[1])


def split_references(definition: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A definition without its reference properties, and those properties."""
    every = definition.get("properties") or []
    references = [declared for declared in every if str(declared["dataType"][0])[:1].isupper()]
    return {**definition, "properties": [declared for declared in every if declared not in references]}, references


def plain(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition that needs no module: its vectors are stored, not computed."""
    plain_definition = {key: value for key, value in definition.items() if key != "moduleConfig"}
    if "vectorizer" in plain_definition:
        plain_definition["vectorizer"] = "none"
    if "vectorConfig" in plain_definition:
        plain_definition["vectorConfig"] = {
            name: {**vector, "vectorizer": {"none": {}}} for name, vector in plain_definition["vectorConfig"].items()
        }
    properties = plain_definition.get("properties") or []
    return {
        **plain_definition,
        "properties": [{key: value for key, value in declared.items() if key != "moduleConfig"} for declared in properties],
    }


def _create(wire: Wire, definition: dict[str, Any]) -> None:
    # Tenants are shards: the server reports their layout, but does not accept it back.
    sharded = not (definition.get("multiTenancyConfig") or {}).get("enabled")
    body = {key: value for key, value in definition.items() if sharded or key != "shardingConfig"}
    try:
        wire.create("schema", body)
    except RefusedError as error:
        hint = "if the server lacks the vectorizer's module: --plain-vectors keeps the vectors and leaves it out"
        raise PlatformError(what=f"collection {definition['class']}: {error.what}", where=wire.url, next_step=hint) from error


def _tenants(wire: Wire, name: str, collection: DumpedCollection) -> None:
    existing = {str(tenant["name"]) for tenant in wire.get(f"schema/{name}/tenants") or ()} if collection.tenants else set()
    missing = [{"name": tenant} for tenant in collection.tenants if tenant not in existing]
    if missing:
        wire.post(f"schema/{name}/tenants", missing)


def _objects(
    wire: Wire, folder: SetFiles, name: str, collection: DumpedCollection, progress: Progress, *, without: tuple[str, ...]
) -> None:
    """Send a collection's objects, without these properties."""
    progress.status(f"objects of {name}")
    sent = 0
    for batch in _batches(read_objects(folder, collection)):
        answers = wire.post("batch/objects", {"objects": [_sendable(name, line, without) for line in batch]})
        failed = [answer for answer in answers if (answer.get("result") or {}).get("errors")]
        if failed:
            message = failed[0]["result"]["errors"]["error"][0]["message"]
            raise PlatformError(what=f"{len(failed)} objects of {name} were refused; {failed[0]['id']}: {message}", where=wire.url)
        sent += len(batch)
        progress.count(sent, collection.rows, "objects")


def _batches(lines: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(lines, PAGE)):
        yield batch


def _sendable(name: str, line: dict[str, Any], without: tuple[str, ...]) -> dict[str, Any]:
    """An object as the batch accepts it; the server sets its times itself."""
    properties = {key: value for key, value in line.get("properties", {}).items() if key not in without}
    return {"class": name, "properties": properties} | {key: line[key] for key in ("id", "vector", "vectors", "tenant") if key in line}


def _check_counts(wire: Wire, rows: dict[str, int]) -> None:
    """Compare the target's own counts with the dump's."""
    for name, expected in rows.items():
        if (wire.get(f"schema/{name}") or {}).get("multiTenancyConfig", {}).get("enabled"):
            continue
        answer = wire.post("graphql", {"query": f"{{ Aggregate {{ {name} {{ meta {{ count }} }} }} }}"})
        counted = int(answer["data"]["Aggregate"][name][0]["meta"]["count"])
        if counted != expected:
            raise PlatformError(what=f"{name} has {counted} objects instead of {expected}", where=wire.url, next_step="run it again")


def _aliases(wire: Wire, index: Index) -> tuple[str, ...]:
    existing = {str(alias["alias"]) for alias in (wire.get("aliases") or {}).get("aliases") or ()}
    for alias, name in index.aliases.items():
        if alias not in existing:
            wire.create("aliases", {"alias": alias, "class": name})
    return tuple(index.aliases)


def _access(wire: Wire, index: Index, place: Path) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Make missing roles and users. A user gets a new key, since the dump has none.

    A user is noted before it is made: one that exists without a known key then gets a new key.
    """
    try:
        roles = {str(role["name"]) for role in wire.get("authz/roles") or ()}
        users = {str(user["userId"]) for user in wire.get("users/db") or ()}
    except RefusedError as error:
        return (), (), (f"roles and users: {error.what}",)
    left_out = []
    for role in index.roles:
        if role["name"] not in roles:
            wire.create("authz/roles", role)
    keys = _known_keys(place)
    for user in index.users:
        name = str(user["userId"])
        if name in users and name not in keys:
            left_out.append(f"user {name}: exists, left unchanged")
            continue
        if name not in users or not keys[name]:
            try:
                _write_keys(place, keys | {name: ""})
                answer = None if name in users else wire.create(f"users/db/{name}", {})
                keys[name] = str((answer or wire.post(f"users/db/{name}/rotate-key", {}))["apikey"])
            except RefusedError as error:
                left_out.append(f"user {name}: {error.what}")
                continue
            _write_keys(place, keys)
        wire.post(f"authz/users/{name}/assign", {"roles": user["roles"], "userType": "db"})
        if not user["active"]:
            wire.create(f"users/db/{name}/deactivate", {"revoke_key": False})
    return tuple(str(role["name"]) for role in index.roles), tuple(sorted(keys)), tuple(left_out)


def _tenants_left_out(index: Index) -> list[str]:
    return [
        f"tenants of {name} inactive when the dump was made: {', '.join(collection.tenants_left_out)}"
        for name, collection in index.collections.items()
        if collection.tenants_left_out
    ]


def _write_keys(place: Path, keys: dict[str, str]) -> None:
    write_whole(place / _KEYS, json.dumps(keys, indent=2).encode() + b"\n")


def _known_keys(place: Path) -> dict[str, str]:
    try:
        keys: dict[str, str] = json.loads((place / _KEYS).read_bytes())
    except (OSError, ValueError):
        return {}
    return keys
