"""Whether accounts get in, and whether stores are empty: what a live restore asks real servers before and after."""

import dataclasses

import pytest

from backup.restoring import account_passwords, emptiness
from backup.sets.model import STORES
from christmas.blueprint.accounts import ACCOUNTS
from core.container_commands import execute
from core.errors import PlatformError
from core.progress import SilentProgress
from infra.connections import Credentials, Platform
from tests.support.scratch_platform import ScratchPlatform


@pytest.fixture
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


def test_every_account_gets_in_and_nothing_is_done(platform: Platform) -> None:
    assert account_passwords.refused(platform, STORES) == []
    assert account_passwords.settle(platform, STORES, SilentProgress()) is platform


@pytest.mark.exhaustive
def test_accounts_with_other_passwords_are_named_for_each_store(platform: Platform) -> None:
    """As after a restore from another machine: what this one knows is not what the stores have."""
    other = {
        name: Credentials(*("another" if each else None for each in dataclasses.astuple(known))) for name, known in _own(platform).items()
    }
    found = account_passwords.refused(dataclasses.replace(platform, accounts=other), STORES)
    expected = {f"{account.name} in {store}" for account in ACCOUNTS for store in STORES if getattr(other[account.name], store)}
    assert {each.partition(":")[0] for each in found} == expected
    # Without a stack of Pulumi's there is nobody who could set them.
    with pytest.raises(PlatformError, match=r"accounts can't log in: .*api in postgres"):
        account_passwords.settle(dataclasses.replace(platform, accounts=other), STORES, SilentProgress())


def _own(platform: Platform) -> dict[str, Credentials]:
    return {account.name: platform.accounts[account.name] for account in ACCOUNTS}


@pytest.mark.exhaustive
def test_a_store_with_anything_in_it_is_not_empty(platform: Platform) -> None:
    assert not emptiness.empty(platform, ("postgres",))
    name = "christmas_db"
    container = platform.containers["timescaledb"]

    def sql(database: str, statement: str) -> None:
        execute(container, ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", statement], user="postgres")

    # A database as a new stack has it: made, with its extensions, and never migrated.
    sql("postgres", f"alter database {name} rename to set_aside")
    try:
        sql("postgres", f"create database {name}")
        sql(name, "create extension timescaledb")
        assert emptiness.empty(platform, ("postgres",))
        sql(name, "create schema other; create table other.one (id int)")
        assert not emptiness.empty(platform, ("postgres",))
    finally:
        sql("postgres", f"drop database {name} with (force)")
        sql("postgres", f"alter database set_aside rename to {name}")
    gone = dataclasses.replace(
        platform, accounts={**platform.accounts, "backup": Credentials("x", "x", "x"), "monitor": Credentials("x", "x", "x")}
    )
    # What can't be asked is not seen to be empty.
    assert not any(emptiness.empty(gone, (store,)) for store in STORES)
