"""The accounts: one per service, never shared, each with the least rights for its work."""

from __future__ import annotations

from datetime import timedelta

from christmas.blueprint.audited import NOT_AUDITED
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from christmas.blueprint.model import (
    NO_VALUES_IN_THE_LOG,
    Account,
    KeyAccess,
    KeyspaceCommands,
    Network,
    PostgresRole,
    Privilege,
    RedisUser,
    TableGrant,
    WeaviatePermission,
    WeaviateUser,
)
from christmas.blueprint.postgres_bounds import ADVISORY_LOCKS
from christmas.blueprint.relational import ROLLUPS, TABLES

_READ = frozenset({Privilege.SELECT})
_WRITE = frozenset({Privilege.SELECT, Privilege.INSERT, Privilege.UPDATE})
_FULL = _WRITE | {Privilege.DELETE}
_MARKET = ("market_data", "technical_indicators")
_MARKET_READ = (*_MARKET, *(rollup.name for rollup in ROLLUPS))


# Exactly the collections that the loader makes, whatever similar names exist.
_DOCUMENTS = CHRISTMAS_DOCUMENT.names


# The operator's tasks run on the host: no application in the network has a reason to come in as these (docs/adr/0021, 0014).
_OPERATORS = (Network.HOST,)


def _grants(privileges: frozenset[Privilege], *tables: str) -> tuple[TableGrant, ...]:
    return tuple(TableGrant(name, privileges) for name in tables)


# Commands that every connection needs.
_CONNECTION = ("auth", "hello", "ping", "quit", "select", "client|setname", "client|setinfo", "client|id", "command|docs", "command|count")
_TRANSACTION = ("multi", "exec", "discard", "watch", "unwatch")
_KEYS = (
    *("del", "unlink", "exists", "type", "touch"),
    *("expire", "pexpire", "expireat", "pexpireat", "ttl", "pttl", "expiretime", "pexpiretime"),
)
# Lists the names of all keys, whatever the account's patterns (docs/adr/0610): for accounts that find keys by name.
_NAMES = ("scan",)
# A command must keep a key's type and expiry (docs/adr/0608): commands that remove an expiry
# (persist, getset, rename, copy) or make keys without one (setnx, mset, append, incrbyfloat) are left out.
_STRINGS = ("get", "mget", "strlen", "set", "setex", "psetex", "getex", "getdel")
_COUNTERS = (*_STRINGS, "incr", "incrby", "decr", "decrby")
_HASHES = (
    *("hget", "hmget", "hgetall", "hexists", "hlen", "hkeys", "hvals", "hstrlen", "hscan"),
    *("hset", "hmset", "hsetex", "hdel"),
)
_SESSIONS = (*_HASHES, "hsetnx", "hincrby")
_COMMANDS_BY_TYPE = (
    KeyspaceCommands(("session",), _SESSIONS),
    KeyspaceCommands(("rate_limit",), _COUNTERS),
    KeyspaceCommands(("user_preferences",), _STRINGS),
    KeyspaceCommands(("market_latest",), _HASHES),
)

MIGRATOR = Account(
    name="migrator",
    purpose="Owns the schema and changes it",
    postgres=PostgresRole(
        owns_schema=True,
        # It takes the lock of tasks that must run alone; and ends the session of a hanging migration.
        functions=(*ADVISORY_LOCKS, "pg_cancel_backend", "pg_terminate_backend"),
        connection_limit=5,
        statement_timeout=timedelta(hours=1),
        temporary_files_mib=8192,  # to sort an index over all candles
        networks=_OPERATORS,
    ),
)

API = Account(
    name="api",
    purpose="The platform's API: users, orders and trades; reads market data; sessions and caches",
    postgres=PostgresRole(
        # Orders and trades are records of account: only the schema's owner, migrator, can delete one (docs/adr/0515).
        grants=(*_grants(_FULL, "users", "user_profiles"), *_grants(_WRITE, "orders", "trades"), *_grants(_READ, *_MARKET_READ)),
        functions=("public.field_key_usage",),
        connection_limit=40,
    ),
    redis=RedisUser(
        keyspaces=(
            ("session", KeyAccess.READ_WRITE),
            ("rate_limit", KeyAccess.READ_WRITE),
            ("user_preferences", KeyAccess.READ_WRITE),
            ("market_latest", KeyAccess.READ),
        ),
        commands=(*_CONNECTION, *_TRANSACTION, *_KEYS, *_NAMES),
        only=_COMMANDS_BY_TYPE,
    ),
)

