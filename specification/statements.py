"""Reads the statements and finds what is wrong with them. Pure but for the files that it reads."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FOLDER = HERE / "statements"
SCHEMA_TEST = "tests/integration/migrations/test_specification.py::test_the_live_schema_has_it"
SECURITY = "security"
"""The issue that rows may be open for."""

_FACT = re.compile(r"(?P<subject>[a-z_.]+): (?P<asked>[^>]+?)(?: => (?P<instead>.+?) \((?P<adr>\d{4})\))?")
_KINDS = {
    "table": "is a table",
    "type": "has type `{}`",
    "not null": "is never null",
    "nullable": "may be null",
    "unique": "is unique",
    "default": "is `{}` where nothing is given",
    "primary key": "is the primary key",
    "key": "is the primary key: `{}`",
    "serial": "is numbered by a serial",
    "identity": "is numbered as an identity",
    "refers": "refers to `{}`",
    "index": "is indexed by `{}`",
    "hypertable": "cuts a hypertable",
    "columns": "has its columns in the order {}",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a live schema has or has not: `subject` is a table or `table.column`, `value` what the kind asks of it."""

    subject: str
    kind: str
    value: str = ""

    def __str__(self) -> str:
        return f"`{self.subject}` {_KINDS[self.kind].format(self.value)}"

    @property
    def name(self) -> str:
        """As tests are called."""
        return "-".join(part for part in (self.subject, self.kind, self.value) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One statement. `state` is met, differs or open; `adr` says why where it differs, `waits_for` what an open one waits for.

    `fact` can be looked up in a live schema; where the platform differs it is `instead` that is found there.
    """

    says: str
    state: str
    where: str
    test: str = ""
    adr: str = ""
    waits_for: str = ""
    fact: Fact | None = None
    instead: Fact | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the specification with its statements."""

    number: str
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Promise:
    """Words that stand in a document, and the test that holds them."""

    document: str
    words: str
    test: str


def load(folder: Path = FOLDER) -> tuple[Section, ...]:
    """The sections in the order of their numbers.

    Raises ValueError for a statement that can't be read.
    """
    documents = [tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))]
    sections = [_section(table) for document in documents for table in document.get("section", [])]
    return tuple(sorted(sections, key=lambda section: [int(part) for part in section.number.split(".")]))


def load_promises(folder: Path = FOLDER) -> tuple[Promise, ...]:
    """The promises, in the order in which they are written."""
    return tuple(
        Promise(document, words, test)
        for path in sorted(folder.glob("*.toml"))
        for table in tomllib.loads(path.read_text("utf-8")).get("document", [])
        for document in (table["path"],)
        for words, test in table["promises"]
    )


def facts(sections: tuple[Section, ...]) -> Iterator[Row]:
    """The rows that can be looked up in a live schema."""
    return (row for section in sections for row in section.rows if row.fact)


def _section(table: dict[str, Any]) -> Section:
    rows = [_fact_row(line, table["where"]) for line in table.get("facts", "").split("\n") if line.strip()]
    rows += [_told_row(row, table) for row in table.get("rows", [])]
    return Section(table["number"], table["title"], tuple(rows))


def _fact_row(line: str, where: str) -> Row:
    match = _FACT.fullmatch(line.strip())
    if match is None:
        raise ValueError(f"not understood: {line!r}; write SUBJECT: FACT, or SUBJECT: FACT => FACT (ADR)")
    fact = _fact(match["subject"], match["asked"])
    instead = _fact(match["subject"], match["instead"]) if match["instead"] else None
    return Row(
        says=str(fact),
        state="differs" if instead else "met",
        where=where,
        test=f"{SCHEMA_TEST}[{fact.name}]",
        adr=match["adr"] or "",
        fact=fact,
        instead=instead,
    )


def _fact(subject: str, text: str) -> Fact:
    for kind in sorted(_KINDS, key=len, reverse=True):
        if text == kind or text.startswith(kind + " "):
            return Fact(subject, kind, text[len(kind) + 1 :])
    raise ValueError(f"{subject}: no kind of fact begins {text!r}; there are {', '.join(_KINDS)}")


def _told_row(row: dict[str, str], table: dict[str, Any]) -> Row:
    unknown = set(row) - {"says", "differs", "open", "where", "test"}
    if unknown:
        raise ValueError(f"{row.get('says')!r}: unknown keys {sorted(unknown)}")
    state = "open" if "open" in row else "differs" if "differs" in row else "met"
    return Row(
        says=row["says"],
        state=state,
        where=row.get("where", table.get("where", "")),
        test=row.get("test", "" if state == "open" else table.get("test", "")),
        adr=row.get("differs", ""),
        waits_for=row.get("open", ""),
    )


def adr_file(number: str, root: Path = ROOT) -> Path | None:
    """The decision of that number; None where there is none."""
    return next(iter(sorted((root / "docs" / "adr").glob(f"{number}-*.md"))), None)


def faults(sections: tuple[Section, ...], promises: tuple[Promise, ...], root: Path = ROOT) -> list[str]:
    """What is wrong: rows without test and decision, and names of files, tests, decisions and words that aren't there."""
    problems = []
    seen = set()
    for section in sections:
        for row in section.rows:
            at = f"{section.number}, {row.says!r}"
            problems += [f"{at}: {fault}" for fault in _row_faults(row, root)]
            if (section.number, row.says) in seen:
                problems.append(f"{at}: said twice")
            seen.add((section.number, row.says))
    for promise in promises:
        at = f"{promise.document}, {promise.words!r}"
        document = root / promise.document
        if not document.is_file() or _plain(promise.words) not in _plain(document.read_text("utf-8")):
            problems.append(f"{at}: the document doesn't say so")
        problems += [f"{at}: {fault}" for fault in id_faults(promise.test, root)]
    return problems


def _row_faults(row: Row, root: Path) -> list[str]:
    problems = []
    if not row.where or not (root / row.where).exists():
        problems.append(f"there is no {row.where or 'place named'}")
    if row.state == "open" and row.waits_for != SECURITY:
        problems.append("open, and not for the security issue")
    if row.state != "open" and not row.test and not row.adr:
        problems.append("neither a test nor a decision")
    if row.state == "differs" and adr_file(row.adr, root) is None:
        problems.append(f"there is no decision {row.adr}")
    return problems + (id_faults(row.test, root) if row.test else [])


def id_faults(test: str, root: Path = ROOT) -> list[str]:
    """What is wrong with the id of a test (`tests/…/test_x.py::test_y`, or with a case of it, `…[z]`)."""
    file, _, name = test.partition("[")[0].partition("::")
    path = root / file
    if not path.is_file():
        return [f"there is no {file}"]
    if not re.search(rf"^(?:async )?def {re.escape(name)}\(", path.read_text("utf-8"), re.MULTILINE) or not name:
        return [f"{file} has no test {name!r}"]
    return []


def _plain(text: str) -> str:
    """Without marks and line ends, which say nothing."""
    return " ".join(re.sub(r"[`*\[\]]|\([^)]*\.md[^)]*\)", "", text).split())
