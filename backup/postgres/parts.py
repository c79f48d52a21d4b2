"""Counts tables by their parts: chunks, partitions, the table itself. What is certainly unchanged is taken over, except for a few."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from backup.postgres import tables
from backup.postgres.evidence import Part, together
from backup.postgres.tables import Counted, Table, Uncounted
from backup.postgres.unchanged import Relation
from backup.queries import query
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composable

# Relations that one statement counts: fewer round trips for a table of thousands of chunks.
_TOGETHER = 50
TAKEN_OVER = "taken over: the log has no change of it"


def relations(connection: psycopg.Connection, every: Sequence[Table]) -> list[Relation]:
    """What keeps the rows of these tables, as the connection's snapshot has it."""
    # Those that are reported without being counted have no evidence.
    counted = {table.oid: table for table in every if not (table.is_covered or table.is_unlogged or table.is_filtered or table.kind == "f")}
    # The parts of such a table are counted one by one.
    alone = [oid for oid, table in counted.items() if table.is_apart]
    try:
        rows = tables.rows_of(connection, query("parts"), {"whole": [oid for oid in counted if oid not in alone], "alone": alone})
    except Uncounted:
        # A catalogue of an extension that is otherwise than here: all is counted as a whole.
        return []
    return [
        Relation(oid, counted[root].key, schema, name, node, long_node, columns, is_sound)
        for root, oid, schema, name, node, long_node, columns, is_sound in rows
    ]


def counted_again(settled: Mapping[tuple[str, int], Part], now: datetime) -> dict[tuple[str, int], str]:
    """Of what could be taken over, what is counted nevertheless, with the reason: a few at random, and each within a declared time."""
    few = random.sample(sorted(settled), math.ceil(len(settled) * BACKUP_RULES.recount_share))
    old = [key for key, part in settled.items() if not now - BACKUP_RULES.recount_every < part.at <= now]
    return {**dict.fromkeys(few, "counted: chosen at random"), **dict.fromkeys(old, "counted: its time had come")}


@dataclass(slots=True)
class Counting:
    """The counting of one set. `settled` has what is unchanged by the log; `again` says which of that is counted nevertheless, and why.

    After it, `parts_of_tables` has the parts of every table that was counted so, by the table's key; `unlogged_changes` those that changed
    without the log.
    """

    set_id: str
    at: datetime
    parts: Sequence[Relation]
    settled: Mapping[tuple[str, int], Part]
    again: Mapping[tuple[str, int], str]
    parts_of_tables: dict[str, list[Part]] = field(default_factory=dict)
    unlogged_changes: list[str] = field(default_factory=list)

    def __call__(self, connection: psycopg.Connection, table: Table, *, hashed: bool) -> Counted:
        """Count a table: by its parts if each of them can be told from the others, else as a whole."""
        mine = [part for part in self.parts if part.table == table.key]
        if not hashed or not mine or not all(part.is_sound for part in mine):
            return tables.count_table(connection, table, hashed=hashed)
        taken = [self.settled[part.key] for part in mine if part.key in self.settled and part.key not in self.again]
        taken_over = {part.oid for part in taken}
        try:
            fresh = self._count(connection, table, [part for part in mine if part.oid not in taken_over])
        except Uncounted:
            # With the reason, or without its hash.
            return tables.count_table(connection, table, hashed=True)
        every = [*(part.model_copy(update={"table": table.key, "why": TAKEN_OVER}) for part in taken), *fresh]
        texts = {part.as_text for part in every if part.rows}
        if len(texts) > 1 or (table.is_hypertable and any(part.oid == table.oid and part.rows for part in every)):
            # TimescaleDB doesn't read rows that are in the hypertable itself.
            return tables.count_table(connection, table, hashed=True)
        for part in fresh:
            known = self.settled.get((part.table, part.oid))
            if known and (known.rows, known.checksum) != (part.rows, part.checksum):
                self.unlogged_changes.append(part.name)
        self.parts_of_tables[table.key] = every
        return Counted(together(every))

    def _count(self, connection: psycopg.Connection, table: Table, wanted: Sequence[Relation]) -> list[Part]:
        from psycopg.errors import UndefinedFunction

        as_text = next((part.as_text for part in self.settled.values() if part.table == table.key and part.rows), ())
        try:
            return self._ask(connection, table, wanted, as_text)
        except Uncounted as error:
            if as_text or not isinstance(error.__cause__, UndefinedFunction):
                raise
        return self._ask(connection, table, wanted, tables.without_hash(connection, table))

    def _ask(self, connection: psycopg.Connection, table: Table, wanted: Sequence[Relation], as_text: tuple[str, ...]) -> list[Part]:
        from psycopg import sql

        columns = tables.columns_of(connection, table) if wanted else []
        total = tables.by_columns(columns, as_text) if columns else tables.whole_row()
        by_oid = {part.oid: part for part in wanted}
        counted_parts = []
        for start in range(0, len(wanted), _TOGETHER):
            statements = [_statement(part, total) for part in wanted[start : start + _TOGETHER]]
            for oid, rows, checksum in tables.rows_of(connection, sql.SQL(" union all ").join(statements)):
                counted_parts.append(self._part(by_oid[oid], int(rows), str(checksum or "0"), as_text))
        return counted_parts

    def _part(self, of: Relation, rows: int, checksum: str, as_text: tuple[str, ...]) -> Part:
        return Part(
            oid=of.oid,
            node=of.node,
            table=of.table,
            name=tables.key_of(of.schema, of.name),
            columns=of.columns,
            rows=rows,
            checksum=checksum,
            as_text=as_text if rows else (),
            set_id=self.set_id,
            at=self.at,
            why=self.again.get(of.key, "counted: new, or named by the log"),
        )


def _statement(part: Relation, total: Composable) -> Composable:
    from psycopg import sql

    statement = sql.SQL("select {}::bigint, count(*), {} from only {} as t")
    return statement.format(sql.Literal(part.oid), total, sql.Identifier(part.schema, part.name))
