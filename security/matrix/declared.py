"""The declared side: every cell with whether the blueprint allows it. Reads the blueprint and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from christmas.blueprint.accounts import ACCOUNTS
from security.matrix import declared_postgres, declared_redis, declared_weaviate
from security.matrix.cell import Cell


def matrix() -> Mapping[Cell, bool]:
    """All cells of all accounts, in the order in which they are shown, each with whether it is allowed."""
    return dict(_cells())


def _cells() -> Iterator[tuple[Cell, bool]]:
    for account in ACCOUNTS:
        if account.postgres:
            for kind, name, action, allowed in declared_postgres.rights(account.postgres):
                yield Cell(account.name, "postgres", kind, name, action), allowed
        if account.redis:
            for kind, name, action, allowed in declared_redis.rights(account.redis):
                yield Cell(account.name, "redis", kind, name, action), allowed
        if account.weaviate:
            for kind, name, action, allowed in declared_weaviate.rights(account.weaviate):
                yield Cell(account.name, "weaviate", kind, name, action), allowed
