"""Checks the migrations' SQL with sqlfluff (layout), squawk (safety on a live system) and the project's own rules."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.relational import ROLLUPS, TABLES
from core.errors import PlatformError
from migrations import chain, house_rules
from migrations.edition import INTERNAL_TABLES
from migrations.house_rules import Finding

_HERE = Path(__file__).resolve().parent
# Each is disabled for a reason that holds for the whole project.
_SQUAWK_EXCLUDES = {
    "prefer-text-field": "types are the specification's",
    "prefer-bigint-over-int": "types are the specification's",
    "require-lock-timeout": "the runner sets it for every step",
    "require-statement-timeout": "the runner sets it for every step",
}
_SQUAWK_EXCLUDES_DOWN = (
    "ban-drop-table",
    "ban-drop-column",
    "ban-drop-database",
    "ban-drop-not-null",
    "ban-drop-function",
    "ban-drop-view",
    "ban-drop-domain",
)


def run(folder: Path = _HERE / "sql") -> list[Finding]:
    """All findings in the SQL of `folder`, by file and line.

    Raises PlatformError if a linter is not installed or fails.
    """
    files = sorted(folder.glob("*.sql"))
    findings = house(files) + squawk(files) + sqlfluff(files)
    if folder == _HERE / "sql":
        # The newest revision is defined only for a single chain.
        findings += chain.faults() or dictionary()
    return sorted(findings, key=lambda finding: (finding.file, finding.line, finding.rule))


def house(files: Sequence[Path]) -> list[Finding]:
    """Findings of the project's own rules."""
    declared = {table.name for table in TABLES} | {rollup.name for rollup in ROLLUPS} | set(INTERNAL_TABLES)
    granted = {grant.table for account in ACCOUNTS if account.postgres for grant in account.postgres.grants} | set(INTERNAL_TABLES)
    return house_rules.check({path.name: path.read_text("utf-8") for path in files}, declared, granted)


def dictionary() -> list[Finding]:
    """A finding if the data dictionary was written from an older revision; a test compares it with a live schema."""
    from migrations.run import head_revision
    from migrations.schema.dictionary import FILE, written_revision

    written, head = written_revision(), head_revision()
    message = f"written from revision {written or 'none'}, head is {head}: invoke migrate, then invoke migrate.dictionary"
    return [] if written == head else [Finding(FILE.name, 1, "dictionary", message)]


def squawk(files: Sequence[Path]) -> list[Finding]:
    """Squawk's findings. It reads a file as one transaction, unless the file says that it runs online."""
    findings: list[Finding] = []
    for path in files:
        # Steps down are meant to drop things.
        excludes = [*_SQUAWK_EXCLUDES, *(_SQUAWK_EXCLUDES_DOWN if path.name.endswith(".down.sql") else ())]
        text = path.read_text("utf-8")
        # A hypertable refuses CONCURRENTLY, and has its own way, which squawk doesn't know.
        excludes += ["require-concurrent-index-creation"] if "timescaledb.transaction_per_chunk" in text else []
        options = ["--reporter", "json", "--pg-version", "17", f"--exclude={','.join(excludes)}"]
        if not house_rules.ONLINE.search(text):
            options.append("--assume-in-transaction")
        findings += [
            Finding(path.name, load["line"] + 1, f"squawk {load['rule_name']}", load["message"])
            for load in json.loads(_output("squawk", [*options, str(path)]) or "[]")
        ]
    return findings


def sqlfluff(files: Sequence[Path]) -> list[Finding]:
    """Sqlfluff's findings."""
    arguments = ["lint", "--config", str(_HERE / ".sqlfluff"), "--format", "json", *map(str, files)]
    return [
        Finding(Path(load["filepath"]).name, violation["start_line_no"], f"sqlfluff {violation['code']}", violation["description"])
        for load in json.loads(_output("sqlfluff", arguments))
        for violation in load["violations"]
    ]


def _output(tool: str, arguments: Sequence[str]) -> str:
    """A linter's output; it exits with 1 if it has findings."""
    command = Path(sys.executable).parent / tool
    if not command.exists():
        raise PlatformError(f"{tool} is not installed", where=str(command.parent), next_step="install the development tools: make lint")
    done = subprocess.run([str(command), *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1} or (done.returncode == 1 and not done.stdout):
        raise PlatformError(f"{tool} failed: {done.stderr.strip()[-500:]}", where="migrations/sql", next_step="run it by hand to see more")
    return done.stdout