INGEST = Account(
    name="ingest",
    purpose="Writes candles and indicators, and the newest candle's cache",
    postgres=PostgresRole(
        grants=_grants(_WRITE, *_MARKET),
        temporary_tables=True,
        statement_timeout=timedelta(minutes=30),
        # A COPY into a hypertable with pgaudit logging crashes the server: timescaledb issue 7667, docs/adr/0507.
        settings=(*NO_VALUES_IN_THE_LOG, *NOT_AUDITED),
    ),
    redis=RedisUser(
        keyspaces=(("market_latest", KeyAccess.READ_WRITE),),
        commands=(*_CONNECTION, *_TRANSACTION, *_KEYS),
        only=(KeyspaceCommands(("market_latest",), _HASHES),),
    ),
)

BACKTEST = Account(
    name="backtest",
    purpose="Runs strategies over past candles and keeps their results",
    postgres=PostgresRole(
        grants=(*_grants(_FULL, "backtest_runs", "backtest_results"), *_grants(_READ, *_MARKET_READ)),
        statement_timeout=timedelta(minutes=10),
    ),
)

ANALYST = Account(
    name="analyst",
    purpose="Reads everything that is nobody's secret",
    postgres=PostgresRole(
        grants=(
            *(
                TableGrant(table.name, _READ, None if len(table.open_columns()) == len(table.columns) else table.open_columns())
                for table in TABLES
            ),
            *_grants(_READ, *(rollup.name for rollup in ROLLUPS)),
        ),
        connection_limit=10,
        statement_timeout=timedelta(minutes=5),
    ),
)

INDEXER = Account(
    name="indexer",
    purpose="Writes document chunks and keeps their collection",
    weaviate=WeaviateUser(
        permissions=tuple(
            WeaviatePermission(action, _DOCUMENTS)
            for action in (
                "create_collections",
                "read_collections",
                "update_collections",
                "delete_collections",
                "create_data",
                "read_data",
                "update_data",
                "delete_data",
            )
        )
        # Readers know the alias; a new collection is filled behind it and then takes its place.
        + tuple(
            WeaviatePermission(action, _DOCUMENTS, CHRISTMAS_DOCUMENT.name)
            for action in ("create_aliases", "read_aliases", "update_aliases", "delete_aliases")
        )
    ),
)

RAG = Account(
    name="rag",
    purpose="Searches document chunks",
    weaviate=WeaviateUser(
        permissions=(
            # GraphQL reads every collection's schema, and refuses accounts that may not; objects stay protected.
            WeaviatePermission("read_collections"),
            WeaviatePermission("read_data", _DOCUMENTS),
        )
    ),
)

APP = Account(
    name="app",
    purpose="A small application that does everything itself: what api, ingest, backtest and rag may, and writes passages",
    postgres=PostgresRole(
        grants=(
            *_grants(_FULL, "users", "user_profiles", "backtest_runs", "backtest_results"),
            # Orders and trades are records of account: they are closed, never deleted.
            *_grants(_WRITE, "orders", "trades", *_MARKET),
            *_grants(_READ, *(rollup.name for rollup in ROLLUPS)),
        ),
        temporary_tables=True,
        settings=(*NO_VALUES_IN_THE_LOG, *NOT_AUDITED),  # as for ingest
    ),
    redis=RedisUser(
        keyspaces=tuple((name, KeyAccess.READ_WRITE) for name in ("session", "rate_limit", "user_preferences", "market_latest")),
        commands=(*_CONNECTION, *_TRANSACTION, *_KEYS, *_NAMES),
        only=_COMMANDS_BY_TYPE,
    ),
    weaviate=WeaviateUser(
        permissions=(
            WeaviatePermission("read_collections"),  # as for rag
            *(WeaviatePermission(action, _DOCUMENTS) for action in ("create_data", "read_data", "update_data", "delete_data")),
        )
    ),
)

