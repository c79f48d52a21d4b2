"""The declaration contradicts itself nowhere, and would be refused if it did."""

from dataclasses import replace
from datetime import timedelta

import pytest

from christmas.blueprint.accounts import ACCOUNTS, account
from christmas.blueprint.collections_and_properties import COLLECTIONS
from christmas.blueprint.keyspace_model import NameTells, ValueType
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES, keyspace
from christmas.blueprint.model import Account, BlueprintError, Column, Hypertable, Index, RedisUser, Table, TableGrant, WeaviateUser
from christmas.blueprint.relational import MARKET_DATA, ROLLUPS, TABLES, table
from christmas.blueprint.services import POSTGRES_MAX_CONNECTIONS, SERVICES


def test_names_are_unique():
    for family in (TABLES, KEYSPACES, COLLECTIONS, ACCOUNTS, SERVICES):
        names = [each.name for each in family]
        assert len(names) == len(set(names))


def test_every_grant_names_a_table_and_columns_that_are_declared():
    grants = [grant for each in ACCOUNTS if each.postgres for grant in each.postgres.grants]
    assert any(grant.columns for grant in grants)
    for grant in grants:
        if grant.table in {rollup.name for rollup in ROLLUPS}:
            assert grant.columns is None
            continue
        declared = {column.name for column in table(grant.table).columns}
        assert set(grant.columns or ()) <= declared, grant


def test_every_keyspace_of_an_account_is_declared():
    named = [name for each in ACCOUNTS if each.redis for name, _ in each.redis.keyspaces]
    assert named
    assert [keyspace(name).name for name in named] == named


def test_commands_fit_the_type_of_their_keyspaces_and_take_no_expiry_away():
    strings = {"get", "mget", "set", "setex", "psetex", "getex", "getdel", "incr", "incrby", "decr", "decrby", "strlen"}
    given = [
        (keyspace(name).value_type, set(only.commands))
        for each in ACCOUNTS
        if each.redis
        for only in each.redis.only
        for name in only.keyspaces
    ]
    assert given
    for value_type, commands in given:
        assert commands
        assert commands <= strings if value_type is ValueType.STRING else all(command.startswith("h") for command in commands)
    everything = {command for each in ACCOUNTS if each.redis for command in each.redis.commands}.union(*(commands for _, commands in given))
    assert not everything & {"persist", "getset", "setnx", "mset", "append", "rename", "renamenx", "copy", "keys", "randomkey", "hpersist"}


def test_who_lists_the_names_of_keys_is_who_needs_to():
    """An ACL's patterns don't bound SCAN: whoever may scan sees all names, and a name may tell of a person."""
    listing = {each.name for each in ACCOUNTS if each.redis and {"scan", "@keyspace", "@read"} & set(each.redis.commands)}
    assert listing == {"api", "app", "backup", "monitor", "admin"}
    assert {each.name for each in KEYSPACES if each.name_tells is not NameTells.NOTHING} == {"session", "rate_limit", "user_preferences"}
    assert [each.name for each in KEYSPACES if each.hashed] == ["session"]


def test_all_accounts_at_their_limits_leave_the_server_connections_for_its_keeper():
    assert sum(each.postgres.connection_limit for each in ACCOUNTS if each.postgres) <= POSTGRES_MAX_CONNECTIONS - 10


def test_exactly_one_account_owns_the_schema():
    assert [each.name for each in ACCOUNTS if each.postgres and each.postgres.owns_schema] == ["migrator"]


def test_the_analyst_sees_no_secret_and_nothing_personal():
    analyst = account("analyst").postgres
    assert analyst is not None
    tables = {each.name for each in TABLES}
    grants = [grant for grant in analyst.grants if grant.table in tables]
    seen = {(grant.table, name) for grant in grants for name in grant.columns or [c.name for c in table(grant.table).columns]}
    assert not seen & {
        ("users", "password_hash"),
        ("users", "email"),
        ("user_profiles", "first_name"),
        ("user_profiles", "last_name"),
        ("user_profiles", "phone"),
        ("user_profiles", "address"),
        ("user_profiles", "phone_index"),
    }
    assert ("users", "username") in seen
    assert ("orders", "price") in seen


@pytest.mark.parametrize("commands", [("eval",), ("@scripting",), ("@all",), ("script",), ("get", "fcall")])
def test_no_redis_account_runs_scripts(commands):
    with pytest.raises(BlueprintError):
        RedisUser(commands=commands)


def test_contradictions_are_refused():
    column = Column("time", "timestamp with time zone")
    with pytest.raises(BlueprintError, match="twice"):
        Table(name="t", comment="", columns=(column, column), primary_key=("time",))
    with pytest.raises(BlueprintError, match="unknown columns"):
        Table(name="t", comment="", columns=(column,), primary_key=("id",))
    with pytest.raises(BlueprintError, match="time column"):
        Table(
            name="t",
            comment="",
            columns=(column, Column("id", "bigint")),
            primary_key=("id",),
            hypertable=Hypertable("time", timedelta(days=1)),
        )
    with pytest.raises(BlueprintError, match="time column"):
        replace(MARKET_DATA, indexes=(Index("u", ("symbol",), unique=True),))
    with pytest.raises(BlueprintError, match="no store"):
        Account(name="nobody", purpose="")
    with pytest.raises(BlueprintError, match="lower-case"):
        Column("Robert'); drop table students", "text")
    with pytest.raises(BlueprintError, match="built-in"):
        WeaviateUser()
    with pytest.raises(BlueprintError, match="expire"):
        replace(KEYSPACES[0], ttl=timedelta(0))


def test_values_can_not_be_changed():
    grant = TableGrant("users", frozenset())
    with pytest.raises(AttributeError):
        setattr(grant, "table", "orders")  # noqa: B010 - written so that the type checker lets it try
