"""Prints outputs and accounts, for people or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Account, PostgresRole


def show_outputs(stack: str | None, *, as_json: bool, show_secrets: bool) -> None:
    """Print the stack's outputs. Pulumi's secrets are printed as `[secret]` unless asked for."""
    from infra.connections import stack_outputs

    outputs = stack_outputs(stack, show_secrets=show_secrets)
    if as_json:
        print(json.dumps(outputs, indent=2, ensure_ascii=False))
        return
    _table("", ("output", "value"), [(name, _text(value)) for name, value in outputs.items()])


def show_accounts(*, as_json: bool) -> None:
    """Print each account, its purpose and its stores."""
    rows: list[dict[str, Any]] = [
        {
            "account": account.name,
            "stores": [store for store in ("postgres", "redis", "weaviate") if getattr(account, store)],
            "purpose": account.purpose,
        }
        for account in ACCOUNTS
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    _table("", ("account", "stores", "purpose"), [(row["account"], ", ".join(row["stores"]), row["purpose"]) for row in rows])


def show_matrix(*, as_json: bool) -> None:
    """Print each account's rights on each table, keyspace and collection."""
    rows = [row for account in ACCOUNTS for row in permissions(account)]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    _table("", ("account", "store", "object", "may"), [(row["account"], row["store"], row["object"], row["may"]) for row in rows])


def permissions(account: Account) -> list[dict[str, str]]:
    """All rights of an account, one row per object: account, store, object, may."""
    rows = []

    def add(store: str, thing: str, may: str) -> None:
        rows.append({"account": account.name, "store": store, "object": thing, "may": may})

    if account.postgres:
        _postgres(account.postgres, lambda thing, may: add("postgres", thing, may))
    if account.redis:
        if account.redis.every_key:
            add("redis", "every key", account.redis.every_key.value)
        for keyspace, access in account.redis.keyspaces:
            add("redis", keyspace, access.value)
        add("redis", "commands", " ".join(account.redis.commands))
        for only in account.redis.only:
            add("redis", f"commands on {', '.join(only.keyspaces)}", " ".join(only.commands))
    if account.weaviate:
        if account.weaviate.built_in_role:
            add("weaviate", "everything", f"built-in role {account.weaviate.built_in_role}")
        for permission in account.weaviate.permissions:
            add("weaviate", permission.collection, permission.action)
    return rows


def _postgres(role: PostgresRole, add: Callable[[str, str], None]) -> None:
    if role.owns_schema:
        add("schema", "owner")
    if role.reads_every_table:
        add("every table", "select")
    for group in role.member_of:
        add(group, "member")
    for function in role.functions:
        add(f"function {function}", "execute")
    for grant in role.grants:
        columns = f" ({', '.join(grant.columns)})" if grant.columns else ""
        add(grant.table + columns, ", ".join(sorted(grant.privileges)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table on a terminal, tab-separated lines in a pipe."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        for row in rows:
            print("\t".join(row))
        return
    table = Table(*columns, title=title or None)
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    console.print(table)