BACKUP = Account(
    name="backup",
    purpose="Reads all there is to back up, and writes nothing",
    # Rows hidden by a policy would be missing from the logical backup and from the counts.
    postgres=PostgresRole(
        reads_every_table=True,
        sees_every_row=True,
        functions=("pg_export_snapshot", "pg_current_xact_id"),
        connection_limit=8,
        statement_timeout=timedelta(hours=6),
        temporary_files_mib=1024,
        networks=_OPERATORS,
    ),
    redis=RedisUser(
        every_key=KeyAccess.READ,
        commands=(
            *_CONNECTION,
            "sync",
            "psync",
            "replconf",
            "bgsave",
            "lastsave",
            "info",
            "dbsize",
            "config|get",
            "acl|list",
            "scan",
            "type",
            "pttl",
            "dump",
            # A drill looks whether the user whom a session names is there.
            "hget",
        ),
        networks=_OPERATORS,
    ),
    weaviate=WeaviateUser(
        permissions=(
            WeaviatePermission("manage_backups"),
            WeaviatePermission("read_collections"),
            WeaviatePermission("read_data"),
            WeaviatePermission("read_nodes"),
            # The portable dump contains these too; nobody can read keys.
            WeaviatePermission("read_tenants"),
            WeaviatePermission("read_aliases", alias="*"),
            WeaviatePermission("read_roles"),
            WeaviatePermission("read_users"),
        ),
        networks=_OPERATORS,
    ),
)

MONITOR = Account(
    name="monitor",
    purpose="Watches: states, sizes and settings, never contents",
    postgres=PostgresRole(
        # Not pg_monitor: it shows the text of everybody's statements, with their values.
        functions=(
            "pg_ls_archive_statusdir",
            "public.field_key_usage",
            "watch.sessions",
            "watch.statement_figures",
            "watch.settings_by_hand",
        ),
        connection_limit=12,
        statement_timeout=timedelta(seconds=15),
        temporary_files_mib=64,
        networks=_OPERATORS,
    ),
    redis=RedisUser(
        every_key=KeyAccess.READ,
        commands=(
            *_CONNECTION,
            "info",
            "dbsize",
            "config|get",
            # Not `slowlog|get`, which shows written values, nor `acl|list`, which shows password hashes.
            "slowlog|len",
            "latency|latest",
            "memory|usage",
            "acl|log",
            "acl|users",
            "scan",
            "type",
            "pttl",
            "ttl",
            "strlen",
            "hlen",
            "hkeys",
        ),
        networks=_OPERATORS,
    ),
    weaviate=WeaviateUser(
        permissions=(
            WeaviatePermission("read_collections"),
            WeaviatePermission("read_aliases", alias="*"),
            WeaviatePermission("read_nodes"),
            WeaviatePermission("read_cluster"),
        ),
        networks=_OPERATORS,
    ),
)

ADMIN = Account(
    name="admin",
    purpose="Keeps the other accounts; used by the provisioning alone",
    redis=RedisUser(
        every_key=KeyAccess.READ_WRITE,
        commands=("@admin", "@connection", "@read", "@keyspace", "@slow", "@fast", "@dangerous"),
        networks=_OPERATORS,
    ),
    weaviate=WeaviateUser(built_in_role="admin", networks=_OPERATORS),
)

ACCOUNTS: tuple[Account, ...] = (MIGRATOR, API, INGEST, BACKTEST, ANALYST, INDEXER, RAG, APP, BACKUP, MONITOR, ADMIN)


def account(name: str) -> Account:
    """The account of that name; KeyError if the blueprint has none."""
    for candidate in ACCOUNTS:
        if candidate.name == name:
            return candidate
    raise KeyError(f"the blueprint declares no account {name!r}")


def writer_of(keyspace: str) -> Account:
    """The account that writes a Redis keyspace; KeyError if none does."""
    for candidate in ACCOUNTS:
        if candidate.redis and dict(candidate.redis.keyspaces).get(keyspace) is KeyAccess.READ_WRITE:
            return candidate
    raise KeyError(f"no account writes keyspace {keyspace!r}")
