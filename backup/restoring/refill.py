"""Filling empty stores from a set: files into volumes, logs replayed, servers started. Never touches a live store.

Each function takes one store from its plan to a server that answers.
"""

from __future__ import annotations

import functools
import shlex
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backup.postgres import pgbackrest
from backup.postgres.back_up import INFO_PATH
from backup.redis.back_up import AOF_FOLDER
from backup.redis.files import AofFile, parse_aof_manifest, with_passwords
from backup.restoring import recipes
from backup.restoring.scratch import Recipe, Scratch
from backup.restoring.targets import StorePlan
from backup.sets.files import SetFiles, plain_file
from backup.sets.model import Manifest
from backup.sets.sealing import Keyring, keyring_of
from backup.storage.repository import INFO_FILES, SEGMENT
from backup.storage.sources import Source, source_of
from core.containers import Entry, docker_client, execute, put_files, throwaway
from core.errors import PlatformError
from core.progress import Progress
from core.streams import StreamedFile
from core.waiting import looks
from infra.components.pgbackrest_config import PGDATA, REPOSITORY_PATH, STANZA
from infra.components.weaviate_config import BACKUP_PATH
from infra.connections import Platform

_RECOVERY_SECONDS = 4 * 3600


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What scratch stores are made of: images, the repository's passphrase, and the place that sets come from, with the keys to them."""

    images: Mapping[str, str]
    passphrase: str = field(repr=False)
    source: Source
    keyring: Keyring

    def files(self, manifest: Manifest) -> SetFiles:
        """A set's own files."""
        return SetFiles(self.source.sets.below(manifest.id), manifest.id, self.keyring)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the two halves of a restore took, in seconds: putting files back, and the server's own replay and start."""

    files: float
    start: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.files + self.start


def ingredients_of(platform: Platform, passphrase: str, folder: Path, place: str = "") -> Ingredients:
    """The images that the live containers run, or would, and the place of that name.

    Raises PlatformError where a container is gone and the stack doesn't tell its image.
    """
    from docker.errors import NotFound

    images = {}
    for service, name in platform.containers.items():
        try:
            images[service] = str(docker_client().containers.get(name).attrs["Image"])
        except NotFound as error:
            if service not in platform.images:
                raise PlatformError(what=f"there is no container {name}", where="Docker", next_step="invoke up makes it again") from error
            images[service] = platform.images[service]
    return Ingredients(images, passphrase, source_of(platform, folder, place), keyring_of(platform))


def recovery_options(wanted: StorePlan) -> tuple[str, ...]:
    """How pgBackRest is told how far the log is replayed, and along which timeline: the plan's, or that of the backup itself."""
    part = wanted.manifest.postgres
    own = wanted.timeline is None or (part is not None and part.timeline == wanted.timeline)
    along = f"--target-timeline={'current' if own else wanted.timeline}"
    if wanted.lsn:
        # The record that begins at the position is the first that must not be there.
        return ("--type=lsn", f"--target={wanted.lsn}", "--target-exclusive", "--target-action=promote", along)
    if wanted.until:
        moment = wanted.until.astimezone(UTC)
        return ("--type=time", f"--target={moment:%Y-%m-%d %H:%M:%S.%f}+00", "--target-action=promote", along)
    return ("--type=default", along)


def restore_command(wanted: StorePlan, *, archive: bool) -> tuple[str, ...]:
    """The pgBackRest command that puts a data directory back."""
    if wanted.manifest.postgres is None:
        raise PlatformError(what=f"set {wanted.manifest.id} has no backup of PostgreSQL", where="its manifest")
    mode = () if archive else ("--archive-mode=off",)
    return pgbackrest.command("restore", f"--set={wanted.manifest.postgres.label}", *recovery_options(wanted), *mode)


def postgres(made: Scratch, use: Ingredients, wanted: StorePlan, progress: Progress, *, settings: Iterable[str] = ()) -> Timing:
    """Restore PostgreSQL into a scratch container and wait until it has replayed its log and takes writes.

    Raises PlatformError where the backup is damaged, or its log ends before the target.
    """
    began = time.monotonic()
    progress.status(f"restoring {wanted.manifest.id}")
    data = made.volume("timescaledb-data")
    repository = use.source.volume or repository_volume(made, use, wanted, progress)
    recipe = recipes.timescaledb(
        made, use.images["timescaledb"], data=data, repository=repository, passphrase=use.passphrase, settings=settings
    )
    run_once(made, recipe, restore_command(wanted, archive=False))
    files = time.monotonic()
    progress.status("replaying the log")
    try:
        made.start(recipe)
        wait_for_recovery(str(made.containers[recipe.service].name))
    except PlatformError as error:
        if not ends_early(error):
            raise
        if not wanted.or_end:
            raise early_end(error, wanted) from error
        # All that there is was replayed: it is taken without the target. The files stay as they are, the log goes on from there.
        progress.log(f"nothing was committed between the last transaction of the log and {_target_text(wanted)}")
        made.containers.pop(recipe.service).remove(force=True)
        run_once(made, recipe, ("sh", "-c", NO_TARGET))
        made.start(recipe)
        wait_for_recovery(str(made.containers[recipe.service].name))
    return Timing(files - began, time.monotonic() - files)


