"""Prints the schema's state."""

from __future__ import annotations

from collections.abc import Sequence

from core.terminal import json_text
from migrations.edition_change import EditionChange
from migrations.house_rules import Finding
from migrations.rehearsal import Rehearsal
from migrations.run import MigrationStatus, Outcome
from migrations.schema.drift import Drift
from migrations.upkeep.run import UpkeepReport


def show_status(status: MigrationStatus, *, as_json: bool = False) -> int:
    """Print the status; returns 0 at head, 1 if revisions are pending."""
    if as_json:
        print(json_text(status.as_dict()))
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
        print(json_text(rows))
    else:
        print("\n".join(map(str, findings)) or "nothing to fix")
    return 1 if findings else 0


def show_drift(drifts: Sequence[Drift], *, as_json: bool = False) -> int:
    """Print the different objects; returns 1 if there are any."""
    if as_json:
        print(json_text([drift.as_dict() for drift in drifts]))
    else:
        print("\n".join(map(str, drifts)) or "the schema is the reviewed one")
    return 1 if drifts else 0


def show_upkeep(report: UpkeepReport, *, as_json: bool = False) -> None:
    """Print the result of upkeep."""
    print(json_text(report.as_dict()) if as_json else report)


def show_outcome(outcome: Outcome, *, as_json: bool = False) -> None:
    """Print the applied revisions."""
    print(json_text(outcome) if as_json else outcome)


def show_edition(change: EditionChange, *, as_json: bool = False) -> None:
    """Print the schema's form before and after."""
    print(json_text(change.as_dict()) if as_json else change)


def show_rehearsal(report: Rehearsal, *, as_json: bool = False) -> None:
    """Print the effects of a migration on the copy."""
    print(json_text(report.as_dict()) if as_json else report)
