"""The declared side: every cell with whether the blueprint allows it. Reads the blueprint and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Network
from security.matrix import declared_postgres, declared_redis, declared_weaviate
from security.matrix.cell import STORES, Cell

_NETWORKS = {Network.PLATFORM: "the stack's network and clientNetworks", Network.HOST: "the host"}


def matrix() -> Mapping[Cell, bool]:
    """All cells of all accounts, in the order in which they are shown, each with whether it is allowed."""
    return dict(_cells())


def logins() -> Mapping[Cell, bool]:
    """From which networks each account logs in to each store. Shown beside the matrix: a trial comes from the host alone."""
    return {
        Cell(account.name, store, "network", words, "log in from"): network in user.networks
        for account in ACCOUNTS
        for store in STORES
        if (user := getattr(account, store)) is not None
        for network, words in _NETWORKS.items()
    }


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
