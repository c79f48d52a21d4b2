"""How each store starts beside the live one: the same container, other secrets, no connection to the live stores."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

from backup.restoring.bases import Base
from backup.restoring.scratch import Recipe, Scratch
from christmas.blueprint.accounts import ACCOUNTS
from infra.backup_places import S3Place
from infra.components import embedder_container, redis_container, timescaledb_container, weaviate_container
from infra.components.description import ServiceContainer
from infra.components.pgbackrest_config import render
from infra.provider.address_rules import address_rules, configuration


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
    described: ServiceContainer[str] = timescaledb_container.describe(
        base.limits,
        **base.owner,
        hba=timescaledb_container.pg_hba_conf(ACCOUNTS, scratch_stores.subnet, scratch_stores.gateway),
        pgbackrest=render(passphrase, place=place),
        superuser_password=secrets.token_urlsafe(24),
        place=place,
        settings=(*(() if archive else ("archive_mode = off",)), *settings),
    )
    volumes = {timescaledb_container.DATA: data, timescaledb_container.REPOSITORY: repository}
    return Recipe(base, described, volumes, read_only=() if archive else (timescaledb_container.REPOSITORY,))


def redis(
    scratch_stores: Scratch, base: Base, *, data: str, acl: str, passwords: Mapping[str, str], settings: Iterable[str] = ()
) -> Recipe:
    """Redis on a data volume. `passwords` has those of admin and monitor, for commands inside the container."""
    described = redis_container.describe(
        base.limits,
        acl=acl,
        addresses=configuration(address_rules(ACCOUNTS, scratch_stores.subnet, scratch_stores.gateway)),
        admin_password=passwords["admin"],
        monitor_password=passwords["monitor"],
        settings=settings,
    )
    return Recipe(base, described, {redis_container.DATA: data})


def weaviate(base: Base, *, data: str, backups: str, root_key: str, cluster_password: str) -> Recipe:
    """Weaviate on a data volume and a backup volume."""
    described = weaviate_container.describe(base.limits, secrets=weaviate_container.secrets_file(root_key, cluster_password))
    return Recipe(base, described, {weaviate_container.DATA: data, weaviate_container.BACKUPS: backups})


def embedder(base: Base, *, token: str) -> Recipe:
    """The bundled embedder, for questions in words."""
    return Recipe(base, embedder_container.describe(base.limits, tokens=token))
