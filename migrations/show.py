"""Prints the schema's state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from migrations.edition_change import EditionChange
from migrations.house_rules import Finding
from migrations.rehearsal import Rehearsal
from migrations.run import MigrationStatus, Outcome
from migrations.schema.drift import Drift
from migrations.upkeep.run import UpkeepReport


def show_status(status: MigrationStatus, *, as_json: bool = False) -> int:
    """Print the status; returns 0 at head, 1 if revisions are pending."""
    if as_json:
        print(json.dumps(status.as_dict(), ensure_ascii=False))
    else:
        print(f"revision  {status.current or 'base'}")
        print(f"head      {status.head}")
        print(f"pending   {', '.join(status.pending) or 'none'}")
        print(f"edition   {status.edition}")
    return 0 if status.at_head else 1


def show_findings(findings: Sequence[Finding], *, as_json: bool = False) -> int:
    """Print the linters' findings; returns 1 if there are any."""
    if as_json:
        rows = [{"file": finding.file, "line": finding.line, "rule": finding.rule, "message": finding.message} for finding in findings]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        print("\n".join(map(str, findings)) or "nothing to fix")
    return 1 if findings else 0


def show_drift(drifts: Sequence[Drift], *, as_json: bool = False) -> int:
    """Print the different objects; returns 1 if there are any."""
    if as_json:
        print(json.dumps([drift.as_dict() for drift in drifts], ensure_ascii=False, indent=2))
    else:
        print("\n".join(map(str, drifts)) or "the schema is the reviewed one")
    return 1 if drifts else 0


def show_upkeep(report: UpkeepReport, *, as_json: bool = False) -> None:
    """Print the result of upkeep."""
    print(json.dumps(report.as_dict(), ensure_ascii=False) if as_json else report)


def show_outcome(outcome: Outcome, *, as_json: bool = False) -> None:
    """Print the applied revisions."""
    print(json.dumps(asdict(outcome), ensure_ascii=False) if as_json else outcome)


def show_edition(change: EditionChange, *, as_json: bool = False) -> None:
    """Print the schema's form before and after."""
    print(json.dumps(change.as_dict()) if as_json else change)


def show_rehearsal(report: Rehearsal, *, as_json: bool = False) -> None:
    """Print the effects of a migration on the copy."""
    print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2) if as_json else report)
