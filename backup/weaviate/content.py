"""Whether Weaviate's files match the manifest: the module's own records, and the portable dump's rows, ids and vectors."""

from __future__ import annotations

import json
from typing import Any

from backup.sets.files import SetFiles
from backup.sets.model import Manifest, WeaviatePart
from backup.weaviate.portable import read
from core.errors import PlatformError

_ROOT = "weaviate"


def faults(folder: SetFiles, manifest: Manifest) -> list[str]:
    """Faults in Weaviate's part of the set in `folder`; the files' hashes are checked already."""
    part = manifest.weaviate
    if part is None:
        return []
    return [*(f"weaviate: {fault}" for fault in _module_faults(folder, part)), *read.faults(folder, manifest)]


def _module_faults(folder: SetFiles, part: WeaviatePart) -> list[str]:
    """The module's backup against the manifest: successful, with this id and base, with a file for every collection."""
    if part.backup_id is None:
        counted = [name for name, (before, _) in part.collections.items() if before]
        return [f"it counted objects of {', '.join(counted)} but has no backup"] if counted else []
    home = f"{_ROOT}/{part.backup_id}"
    try:
        config: dict[str, Any] = json.loads(folder.content(f"{home}/backup_config.json"))
        nodes: dict[str, list[str]] = {name: list(node["classes"]) for name, node in config["nodes"].items()}
    except (PlatformError, ValueError, KeyError, TypeError, AttributeError):
        return [f"{home}/backup_config.json is missing or invalid"]
    problems = []
    if config.get("status") != "SUCCESS":
        problems.append(f"the module's backup ended as {config.get('status')}")
    if config.get("id") != part.backup_id or (config.get("baseBackupId") or None) != part.base_id:
        problems.append(
            f"the module calls its backup {config.get('id')} on {config.get('baseBackupId') or 'nothing'}, "
            f"the manifest {part.backup_id} on {part.base_id or 'nothing'}"
        )
    held = {name for classes in nodes.values() for name in classes}
    missing = sorted(name for name, (before, after) in part.collections.items() if before and after and name not in held)
    if missing:
        problems.append(f"collections missing from the module's backup: {', '.join(missing)}")
    listed = [record.path for record in part.files]
    for node, classes in nodes.items():
        empty = [name for name in classes if not any(path.startswith(f"{home}/{node}/{name}/") for path in listed)]
        if empty:
            problems.append(f"collections without a data file: {', '.join(empty)}")
    return problems
