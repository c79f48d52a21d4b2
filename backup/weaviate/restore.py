"""Restores Weaviate by its own module: into a scratch container beside the live one, or onto the live one."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from backup.restoring import recipes, stopped
from backup.restoring.ingredients import Ingredients, Timing
from backup.restoring.journal import FILES, PLANNED, RECOVERED, LiveWork
from backup.restoring.scratch import Scratch
from backup.restoring.targets import StorePlan
from backup.sets import folders
from backup.sets.files import SetFiles, plain_file
from backup.sets.model import Manifest
from backup.storage.sources import files_of, source_of
from core.container_files import FileToPut, copy_tree, put_files
from core.errors import PlatformError
from core.progress import Progress
from core.waiting import looks
from infra.components.weaviate_container import BACKUP_PATH, DATA_PATH, SECRETS_FILE
from infra.connections import Platform


def beside(
    scratch_stores: Scratch, ingredients: Ingredients, plan: StorePlan, chain: list[Manifest], root_key: str, progress: Progress
) -> Timing:
    """Restore Weaviate into a scratch container: collections, roles and users. `chain` is the set and all that it builds on."""
    began = time.monotonic()
    progress.status(f"restoring {plan.manifest.id}")
    recipe = recipes.weaviate(
        ingredients.bases["weaviate"],
        data=scratch_stores.volume("weaviate-data"),
        backups=scratch_stores.volume("weaviate-backups"),
        root_key=root_key,
        cluster_password=root_key,
    )
    container = scratch_stores.create(recipe)
    entries = [entry for manifest in chain for entry in weaviate_entries(ingredients.files(manifest), manifest)]
    put_files(container, BACKUP_PATH, entries, **recipe.base.owner)
    files = time.monotonic()
    scratch_stores.start(recipe)
    part = plan.manifest.weaviate
    if part and part.backup_id:
        progress.status("loading collections")
        host = scratch_stores.address(recipe.service)
        restore_collections(f"https://{host}:8080", scratch_stores.ca_file, root_key, part.backup_id)
    return Timing(files - began, time.monotonic() - files)


def live(platform: Platform, plan: StorePlan, work: LiveWork) -> None:
    """Restore onto the live Weaviate, step by step, each step noted in the journal."""
    folder = work.folder
    work.journal.reach("weaviate", PLANNED)
    name = platform.containers["weaviate"]
    stopped.remove_earlier(f"{name}-restore")
    key = root_key(name)
    container = stopped.halt(name)
    chain = chain_of(plan.manifest, folders.list_sets(folder=folder))
    wanted_ids = [manifest.weaviate.backup_id for manifest in chain if manifest.weaviate and manifest.weaviate.backup_id]
    copies = " ".join(f"{BACKUP_PATH}/{backup_id}" for backup_id in wanted_ids)
    stopped.run(container, f"find {DATA_PATH} -mindepth 1 -delete; rm -rf {copies}", purpose="restore")
    source = source_of(platform, folder)
    entries = [entry for manifest in chain for entry in weaviate_entries(files_of(platform, source, manifest), manifest)]
    stopped.put(container, BACKUP_PATH, entries)
    work.journal.reach("weaviate", FILES)
    stopped.start(container)
    part = plan.manifest.weaviate
    if part and part.backup_id:
        restore_collections(platform.weaviate_url(), platform.ca_file, key, part.backup_id)
        # Weaviate writes restored users to its disk only when it ends cleanly: after a crash before that, nobody could log in.
        stopped.start(stopped.halt(name))
    work.journal.reach("weaviate", RECOVERED)


def weaviate_entries(source: SetFiles, manifest: Manifest) -> list[FileToPut]:
    """A set's Weaviate files, with the paths that its module expects."""
    part = manifest.weaviate
    if part is None or part.backup_id is None:
        return []
    home = f"weaviate/{part.backup_id}/"
    return [FileToPut(file.path.removeprefix("weaviate/"), plain_file(source, file)) for file in part.files if file.path.startswith(home)]


def restore_collections(url: str, ca_file: Path, key: str, backup_id: str, *, seconds: float = 3600) -> None:
    """Have Weaviate's module restore a whole backup, with roles and users, and wait for it.

    Raises PlatformError if it refuses or fails.
    """
    from infra.provider.weaviate_api import WeaviateApi

    api = WeaviateApi(url, ca_file.read_text(encoding="utf-8"), key)
    path = f"backups/filesystem/{backup_id}/restore"
    api.post(path, {"config": {"rolesOptions": "all", "usersOptions": "all"}})
    for in_time in looks(seconds):
        answer = api.get(path) or {}
        if answer.get("status") == "SUCCESS":
            return
        if answer.get("status") in ("FAILED", "CANCELED") or not in_time:
            raise PlatformError(
                what=f"Weaviate could not restore its backup: {answer.get('error') or answer.get('status') or 'no answer'}",
                where=f"backup {backup_id}",
                next_step="invoke backup.verify checks the set",
            )


def chain_of(manifest: Manifest, sets: Iterable[Manifest]) -> list[Manifest]:
    """The sets that a Weaviate backup needs, oldest first, itself last.

    Raises PlatformError if one of them is missing.
    """
    by_backup = {other.weaviate.backup_id: other for other in sets if other.weaviate and other.weaviate.backup_id}
    chain = [manifest]
    while chain[0].weaviate and (base := chain[0].weaviate.base_id):
        if base not in by_backup:
            raise PlatformError(
                what=f"set {chain[0].id} builds on {base}, which is missing", where="the chain of backups", next_step="restore an older set"
            )
        chain.insert(0, by_backup[base])
    return chain


def root_key(name: str) -> str:
    """Weaviate's root key, read from its volume: a container that a killed run was stopping accepts no command."""
    files: dict[str, str] = {}

    def receive(_path: str, pieces: Iterator[bytes]) -> None:
        for part in shlex.split(b"".join(pieces).decode()):
            setting, _, value = part.partition("=")
            files[setting] = value

    copy_tree(name, SECRETS_FILE, receive)
    return files["AUTHENTICATION_APIKEY_ALLOWED_KEYS"]
