"""The matrix for people and programs: a table on a terminal, tab-separated lines in a pipe, JSON where asked."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from core.terminal import json_text
from security.matrix.cell import Cell, Proven

ONE_LINE = ("network", "column", "setting", "view", "function", "functions")
"""Kinds whose things all have one and the same action: a line lists their names together."""


def rows(cells: Mapping[Cell, bool]) -> list[tuple[str, str, str, str, str]]:
    """Account, store, thing, what it may and what it may not, a row for each thing. Pure."""
    by_thing: dict[tuple[str, str, str], tuple[list[str], list[str]]] = {}
    for cell, allowed in cells.items():
        together = cell.kind in ONE_LINE
        thing = f"{cell.kind}: {cell.action}" if together else cell.thing
        may, may_not = by_thing.setdefault((cell.account, cell.store, thing), ([], []))
        (may if allowed else may_not).append(cell.name if together else cell.action)
    return [(*key, ", ".join(may), ", ".join(may_not)) for key, (may, may_not) in by_thing.items()]


def show(cells: Mapping[Cell, bool], stream: TextIO | None = None) -> None:
    """Print the declared matrix."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = stream or sys.stdout
    if not stream.isatty():
        for row in rows(cells):
            print("\t".join(row), file=stream)
        return
    table = Table(title=f"{len(cells)} cells", title_justify="left", header_style="bold")
    for column in ("account", "store", "thing", "may", "may not"):
        table.add_column(column, overflow="fold")
    last = ""
    for account, *rest in rows(cells):
        if last and account != last:
            table.add_section()
        table.add_row(Text(account), *(Text(words) for words in rest))
        last = account
    Console(file=stream).print(table)


def as_json(cells: Mapping[Cell, bool]) -> str:
    """The declared matrix: a list of objects, one for each cell."""
    return json_text([_cell(cell, allowed) for cell, allowed in cells.items()])


def proven_json(stack: str, exit_code: int, proven: Sequence[Proven], unlogged: Sequence[Cell], unread: Sequence[str]) -> str:
    """The same with each cell's answer, and the denials that are in no log."""
    document = {
        "stack": stack,
        "exit_code": exit_code,
        "cells": [
            {
                **_cell(proof.cell, proof.declared),
                "answer": str(proof.learned.answer),
                "how": str(proof.learned.how),
                "said": proof.learned.said,
                "names": list(proof.learned.names),
                "differs": proof.differs,
            }
            for proof in proven
        ],
        "not_in_the_log": [str(cell) for cell in unlogged],
        "logs_not_read": list(unread),
    }
    return json_text(document)


def _cell(cell: Cell, allowed: bool) -> dict[str, Any]:
    return {
        "account": cell.account,
        "store": cell.store,
        "kind": cell.kind,
        "name": cell.name,
        "action": cell.action,
        "allowed": allowed,
    }