def repository_volume(made: Scratch, use: Ingredients, wanted: StorePlan, progress: Progress) -> str:
    """A volume with what pgBackRest needs of a repository elsewhere: the backup and those it refers to, the log from there on, the index.

    The scratch network reaches nothing outside, so the files are brought in. The index is the set's own: the place's may be of later.
    """
    part = wanted.manifest.postgres
    if part is None:
        raise PlatformError(what=f"set {wanted.manifest.id} has no backup of PostgreSQL", where="its manifest")
    stored, files = use.source.repository, use.files(wanted.manifest)
    backups = stored.sizes([pgbackrest.backup_path(label) for label in (part.label, *part.references)])
    log = {
        path: size
        for path, size in stored.sizes([f"archive/{STANZA}"]).items()
        if path.endswith(".history") or ((match := SEGMENT.search(path)) and match["segment"] >= part.wal_start)
    }
    progress.status(f"bringing {round(sum((*backups.values(), *log.values())) / 1e6)} MB of the repository from {use.source.where}")
    entries = [
        Entry(path, StreamedFile(path, size, use.source.where, functools.partial(stored.read, path)))
        for path, size in sorted((backups | log).items())
    ]
    index = {record.path: record for record in part.files if record.path.startswith(f"{INFO_PATH}/")}
    entries += [Entry(path, plain_file(files, index[f"{INFO_PATH}/{path}"])) for path in INFO_FILES]
    volume = made.volume("pgbackrest")
    helper = docker_client().containers.create(
        use.images["timescaledb"], ["true"], volumes={volume: {"bind": REPOSITORY_PATH, "mode": "rw"}}, **throwaway("repository")
    )
    try:
        put_files(helper, REPOSITORY_PATH, entries, uid=1000, gid=1000)
    finally:
        helper.remove(force=True)
    return volume


def run_once(made: Scratch, recipe: Recipe, line: Iterable[str]) -> None:
    """Run one command in a container as the recipe describes, with its files and volumes, and wait until it ends.

    Raises PlatformError with the command's last words where it fails.
    """
    import dataclasses

    words = list(line)
    once = dataclasses.replace(recipe, command=["-c", shlex.join(words)], entrypoint=["/bin/sh"], health=None)
    container = made.create(once)
    try:
        container.start()
        code = int(container.wait(timeout=_RECOVERY_SECONDS)["StatusCode"])
        if code != 0:
            said = container.logs(tail=12).decode(errors="replace").strip()
            raise PlatformError(what=f"{words[0]} {words[-1]} failed with exit code {code}: {said}", where=f"container {container.name}")
    finally:
        made.containers.pop(recipe.service)
        container.remove(force=True)


NO_TARGET = f"sed -i '/^recovery_target_\\(time\\|lsn\\|inclusive\\|action\\)/d' {PGDATA}/postgresql.auto.conf"
"""A shell line that lets a recovery go to the end of the log, along the same timeline."""


def ends_early(error: PlatformError) -> bool:
    """Whether the server stopped because its log ended before the target."""
    return "recovery ended before configured recovery target was reached" in error.what


def early_end(error: PlatformError, wanted: StorePlan) -> PlatformError:
    """The error for a log that ends before the target, where its end must not be taken for it."""
    return PlatformError(
        what=f"the archived log ends before {_target_text(wanted)}" + (f": {wanted.doubt}" if wanted.doubt else ""),
        where=error.where,
        next_step="give an earlier target, or --to latest for all that there is",
    )


def _target_text(wanted: StorePlan) -> str:
    return wanted.lsn or (wanted.until.isoformat(timespec="milliseconds") if wanted.until else "its end")


def wait_for_recovery(container: str) -> None:
    """Wait until PostgreSQL has replayed its log and been promoted.

    Raises PlatformError with its last lines where it stops instead: most often because its log ends too early.
    """
    question = ("psql", "--no-psqlrc", "-Atq", "--dbname=postgres", "--command=select pg_is_in_recovery()")
    for in_time in looks(_RECOVERY_SECONDS):
        found: Any = docker_client().containers.get(container)
        if found.status == "running":
            if execute(container, question, user=pgbackrest.USER, check=False).text() == "f":
                return
        else:
            said = found.logs(tail=8).decode(errors="replace").strip()
            raise PlatformError(what=f"PostgreSQL stopped while it replayed its log:\n{said}", where=f"container {container}")
        if not in_time:
            raise PlatformError(what="PostgreSQL did not finish replaying its log", where=f"container {container}")


