"""Restores Redis from a set's AOF: into a scratch container beside the live one, or onto the live one."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Mapping
from datetime import datetime

from backup.redis.back_up import AOF_FOLDER
from backup.redis.files import AofFile, parse_aof_manifest, with_passwords
from backup.restoring import recipes, stopped
from backup.restoring.ingredients import Ingredients, Timing, run_once
from backup.restoring.journal import FILES, PLANNED, RECOVERED, LiveWork
from backup.restoring.scratch import Scratch
from backup.restoring.targets import StorePlan
from backup.sets.files import SetFiles, plain_file
from backup.sets.model import Manifest
from backup.storage.sources import files_of, source_of
from core.container_files import FileToPut, put_files
from core.errors import PlatformError
from core.helper_containers import remove
from core.progress import Progress
from infra.connections import Platform


def beside(
    scratch_stores: Scratch,
    ingredients: Ingredients,
    plan: StorePlan,
    passwords: Mapping[str, str],
    progress: Progress,
    *,
    settings: Iterable[str] = (),
) -> Timing:
    """Restore Redis into a scratch container from the set's AOF, truncated at the plan's moment if it has one."""
    began = time.monotonic()
    progress.status(f"restoring {plan.manifest.id}")
    source = ingredients.files(plan.manifest)
    recipe = recipes.redis(
        scratch_stores,
        ingredients.bases["redis"],
        data=scratch_stores.volume("redis-data"),
        acl=with_passwords(source.content("redis/users.acl").decode(), passwords),
        passwords=passwords,
        settings=settings,
    )
    entries = aof_entries(source, plan.manifest)
    container = scratch_stores.create(recipe)
    put_files(container, "/data", entries, **recipe.base.owner)
    if plan.truncate and plan.until:
        remove(scratch_stores.containers.pop(recipe.service))
        files = aof_files(source, plan.manifest)
        run_once(scratch_stores, recipe, ("sh", "-c", truncate_script(files, plan.until)))
    files_done = time.monotonic()
    progress.status("loading")
    scratch_stores.start(recipe)
    return Timing(files_done - began, time.monotonic() - files_done)


def live(platform: Platform, plan: StorePlan, work: LiveWork) -> None:
    """Restore onto the live Redis, step by step, each step noted in the journal."""
    folder = work.folder
    work.journal.reach("redis", PLANNED)
    name = platform.containers["redis"]
    stopped.remove_earlier(f"{name}-restore")
    container = stopped.halt(name)
    source = files_of(platform, source_of(platform, folder), plan.manifest)
    entries = aof_entries(source, plan.manifest)
    script = "rm -rf /data/appendonlydir /data/dump.rdb"
    stopped.run(container, script, purpose="restore")
    stopped.put(container, "/data", entries)
    if plan.truncate and plan.until:
        files = aof_files(source, plan.manifest)
        stopped.run(container, truncate_script(files, plan.until), purpose="restore")
    work.journal.reach("redis", FILES)
    stopped.start(container)
    work.journal.reach("redis", RECOVERED)


def aof_files(source: SetFiles, manifest: Manifest) -> tuple[AofFile, ...]:
    """The files of the set's AOF, as its own manifest lists them."""
    records = manifest.redis.files if manifest.redis else ()
    manifests = [record.path for record in records if record.path.startswith(f"{AOF_FOLDER}/") and record.path.endswith(".manifest")]
    if len(manifests) != 1:
        raise PlatformError(
            what="the set's AOF has no manifest", where=source.place.where, next_step="invoke backup.verify names the missing file"
        )
    return parse_aof_manifest(source.content(manifests[0]).decode())


def aof_entries(source: SetFiles, manifest: Manifest) -> list[FileToPut]:
    """The set's AOF as files for Redis' data directory."""
    records = manifest.redis.files if manifest.redis else ()
    folder = f"{AOF_FOLDER}/"
    return [
        FileToPut(f"appendonlydir/{record.path.removeprefix(folder)}", plain_file(source, record))
        for record in records
        if record.path.startswith(folder)
    ]


def truncate_script(files: tuple[AofFile, ...], until: datetime) -> str:
    """A shell line that truncates the AOF's last file at the beginning of a second: everything before it stays, nothing after it.

    The tool keeps the whole second that it is given, so it gets the one before. It refuses if the whole file is younger; then the
    file has to be empty.
    """
    second = int(until.timestamp()) - 1
    last = shlex.quote(f"/data/appendonlydir/{files[-1].name}")
    return (
        f"redis-check-aof --truncate-to-timestamp {second} /data/appendonlydir/*.manifest >/tmp/said 2>&1 || "
        f"{{ grep -q 'nothing before timestamp' /tmp/said && : > {last}; }} || {{ cat /tmp/said >&2; exit 1; }}"
    )
