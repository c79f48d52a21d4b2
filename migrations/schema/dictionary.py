"""The data dictionary and the ER diagram, from the live schema and the blueprint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Sensitivity, Table
from christmas.blueprint.queries import QUERIES
from christmas.blueprint.relational import ROLLUPS, TABLES
from core.errors import PlatformError
from core.words import cell_text
from migrations.edition import INTERNAL_TABLES, form
from migrations.queries import current_revision

if TYPE_CHECKING:
    import psycopg

FILE = Path(__file__).resolve().parents[2] / "docs" / "data-dictionary.md"
_HEAD = re.compile(r"^Revision (\S+),", re.MULTILINE)
_DELETION = {
    "a": "refused while referred to",
    "r": "refused while referred to",
    "c": "deleted along",
    "n": "set to null",
    "d": "set to its default",
}


@dataclass(frozen=True, slots=True)
class CatalogueLine:
    """One line of the live catalogue: see dictionary.sql for the content of each kind."""

    kind: str
    table: str
    position: int
    item: str
    definition: str
    note: str


def read(connection: psycopg.Connection) -> list[CatalogueLine]:
    """All catalogue lines of the dictionary, in a stable order."""
    with connection.transaction():
        connection.execute("set local search_path = public")
        rows = connection.execute((Path(__file__).parent / "dictionary.sql").read_bytes()).fetchall()
    return sorted((CatalogueLine(*row) for row in rows), key=lambda entry: (entry.table, entry.kind, entry.position, entry.item))


def write(connection: psycopg.Connection) -> Path:
    """Write the dictionary of the connection's schema; returns the file's path.

    Raises PlatformError if nothing was migrated yet.
    """
    FILE.write_text(of_live(connection), "utf-8")
    return FILE


def of_live(connection: psycopg.Connection) -> str:
    """The dictionary's text for the connection's schema.

    Raises PlatformError if nothing was migrated yet.
    """
    revision, edition = current_revision(connection), form(connection)
    if revision is None or edition is None:
        raise PlatformError("there is no schema to describe", where="the database", next_step="invoke migrate")
    return render(read(connection), revision, edition)


def written_revision() -> str | None:
    """The revision of the dictionary in `docs/`, or None."""
    match = _HEAD.search(FILE.read_text("utf-8")) if FILE.is_file() else None
    return match[1] if match else None


def render(entries: Sequence[CatalogueLine], revision: str, edition: str) -> str:
    """The dictionary as Markdown, with the diagram in Mermaid. Pure."""
    lines = [
        "# Data dictionary",
        "",
        "<!-- Written by `invoke migrate.dictionary` from a live schema and the blueprint: change those, not this file. -->",
        "",
        f"Revision {revision}, {edition.capitalize()} edition. What the tables mean and why they are so: [the data model](data-model.md).",
        "",
        *_diagram(entries),
    ]
    order = [table.name for table in TABLES] + [rollup.name for rollup in ROLLUPS]
    tables = {entry.table for entry in entries if entry.kind == "table"}
    for name in [*(table_name for table_name in order if table_name in tables), *sorted(tables - set(order))]:
        lines += _section(name, [entry for entry in entries if entry.table == name], entries)
    return "\n".join(lines).rstrip() + "\n"


def _diagram(entries: Sequence[CatalogueLine]) -> list[str]:
    lines = ["```mermaid", "erDiagram"]
    for entry in entries:
        if entry.kind == "reference":
            # The referring side has at most one row if the referring columns are a key.
            keys = [
                candidate.definition
                for candidate in entries
                if candidate.table == entry.table and candidate.kind == "rule" and candidate.note in {"p", "u"}
            ]
            unique = any(key.endswith(f"({entry.note})") for key in keys)
            lines.append(f'    {entry.item} ||--o{"|" if unique else "{"} {entry.table} : "{entry.note}"')
    lines += [f'    {rollup.source} ||..o{{ {rollup.name} : "rolled up into"' for rollup in ROLLUPS]
    for name in dict.fromkeys(entry.table for entry in entries):
        if name in INTERNAL_TABLES:
            continue
        primary = {
            part
            for candidate in entries
            if candidate.table == name and candidate.kind == "rule" and candidate.note == "p"
            for part in _columns(candidate.definition)
        }
        foreign = {
            part
            for candidate in entries
            if candidate.table == name and candidate.kind == "reference"
            for part in candidate.note.split(", ")
        }
        lines.append(f"    {name} {{")
        for candidate in entries:
            if candidate.table == name and candidate.kind == "column":
                marks = ", ".join(mark for mark, columns in (("PK", primary), ("FK", foreign)) if candidate.item in columns)
                lines.append(f"        {_plain_type(candidate.definition)} {candidate.item}{' ' + marks if marks else ''}")
        lines.append("    }")
    return [*lines, "```", ""]


def _section(name: str, own: Sequence[CatalogueLine], every: Sequence[CatalogueLine]) -> list[str]:
    (head,) = (entry for entry in own if entry.kind == "table")
    declared = next((table for table in TABLES if table.name == name), None)
    lines = [f"## {name}", "", f"{head.note}.", ""]
    lines += [f"- {fact}" for fact in _facts(name, declared, every)]
    lines += ["", "| column | type | holds | |", "| --- | --- | --- | --- |"]
    sensitive = {column.name: column.sensitivity for column in declared.columns} if declared else {}
    for entry in own:
        if entry.kind == "column":
            mark = sensitive.get(entry.item, Sensitivity.OPEN)
            lines.append(
                f"| `{entry.item}` | {cell_text(entry.definition)} | {cell_text(entry.note)} | {'' if mark is Sensitivity.OPEN else mark} |"
            )
    rules = [entry for entry in own if entry.kind == "rule"]
    if rules:
        lines += ["", "| rule | |", "| --- | --- |", *(f"| `{rule.item}` | `{cell_text(rule.definition)}` |" for rule in rules)]
    indexes = [entry for entry in own if entry.kind == "index"]
    if indexes:
        lines += ["", "| index | on | serves |", "| --- | --- | --- |"]
        for index in indexes:
            serves = ", ".join(query.name for query in QUERIES if index.item in query.served_by)
            lines.append(f"| `{index.item}` | `{cell_text(index.definition)}`{', unique' if index.note else ''} | {serves} |")
    triggers = [entry for entry in own if entry.kind == "trigger"]
    if triggers:
        lines += ["", *(f"- trigger `{trigger.item}`: {trigger.note or trigger.definition}" for trigger in triggers)]
    return [*lines, ""]


def _facts(name: str, declared: Table | None, every: Sequence[CatalogueLine]) -> list[str]:
    facts = []
    for entry in every:
        if entry.kind == "reference" and entry.table == name:
            facts.append(f"`{entry.note}` refers to [{entry.item}](#{entry.item})")
        if entry.kind == "reference" and entry.item == name:
            facts.append(
                f"referred to by [{entry.table}](#{entry.table}); when a row here is deleted, that is {_DELETION[entry.definition]}"
            )
    if declared and declared.hypertable:
        cut = declared.hypertable
        chunks = f"cut by `{cut.time_column}` into chunks of {_days(cut.chunk_interval)}"
        facts.append(f"a hypertable, {chunks}; {cut.rows_per_week:,} rows a week are planned for")
        if cut.compress_after:
            facts.append(f"on the Community edition kept by column after {_days(cut.compress_after)}, segmented by `{cut.segment_by}`")
    if declared and declared.retention:
        facts.append(f"dropped, a chunk at a time, after {_days(declared.retention.keep)}")
    for rollup in ROLLUPS:
        if rollup.name == name:
            minutes = int(rollup.refresh_every.total_seconds() // 60)
            facts.append(f"made from [{rollup.source}](#{rollup.source}), brought up to date every {minutes} minutes")
    if name in INTERNAL_TABLES:
        facts.append("the schema's own; no account may use it")
    for account in ACCOUNTS:
        for grant in account.postgres.grants if account.postgres else ():
            if grant.table == name:
                columns = f" ({', '.join(grant.columns)})" if grant.columns else ""
                facts.append(f"account `{account.name}`: {', '.join(sorted(grant.privileges))}{columns}")
    return facts


def _columns(definition: str) -> list[str]:
    match = re.search(r"\(([^)]*)\)", definition)
    return match[1].split(", ") if match else []


def _plain_type(definition: str) -> str:
    """A type as one word: Mermaid allows no blanks, brackets or commas in parentheses."""
    kind = re.split(r" (?:not null|identity|default )", definition)[0]
    kind = kind.replace("timestamp with time zone", "timestamptz").replace("character varying", "varchar")
    return re.sub(r"[^a-z0-9]+", "_", kind.replace("[]", "_array")).strip("_")


def _days(span: timedelta) -> str:
    return f"{span.days} days" if span.days % 365 or not span.days else f"{span.days // 365} years"