def redis(
    made: Scratch,
    use: Ingredients,
    wanted: StorePlan,
    passwords: Mapping[str, str],
    progress: Progress,
    *,
    settings: Iterable[str] = (),
) -> Timing:
    """Restore Redis into a scratch container from the set's AOF, cut off at the plan's moment where it says so."""
    began = time.monotonic()
    progress.status(f"restoring {wanted.manifest.id}")
    source = use.files(wanted.manifest)
    recipe = recipes.redis(
        use.images["redis"],
        data=made.volume("redis-data"),
        acl=with_passwords(source.content("redis/users.acl").decode(), passwords),
        passwords=passwords,
        settings=settings,
    )
    entries = aof_entries(source, wanted.manifest)
    container = made.create(recipe)
    put_files(container, "/data", entries, uid=999, gid=999)
    if wanted.truncate and wanted.until:
        made.containers.pop(recipe.service)
        container.remove(force=True)
        files = aof_files(source, wanted.manifest)
        run_once(made, recipe, ("sh", "-c", truncate_script(files, wanted.until)))
    files_done = time.monotonic()
    progress.status("loading")
    made.start(recipe)
    return Timing(files_done - began, time.monotonic() - files_done)


def aof_files(source: SetFiles, manifest: Manifest) -> tuple[AofFile, ...]:
    """The files that the set's log is made of, as the log's own manifest has them."""
    records = manifest.redis.files if manifest.redis else ()
    found = [each.path for each in records if each.path.startswith(f"{AOF_FOLDER}/") and each.path.endswith(".manifest")]
    if len(found) != 1:
        raise PlatformError(
            what="the set's AOF has no manifest", where=source.place.where, next_step="invoke backup.verify tells what is missing"
        )
    return parse_aof_manifest(source.content(found[0]).decode())


def aof_entries(source: SetFiles, manifest: Manifest) -> list[Entry]:
    """The AOF of a set as files for Redis' data directory."""
    records = manifest.redis.files if manifest.redis else ()
    folder = f"{AOF_FOLDER}/"
    return [
        Entry(f"appendonlydir/{each.path.removeprefix(folder)}", plain_file(source, each))
        for each in records
        if each.path.startswith(folder)
    ]


def truncate_script(files: tuple[AofFile, ...], until: datetime) -> str:
    """A shell line that cuts the log's last file off where a second begins: all from before it stays, and nothing from it.

    The tool keeps the whole second that it is given, hence the one before. It refuses where the whole file is younger; then
    nothing of that file is wanted.
    """
    second = int(until.timestamp()) - 1
    last = shlex.quote(f"/data/appendonlydir/{files[-1].name}")
    return (
        f"redis-check-aof --truncate-to-timestamp {second} /data/appendonlydir/*.manifest >/tmp/said 2>&1 || "
        f"{{ grep -q 'nothing before timestamp' /tmp/said && : > {last}; }} || {{ cat /tmp/said >&2; exit 1; }}"
    )


def weaviate(made: Scratch, use: Ingredients, wanted: StorePlan, chain: list[Manifest], root_key: str, progress: Progress) -> Timing:
    """Restore Weaviate into a scratch container: collections, roles and users. `chain` is the set and all that it builds on."""
    began = time.monotonic()
    progress.status(f"restoring {wanted.manifest.id}")
    recipe = recipes.weaviate(
        use.images["weaviate"],
        data=made.volume("weaviate-data"),
        backups=made.volume("weaviate-backups"),
        root_key=root_key,
        cluster_password=root_key,
    )
    container = made.create(recipe)
    put_files(container, BACKUP_PATH, [entry for each in chain for entry in weaviate_entries(use.files(each), each)], uid=1000, gid=1000)
    files = time.monotonic()
    made.start(recipe)
    part = wanted.manifest.weaviate
    if part and part.backup_id:
        progress.status("loading collections")
        host = made.address(recipe.service)
        restore_collections(f"https://{host}:8080", made.ca_file, root_key, part.backup_id)
    return Timing(files - began, time.monotonic() - files)


def weaviate_entries(source: SetFiles, manifest: Manifest) -> list[Entry]:
    """A set's Weaviate files, as its module expects them below its own path."""
    part = manifest.weaviate
    if part is None or part.backup_id is None:
        return []
    home = f"weaviate/{part.backup_id}/"
    return [Entry(each.path.removeprefix("weaviate/"), plain_file(source, each)) for each in part.files if each.path.startswith(home)]


def restore_collections(url: str, ca_file: Path, key: str, backup_id: str, *, seconds: float = 3600) -> None:
    """Have Weaviate's module restore a backup whole, with roles and users, and wait for it.

    Raises PlatformError where it refuses or fails.
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
                next_step="invoke backup.verify tells whether the set is whole",
            )


def chain_of(manifest: Manifest, sets: Iterable[Manifest]) -> list[Manifest]:
    """The sets that a Weaviate backup needs, oldest first, itself last.

    Raises PlatformError where one of them is gone.
    """
    by_backup = {each.weaviate.backup_id: each for each in sets if each.weaviate and each.weaviate.backup_id}
    chain = [manifest]
    while chain[0].weaviate and (base := chain[0].weaviate.base_id):
        if base not in by_backup:
            raise PlatformError(
                what=f"set {chain[0].id} builds on {base}, which is gone", where="the chain of backups", next_step="restore an older set"
            )
        chain.insert(0, by_backup[base])
    return chain
