"""Writes the portable dump page by page, so that memory use is constant."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import orjson
import zstandard

from backup.sets.files import HashedFile, SetFolder, discard, write_hashed
from backup.sets.model import FileRecord, Unproven
from backup.weaviate.portable.layout import FOLDER, INDEX, Dumped, DumpedCollection, Index, dimension, vectors_of
from backup.weaviate.portable.wire import RefusedError, Wire
from core.errors import PlatformError
from core.progress import Progress

_LEVEL = 3
_KEPT = ("id", "properties", "vector", "vectors", "creationTimeUnix", "lastUpdateTimeUnix")
_TOLD_EVERY = 5000
_LONGEST_FILE = 100
# An account without one of these gets an empty list instead of a refusal.
_RIGHTS = ("read_tenants", "read_aliases", "read_roles", "read_users")
# Every server makes these itself.
BUILT_IN_ROLES = frozenset({"root", "admin", "viewer", "read-only"})


def write_dump(wire: Wire, folder: SetFolder, progress: Progress) -> Dumped:
    """Write the dump into a set's folder.

    Not of one instant: an object written meanwhile may be missing. (The module's backup is of one instant.) A collection or tenant
    that the server refuses to show is left out and reported.
    Raises PlatformError if the server shows nothing at all, or fails halfway.
    """
    _insist_on_rights(wire)
    records: list[FileRecord] = []
    collections: dict[str, DumpedCollection] = {}
    unproven: list[Unproven] = []
    for definition in sorted(wire.get("schema")["classes"], key=lambda schema: str(schema["class"])):
        name = str(definition["class"])
        progress.status(f"portable dump of {name}")
        try:
            files, collections[name], lacking = _collection(wire, folder, name, definition, progress)
        except RefusedError as error:
            for path in _paths(name):
                discard(folder, path)
            unproven.append(Unproven(what=f"collection {name}", why=f"not in the portable dump: {error.what}"))
            continue
        records += files
        unproven += lacking
    index = Index(
        weaviate=str(wire.get("meta")["version"]),
        collections=collections,
        aliases={alias["alias"]: alias["class"] for alias in (wire.get("aliases") or {}).get("aliases") or ()},
        roles=[role for role in wire.get("authz/roles") or () if role["name"] not in BUILT_IN_ROLES],
        users=_users(wire),
    )
    content = index.model_dump_json(indent=2).encode() + b"\n"
    return Dumped((*records, write_hashed(folder, INDEX, [content])), tuple(unproven))


def _paths(name: str) -> tuple[str, str]:
    """The paths of a collection's definition and objects. The index tells them, so that a long name can have a shorter file."""
    # Weaviate allows 255 letters, as many as most file systems; endings and marks of files being written come on top.
    file = name if len(name) <= _LONGEST_FILE else f"{name[:_LONGEST_FILE]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return f"{FOLDER}/{file}.schema.json", f"{FOLDER}/{file}.jsonl.zst"


def _insist_on_rights(wire: Wire) -> None:
    own = wire.get("users/own-info") or {}
    granted = {str(permission["action"]) for role in own.get("roles") or () for permission in role.get("permissions") or ()}
    missing = [right for right in _RIGHTS if granted and right not in granted]
    if missing:
        raise PlatformError(
            what=f"account {own.get('username')} may not {', '.join(missing)}, so the portable dump would be incomplete",
            where=wire.url,
            next_step="invoke up gives the stack's accounts the blueprint's rights",
        )


def _users(wire: Wire) -> list[dict[str, Any]]:
    """The users in the server's database, without those of its environment."""
    return [
        {"userId": user["userId"], "roles": sorted(user.get("roles") or ()), "active": bool(user.get("active", True))}
        for user in wire.get("users/db") or ()
        if user.get("dbUserType") == "db_user"
    ]


def _collection(
    wire: Wire, folder: SetFolder, name: str, definition: dict[str, Any], progress: Progress
) -> tuple[list[FileRecord], DumpedCollection, list[Unproven]]:
    described_at, objects_at = _paths(name)
    described = write_hashed(folder, described_at, [json.dumps(definition, indent=2, ensure_ascii=False).encode()])
    tenants, left_out = _tenants(wire, name, definition)
    for inactive in left_out:
        progress.log(f"tenant {inactive} of {name} is not active, so it is not in the portable dump; the module's backup has it")
    seen = _Seen(name)
    compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
    gone: dict[str, int] = {}
    with HashedFile(folder, objects_at) as target:
        for tenant in tenants:
            before = seen.rows
            try:
                for line in _lines(wire, name, tenant):
                    seen.take(line)
                    target.write(compressor.compress(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)))
                    if seen.rows % _TOLD_EVERY == 0:
                        progress.count(seen.rows, 0, f"objects of {name}")
            except RefusedError:
                if tenant is None or tenant in _tenants(wire, name, definition)[0]:
                    raise
                # Deactivated or removed since it was listed.
                gone[tenant] = seen.rows - before
        target.write(compressor.flush())
    dumped = DumpedCollection(
        definition=described.path,
        objects=target.record.path,
        rows=seen.rows,
        dimensions=seen.dimensions,
        tenants=tuple(tenant for tenant in tenants if tenant is not None and gone.get(tenant) != 0),
        tenants_left_out=(*left_out, *(tenant for tenant, rows in gone.items() if not rows)),
    )
    lacking = [
        Unproven(
            what=f"tenant {tenant} of {name}", why=f"deactivated or removed during the dump: the portable dump has {rows} of its objects"
        )
        for tenant, rows in gone.items()
    ]
    return [described, target.record], dumped, lacking


def _tenants(wire: Wire, name: str, definition: dict[str, Any]) -> tuple[list[str | None], tuple[str, ...]]:
    """The tenants to read (None for a collection without tenants), and the inactive ones, which can't be read."""
    if not (definition.get("multiTenancyConfig") or {}).get("enabled"):
        return [None], ()
    statuses = sorted(wire.get(f"schema/{name}/tenants") or (), key=lambda status: str(status["name"]))
    active = [str(status["name"]) for status in statuses if status.get("activityStatus") in ("HOT", "ACTIVE")]
    return list(active), tuple(str(status["name"]) for status in statuses if status["name"] not in active)


def _lines(wire: Wire, name: str, tenant: str | None) -> Iterator[dict[str, Any]]:
    for stored in wire.objects(name, tenant):
        line = {key: stored[key] for key in _KEPT if stored.get(key) is not None}
        yield line if tenant is None else {**line, "tenant": tenant}


class _Seen:
    """What a collection's lines have in common, collected while they pass."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last = ("", "")
        self.rows = 0
        self.dimensions: dict[str, int] = {}

    def take(self, line: dict[str, Any]) -> None:
        """Count a line. The cursor returns ascending ids; a server that doesn't would return some twice."""
        place = (str(line.get("tenant", "")), str(line["id"]))
        if place <= self._last:
            raise PlatformError(
                what=f"Weaviate gave object {place[1]} after {self._last[1]}: out of order, so some may be missing or given twice",
                where=f"collection {self._name}",
                next_step="run it again; if it fails again, this version of Weaviate can't be dumped portably",
            )
        self._last = place
        self.rows += 1
        for vector, values in vectors_of(line).items():
            length = dimension(values)
            self.dimensions[vector] = length if self.dimensions.get(vector, length) == length else 0
