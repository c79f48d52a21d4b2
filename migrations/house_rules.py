"""The project's own rules for migrations, besides those of sqlfluff and squawk. Pure: text in, findings out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from migrations import sqltext
from migrations.sqltext import NewIndex, NewTable, Statement

_LONGEST_LOCK_WAIT_MS = 10_000
_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}
# Steps that run outside a transaction, one statement at a time: see migrations/online.py.
ONLINE = re.compile(r"^-- online: ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finding:
    """A violation: its place, rule and message."""

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


def check(texts: Mapping[str, str], declared: Collection[str], granted: Collection[str]) -> list[Finding]:
    """Findings in the SQL of all steps, by file name (`0001_users.up.sql`).

    `declared` are the tables and views of the blueprint, `granted` those that some account may use.
    """
    findings: list[Finding] = []
    known: dict[str, list[tuple[str, ...]]] = {}  # table to indexed columns, over the steps so far
    for name in sorted(texts):
        if name.endswith(".up.sql"):
            findings += _check_up(name, texts[name], declared, granted, known)
            findings += _check_down(name, texts)
        elif name.endswith(".down.sql") and name.replace(".down.", ".up.") not in texts:
            findings.append(Finding(name, 1, "pair", "there is no step up for this step down"))
        findings += _check_timeouts(name, texts[name])
    return findings


def _check_up(
    name: str, text: str, declared: Collection[str], granted: Collection[str], known: dict[str, list[tuple[str, ...]]]
) -> list[Finding]:
    statements = list(sqltext.statements(text))
    tables = [table for table in map(sqltext.new_table, statements) if table]
    indexes = [index for index in map(sqltext.new_index, statements) if index]
    comments = {target for target in map(sqltext.commented, statements) if target}
    earlier = set(known)
    for table in tables:
        known[table.name] = sqltext.key_prefixes(table)
    for index in indexes:
        if not index.partial:
            known.setdefault(index.table, []).append(index.columns)
    findings: list[Finding] = []
    for table in tables:
        findings += _check_table(name, table, comments, known)
        if table.name not in declared:
            findings.append(Finding(name, table.line, "declared", f"table {table.name} is not in the blueprint"))
        elif table.name not in granted:
            findings.append(Finding(name, table.line, "grants", f"no account of the blueprint may use table {table.name}"))
    findings += _check_indexes(name, text, indexes, earlier)
    for statement in statements:
        findings += _check_statement(name, statement)
    return findings


def _check_table(name: str, table: NewTable, comments: Collection[str], known: Mapping[str, list[tuple[str, ...]]]) -> list[Finding]:
    findings = [
        Finding(name, table.line, "named", f"{table.name}: a constraint has no name: {' '.join(rule.split())[:60]}")
        for rule, named in table.rules
        if not named
    ]
    findings += [
        Finding(name, table.line, "indexed", f"{table.name}: no index begins with foreign key ({', '.join(columns)})")
        for columns in sqltext.foreign_keys(table)
        if not any(prefix[: len(columns)] == columns for prefix in known[table.name])
    ]
    targets = (table.name, *(f"{table.name}.{column}" for column in table.columns))
    return findings + [Finding(name, table.line, "comment", f"{target} has no comment") for target in targets if target not in comments]


def _check_indexes(name: str, text: str, indexes: Collection[NewIndex], earlier: Collection[str]) -> list[Finding]:
    return [
        Finding(name, index.line, "online", f"index {index.name} on {index.table}, which may have rows, blocks its writers")
        for index in indexes
        if index.table in earlier and not (index.online and ONLINE.search(text))
    ]


def _check_statement(name: str, statement: Statement) -> list[Finding]:
    text = " ".join(statement.text.split())
    findings = []
    if re.match(r"(grant|revoke)\b(?!.* function )", text, re.IGNORECASE):
        findings.append(Finding(name, statement.line, "grants", "privileges follow from the blueprint (docs/adr/0004), not from a step"))
    if re.match(r"alter table .*\badd (primary key|unique|foreign key|check)\b", text, re.IGNORECASE):
        findings.append(Finding(name, statement.line, "named", f"a constraint has no name: {text[:60]}"))
    if re.match(r"(begin|commit|rollback|start transaction)$", text, re.IGNORECASE):
        findings.append(Finding(name, statement.line, "transaction", "the runner opens and ends the transaction"))
    return findings


def _check_down(up: str, texts: Mapping[str, str]) -> list[Finding]:
    down = up.replace(".up.", ".down.")
    if down not in texts:
        return [Finding(up, 1, "pair", f"there is no step down: {down}")]
    if not any(sqltext.statements(texts[down])):
        return [Finding(down, 1, "pair", "the step down does nothing")]
    return []


def _check_timeouts(name: str, text: str) -> list[Finding]:
    findings = []
    for line, content in enumerate(text.splitlines(), 1):
        match = re.match(r"-- lock_timeout: (\d+)(ms|s|min|h)$", content)
        if match and int(match[1]) * _UNITS[match[2]] > _LONGEST_LOCK_WAIT_MS:
            findings.append(Finding(name, line, "timeout", "waiting longer than 10 s for a lock makes all later sessions wait too"))
        if re.match(r"--\s*(lock|statement)_timeout\b", content) and not re.match(r"-- \w+_timeout: \d+(ms|s|min|h)$", content):
            findings.append(Finding(name, line, "timeout", "invalid; write it as `-- lock_timeout: 5s`"))
    return findings
