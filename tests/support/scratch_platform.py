"""The whole platform in scratch containers: three real stores with the blueprint's accounts, migrated, with a little data in each.

Made without Pulumi, so that tests of the rooms behind it don't wait for a stack.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import docker

from airgap.images.catalog import image_reference
from backup.restoring import recipes
from backup.restoring.bases import Base
from backup.restoring.scratch import Scratch, scratch
from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.relational import DATABASE, EXTENSIONS
from christmas.sealed.ring import new_ring
from core.container_commands import execute
from core.labels import OWNER_LABEL, PURPOSE_LABEL
from infra.backup_places import BackupAccess, S3Place
from infra.clients import weaviate_client
from infra.components.pgbackrest_config import CONFIG_PATH, STANZA
from infra.connections import AuthorityTurn, Credentials, Platform, Turn
from infra.provider.redis_acl import redis_acl_line
from infra.provider.weaviate_api import WeaviateApi, permissions
from tests.support.identities import new_identity
from tests.support.postgres_rights import give_rights, role_settings

DOCUMENTS = "ChristmasDocument_embedded_7e575000"
ROOT_KEY = "root-" + "k" * 36


@dataclass(frozen=True, slots=True)
class ScratchPlatform:
    """A running platform and the pieces it is made of."""

    platform: Platform
    made: Scratch
    passphrase: str = field(repr=False)


def base_of(service: str) -> Base:
    """What a service's container is made of here: the image named for tests, else the catalogue's."""
    return Base.own(service, os.environ.get(f"CHRISTMAS_TEST_{service.upper()}_IMAGE") or image_reference(service))


@contextlib.contextmanager
def run_scratch_platform(
    purpose: str = "tests",
    place: Callable[[str], S3Place] | None = None,
    *,
    repository_mib: int = 0,
    migrated: bool = True,
    disk: Path | None = None,
    embedder: bool = False,
) -> Iterator[ScratchPlatform]:
    """Start the three stores, make accounts and schema, and yield them; all is removed on leaving.

    With `place` its backups go to the bucket that it gives for the network's gateway: this machine, as the containers reach it.
    With `repository_mib`, pgBackRest's repository is a file system of that size, which can really be full. Without `migrated` the
    database is as empty as a new stack's is before its first migration. With `disk`, PostgreSQL's data and its repository are below that
    folder. With `embedder` questions in words are answered too.
    """
    from migrations.run import upgrade

    passwords = {account.name: secrets.token_urlsafe(24) for account in ACCOUNTS}
    passphrase = secrets.token_urlsafe(32)
    with scratch(purpose) as made, _small_repository(made, repository_mib):
        bucket = place(made.gateway) if place else None
        for part in ("timescaledb-data", "pgbackrest") if disk else ():
            _volume_at(made, part, Path(str(disk)) / part)
        made.start(
            recipes.timescaledb(
                made,
                base_of("timescaledb"),
                data=made.volume("timescaledb-data"),
                repository=made.volume("pgbackrest"),
                passphrase=passphrase,
                archive=True,
                place=bucket,
            )
        )
        redis_passwords = {account.name: passwords[account.name] for account in ACCOUNTS if account.redis}
        acl = _acl(redis_passwords)
        made.start(recipes.redis(made, base_of("redis"), data=made.volume("redis-data"), acl=acl, passwords=redis_passwords))
        made.start(
            recipes.weaviate(
                base_of("weaviate"),
                data=made.volume("weaviate-data"),
                backups=made.volume("weaviate-backups"),
                root_key=ROOT_KEY,
                cluster_password=secrets.token_urlsafe(16),
            )
        )
        token = secrets.token_urlsafe(24) if embedder else "none"
        if embedder:
            made.start(recipes.embedder(base_of("embedder"), token=token))
        bare = made.platform({"root": Credentials(weaviate=ROOT_KEY)}, embedding_profile="embedded", embedding_key=token)
        _make_roles(bare.containers["timescaledb"], passwords)
        keys = _make_weaviate_users(bare)
        accounts = {
            account.name: Credentials(
                postgres=passwords[account.name] if account.postgres else None,
                redis=redis_passwords.get(account.name),
                weaviate=keys.get(account.name),
            )
            for account in ACCOUNTS
        }
        bare = made.platform(accounts, embedding_profile="embedded", embedding_key=token)
        identity, recipient = new_identity()
        access = BackupAccess(passphrase=passphrase, identities=(identity,), recipients=(recipient,), place=bucket)
        made_at = datetime.datetime.now(datetime.UTC)
        turns = {account.name: Turn(0, made_at, former=False) for account in ACCOUNTS}
        authority = AuthorityTurn(0, made_at, former=False, former_signs=False)
        platform = dataclasses.replace(bare, field_keys=new_ring().as_json(), backup=access, rotations=turns, authority=authority)
        if migrated:
            upgrade(platform)
        yield ScratchPlatform(platform, made, passphrase)


def _volume_at(made: Scratch, part: str, folder: Path) -> None:
    """A volume that is a folder of this machine."""
    folder.mkdir(mode=0o700)
    os.chown(folder, 1000, 1000)
    name = f"christmas-{made.name}-{part}"
    options = {"type": "none", "o": "bind", "device": str(folder)}
    docker.from_env().volumes.create(name, driver_opts=options, labels={PURPOSE_LABEL: "tests", OWNER_LABEL: str(os.getpid())})
    made.volumes.append(name)


@contextlib.contextmanager
def _small_repository(made: Scratch, mebibytes: int) -> Iterator[None]:
    """A repository in memory, mounted as long as a container of its own runs: a server that is killed doesn't lose it."""
    if not mebibytes:
        yield
        return
    client, name = docker.from_env(), f"christmas-{made.name}-pgbackrest"
    labels = {PURPOSE_LABEL: "tests", OWNER_LABEL: str(os.getpid())}
    options = {"type": "tmpfs", "device": "tmpfs", "o": f"size={mebibytes}m,mode=0700,uid=1000,gid=1000"}
    client.volumes.create(name, driver_opts=options, labels=labels)
    made.volumes.append(name)
    mounted = {name: {"bind": "/mnt", "mode": "ro"}}
    keeper = client.containers.run(
        base_of("timescaledb").image, ["infinity"], entrypoint=["sleep"], detach=True, network_mode="none", labels=labels, volumes=mounted
    )
    try:
        yield
    finally:
        keeper.remove(force=True)


