"""Prints outputs and accounts, for people or as JSON."""

from __future__ import annotations

import json
from typing import Any

from christmas.blueprint.accounts import ACCOUNTS
from core.terminal import json_text


def show_outputs(stack: str | None, *, as_json: bool, show_secrets: bool) -> None:
    """Print the stack's outputs. Pulumi's secrets are printed as `[secret]` unless asked for."""
    from infra.connections import stack_outputs

    outputs = stack_outputs(stack, show_secrets=show_secrets)
    if as_json:
        print(json_text(outputs))
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
        print(json_text(rows))
        return
    _table("", ("account", "stores", "purpose"), [(row["account"], ", ".join(row["stores"]), row["purpose"]) for row in rows])


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
