"""How each store starts beside the live one: the same settings, other secrets, no connection to the live stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backup.restoring.bases import Base
from backup.restoring.scratch import CONFIG, Recipe, Scratch
from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.services import EMBEDDER, REDIS, TIMESCALEDB, WEAVIATE
from infra.backup_places import S3Place
from infra.components.names import redis_cli
from infra.components.pgbackrest_config import CA_FILE, PGDATA, REPOSITORY_PATH, render
from infra.components.postgres_config import pg_hba_conf, postgresql_conf
from infra.components.redis_config import redis_conf
from infra.components.weaviate_config import BACKUP_PATH, DATA_PATH, command, environment, https_probe, secrets_file


def timescaledb(
    scratch_stores: Scratch,
    base: Base,
    *,
    data: str,
    repository: str,
    passphrase: str,
    archive: bool = False,
    place: S3Place | None = None,
    settings: Iterable[str] = (),
) -> Recipe:
    """PostgreSQL on a data volume. Without `archive` it only reads the repository and never adds its own WAL."""
    lines = [postgresql_conf(base.limits), *(() if archive else ("archive_mode = off",)), *settings]
    return Recipe(
        service=TIMESCALEDB.name,
        base=base,
        command=["postgres", "-c", f"config_file={CONFIG}/postgresql.conf", "-c", f"hba_file={CONFIG}/pg_hba.conf"],
        environment={"PGDATA": PGDATA},
        volumes={PGDATA.rpartition("/")[0]: data} | ({REPOSITORY_PATH: repository} if archive else {}),
        read_only_volumes={} if archive else {REPOSITORY_PATH: repository},
        files={
            "postgresql.conf": "\n".join(lines).encode(),
            "pg_hba.conf": pg_hba_conf(ACCOUNTS, scratch_stores.subnet, scratch_stores.gateway).encode(),
            "pgbackrest.conf": render(passphrase, place=place).encode(),
            **({CA_FILE: place.ca_certificate.encode()} if place and place.ca_certificate else {}),
        },
        # An image may give this directory to another user.
        tmpfs={"/var/run/postgresql": "rw,noexec,nosuid,nodev,size=16m,mode=0750,uid={uid},gid={gid}".format(**base.owner)},
        health=["pg_isready", "-q", "-h", "127.0.0.1"],
    )


def redis(base: Base, *, data: str, acl: str, passwords: Mapping[str, str], settings: Iterable[str] = ()) -> Recipe:
    """Redis on a data volume. `passwords` has those of admin and monitor, for commands inside the container."""
    files = {f"{account}.password": passwords[account].encode() for account in ("admin", "monitor")}
    return Recipe(
        service=REDIS.name,
        base=base,
        command=["redis-server", f"{CONFIG}/redis.conf"],
        volumes={"/data": data},
        files={**files, "redis.conf": "\n".join([redis_conf(base.limits), *settings, ""]).encode(), "users.acl": acl.encode()},
        health=["sh", "-c", f"{redis_cli('monitor')} ping | grep -q PONG"],
    )


def weaviate(base: Base, *, data: str, backups: str, root_key: str, cluster_password: str) -> Recipe:
    """Weaviate on a data volume and a backup volume."""
    return Recipe(
        service=WEAVIATE.name,
        base=base,
        entrypoint=["/bin/sh"],
        command=command(),
        environment=environment(base.limits),
        volumes={DATA_PATH: data, BACKUP_PATH: backups},
        files={"weaviate.env": secrets_file(root_key, cluster_password).encode()},
        health=["sh", "-c", https_probe(WEAVIATE.ports["https"], "/v1/.well-known/ready")[1]],
    )


def embedder(base: Base, *, token: str) -> Recipe:
    """The bundled embedder, for questions in words."""
    return Recipe(
        service=EMBEDDER.name,
        base=base,
        command=[],
        files={"api.key": token.encode()},
        health=["python3", "-m", "embedder_server", "health"],
    )
