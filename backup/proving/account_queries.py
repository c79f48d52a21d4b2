"""Whether an account can do its work after logging in: one query of its own in each store it has.

Each function returns the fault, or an empty string.
"""

from __future__ import annotations

import re
from typing import Any

from backup.weaviate.portable.wire import Wire
from christmas.blueprint.accounts import account as declared
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES, shown_key
from christmas.blueprint.model import Privilege
from core.errors import PlatformError
from infra import clients
from infra.connections import Platform

_READER = "backup"


def postgres(platform: Platform, name: str) -> str:
    """Read what the account has rights for: its granted tables, the whole schema, or the server's statistics.

    A missing table is no fault of the account: the proof of rows reports it.
    """
    import psycopg
    from psycopg import sql

    role = declared(name).postgres
    if role is None:
        return "has no role"
    with clients.postgres(platform, name) as connection:
        try:
            existing = {
                name for (name,) in connection.execute("select relname::text from pg_class where relnamespace = 'public'::regnamespace")
            }
            for grant in role.grants:
                if Privilege.SELECT in grant.privileges and grant.table in existing:
                    columns = sql.SQL(", ").join(map(sql.Identifier, grant.columns)) if grant.columns else sql.SQL("*")
                    connection.execute(sql.SQL("select {} from {} limit 1").format(columns, sql.Identifier(grant.table))).fetchall()
            if "alembic_version" in existing and (role.owns_schema or role.reads_every_table):
                connection.execute("select version_num from alembic_version").fetchall()
            if "pg_ls_archive_statusdir" in role.functions:
                connection.execute("select count(*) from pg_ls_archive_statusdir()").fetchall()
        except psycopg.Error as error:
            return " ".join(str(error).split())[:200]
    return ""


def redis(platform: Platform, name: str) -> str:
    """Find a key of each of the account's keyspaces, or count all keys if it may see all of them."""
    import redis as driver

    user = declared(name).redis
    if user is None:
        return "has no user"
    try:
        with clients.redis_client(platform, _READER) as reader, clients.redis_client(platform, name) as client:
            if user.every_key:
                # Keys that expired before the restore go from the scratch server little by little.
                before, own, after = reader.dbsize(), client.dbsize(), reader.dbsize()
                return "" if min(before, after) <= own <= max(before, after) else "counts other keys"
            for space in KEYSPACES:
                if space.name in dict(user.keyspaces):
                    key = next(iter(reader.scan_iter(match=space.glob, count=1000)), None)
                    if key is not None and not client.exists(key) and str(reader.type(key)) != "none":
                        return f"can't see {shown_key(key)}"
    except (driver.RedisError, OSError) as error:
        return " ".join(str(error).split())[:200]
    return ""


def weaviate(platform: Platform, name: str) -> str:
    """Read an object of a collection that the account may read; an account without read rights lists the collections."""
    user = declared(name).weaviate
    if user is None:
        return "has no user"
    patterns = [permission.collection for permission in user.permissions if permission.action == "read_data"] or (
        ["*"] if user.built_in_role else []
    )
    try:
        with Wire(platform.weaviate_url(), key=platform.secret(name, "weaviate"), ca_file=platform.ca_file) as wire:
            visible: list[dict[str, Any]] = wire.get("schema")["classes"]
            names = [str(collection["class"]) for collection in visible if not (collection.get("multiTenancyConfig") or {}).get("enabled")]
            readable = [name for name in names if any(pattern == "*" or re.fullmatch(pattern, name) for pattern in patterns)]
            for collection in readable[:1]:
                query: dict[str, str | int] = {"class": collection, "limit": 1}
                wire.get("objects", **query)
    except PlatformError as error:
        return error.what
    return ""