def _acl(passwords: dict[str, str]) -> str:
    lines = [redis_acl_line("default", None, None)]
    lines += [
        redis_acl_line(account.name, account.redis, hashlib.sha256(passwords[account.name].encode()).hexdigest())
        for account in ACCOUNTS
        if account.redis
    ]
    return "\n".join(lines) + "\n"


def _make_roles(container: str, passwords: dict[str, str]) -> None:
    statements = []
    for account in ACCOUNTS:
        if account.postgres is None:
            continue
        role = account.postgres
        statements += [
            f"create role {account.name} login connection limit {role.connection_limit} password '{passwords[account.name]}'",
            *(f"alter role {account.name} set {setting} = '{value}'" for setting, value in role_settings(role).items()),
            *(f"grant {group} to {account.name}" for group in role.member_of),
            *([f"alter role {account.name} bypassrls"] if role.sees_every_row else []),
        ]
    statements += [f"create database {DATABASE}", f"revoke all on database {DATABASE}, postgres, template1 from public"]
    inside = [f"create extension if not exists {name}" for name in EXTENSIONS]
    inside.append("revoke all on schema public from public")
    for account in ACCOUNTS:
        if account.postgres:
            inside += [f"grant connect on database {DATABASE} to {account.name}", f"grant usage on schema public to {account.name}"]
            if account.postgres.temporary_tables:
                inside.append(f"grant temporary on database {DATABASE} to {account.name}")
            if account.postgres.owns_schema:
                inside += [f"alter schema public owner to {account.name}", f"alter database {DATABASE} owner to {account.name}"]
    for database, lines in (("postgres", statements), (DATABASE, inside)):
        options = [f"--command={line}" for line in lines]
        execute(container, ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, *options], user="postgres")
    execute(container, ["pgbackrest", f"--config={CONFIG_PATH}", f"--stanza={STANZA}", "stanza-create"], user="postgres")
    give_rights(docker.from_env().containers.get(container))


def _make_weaviate_users(bare: Platform) -> dict[str, str]:
    keys = {}
    api = WeaviateApi(bare.weaviate_url(), bare.ca_file.read_text(), ROOT_KEY)
    with weaviate_client(bare, "root") as client:
        for account in ACCOUNTS:
            if account.weaviate is None:
                continue
            role = account.weaviate.built_in_role
            if role is None:
                role = account.name
                wanted = [
                    rule
                    for permission in account.weaviate.permissions
                    for rule in permissions(permission.action, permission.collection, permission.alias)
                ]
                api.post("authz/roles", {"name": role, "permissions": wanted})
            keys[account.name] = client.users.db.create(user_id=account.name)
            client.users.db.assign_roles(user_id=account.name, role_names=role)
    return keys


def fill(platform: Platform, *, candles: int = 2000, users: int = 20, sessions: int = 100, documents: int = 200) -> None:
    """Put a little of everything in: candles of five symbols, users, their sessions, documents with vectors."""
    from weaviate.classes.config import Configure, DataType, Property

    from infra.clients import postgres, redis_client

    with postgres(platform, "ingest") as connection:
        connection.execute(
            "insert into market_data (symbol, timestamp, open, high, low, close, volume)"
            " select 'S' || mod(i, 5), now() - i * interval '1 hour', 1, 2, 1, 1.5, i from generate_series(1, %s) as i",
            (candles,),
        )
    with postgres(platform, "api") as connection:
        connection.execute(
            "insert into users (username, email, password_hash)"
            " select 'user' || i, 'user' || i || '@example.org', '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM0$aGFzaGhhc2hoYXNoaGFzaA'"
            " from generate_series(1, %s) as i",
            (users,),
        )
    with redis_client(platform, "api") as client:
        begun = datetime.datetime.now(datetime.UTC)
        for number in range(sessions):
            fields = {
                "user_id": number % users + 1,
                "username": f"user{number % users + 1}",
                "roles": "[]",
                "created_at": begun.isoformat(),
                "expires_at": (begun + datetime.timedelta(hours=20)).isoformat(),
            }
            client.hset(f"session:{number:064x}", mapping=fields)  # type: ignore[arg-type]
            client.expire(f"session:{number:064x}", datetime.timedelta(hours=20))
    with weaviate_client(platform, "indexer") as store:
        store.collections.create(
            DOCUMENTS,
            vector_config=Configure.Vectors.self_provided(),
            properties=[Property(name="content", data_type=DataType.TEXT), Property(name="file_path", data_type=DataType.TEXT)],
        )
        collection = store.collections.use(DOCUMENTS)
        with collection.batch.fixed_size(100) as batch:
            for number in range(documents):
                batch.add_object(
                    {"content": f"passage {number}", "file_path": f"docs/{number % 7}.md"}, vector=[float(number), 1.0, 0.5, 0.25]
                )
        assert not collection.batch.failed_objects
