"""What no exporter knows of a stack, gathered: for the file that Prometheus' node exporter reads, and for `check.serve`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from backup.sets import folders
from monitor import signs
from monitor.result import CheckResult
from schedule import growth, history
from security.audit.chain import Chain
from security.audit.collect import folder_of
from security.audit.uses import AccountUse, uses_of

if TYPE_CHECKING:
    from monitor.exposition import Known

AUDITED_FOR = timedelta(days=1)


def audited(stack: str) -> list[AccountUse]:
    """What each account did, by the audit of the last day."""
    return uses_of(Chain(folder_of(stack)).events(datetime.now(UTC) - AUDITED_FOR))


def gather(results: Sequence[CheckResult], uses: Sequence[AccountUse], sets: Path, records: Path) -> Known:
    """The figures after a run of the checks. `sets` is the folder of the backup sets, `records` that of the schedule."""
    from backup import drill
    from monitor.exposition import Known

    signs_of_life, now = signs.read(records), datetime.now(UTC)
    sizes = (history.last(records / growth.FILE) or {}).get("sizes", {})
    return Known(
        at=now,
        results=results,
        sets=folders.list_sets(folder=sets),
        drills=drill.history(sets),
        works=signs_of_life.works if signs_of_life else {},
        sizes=sizes,
        uses=uses,
    )
