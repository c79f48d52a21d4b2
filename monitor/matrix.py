"""`accounts.matrix --prove`: every cell is tried at the stores, as the account that it is about, and denials are looked up in the logs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from core.patience import patience
from core.progress import Progress
from core.waiting import until
from infra import clients
from infra.connections import Platform
from monitor import own_refusals, refusals
from monitor.result import Finding
from security.audit.events import account_of
from security.matrix import postgres, redis_store, weaviate
from security.matrix.cell import STORES, Answer, Cell, How, Learned, Proven, Store

_LOGGED_WITHIN_SECONDS = 10.0
_WORKERS = 4

NOT_LOGGED = "PostgreSQL logs no refused statement of an account, since its text may hold values (docs/adr/0010)"


@dataclass(slots=True)
class Report:
    """The result of a proof. `unlogged` are denials that a store did not write down; `unread` says why a log could not be asked.

    `address` is where PostgreSQL saw the trial come from.
    """

    stack: str
    proven: list[Proven] = field(default_factory=list)
    unlogged: list[Cell] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    looked_up: int = 0
    seconds: float = 0.0
    address: str = ""

    @property
    def differing(self) -> list[Proven]:
        """Cells of which a server does otherwise than declared."""
        return [cell for cell in self.proven if cell.differs]

    @property
    def unknown(self) -> list[Proven]:
        """Cells whose answer is unknown."""
        return [cell for cell in self.proven if cell.is_unknown]

    @property
    def exit_code(self) -> int:
        """As checks have them: 0 as declared, 2 where something differs or a denial was not written down, 3 where something is unknown."""
        if self.differing or self.unlogged:
            return 2
        return 3 if self.unknown or self.unread else 0


def prove(platform: Platform, cells: Mapping[Cell, bool], progress: Progress) -> Report:
    """Try these cells, each with whether it is declared allowed. Nothing is left behind but lines in the stores' logs."""
    began, since, report = time.monotonic(), datetime.now(UTC), Report(platform.stack)
    stores = [store for store in STORES if any(cell.store == store for cell in cells)]
    progress.status(f"{len(cells)} cells")
    caused: dict[str, Mapping[str, int]] = {}
    try:
        with ThreadPoolExecutor(max_workers=len(STORES)) as pool:
            works = {store: pool.submit(_PROVERS[store], platform, _by_account(cells, store), report) for store in stores}
            learned: dict[Cell, Learned] = {}
            for store, work in works.items():
                learned_cells, caused[store] = work.result()
                learned |= learned_cells
                progress.log(f"{store}: {len(learned_cells)} cells")
    finally:
        if any(caused.values()):
            own_refusals.write(platform.stack, own_refusals.Caused(since, datetime.now(UTC), caused, report.address))
    report.proven = [Proven(cell, allowed, learned[cell]) for cell, allowed in cells.items()]
    report.seconds = time.monotonic() - began
    return report


def _by_account(cells: Mapping[Cell, bool], store: Store) -> dict[str, list[Cell]]:
    by_account: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.store == store:
            by_account.setdefault(cell.account, []).append(cell)
    return by_account


Result = tuple[dict[Cell, Learned], dict[str, int]]


def _postgres(platform: Platform, cells: Mapping[str, list[Cell]], report: Report) -> Result:
    """All accounts at once, a few at a time."""
    import psycopg

    began = datetime.now(UTC)
    denials = {account: postgres.Denials() for account in cells}

    def one(account: str) -> dict[Cell, Learned]:
        try:
            return postgres.learn(platform, account, cells[account], denials[account])
        except psycopg.Error as error:
            return _nothing(cells[account], error)

    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        learned_cells = {cell: learned for every in pool.map(one, cells) for cell, learned in every.items()}
    report.address = next((denial.address for denial in denials.values() if denial.address), "")
    wanted = Counter({account: len(denied.logins) for account, denied in denials.items()})
    refused = _refusals_in_log(platform, "timescaledb", began, refusals.of_postgres, lambda denial: denial.account, wanted)
    if isinstance(refused, Finding):
        report.unread.append(refused.message)
    else:
        _miss(report, [(cell, account) for account, denied in denials.items() for cell in denied.logins], refused)
    return learned_cells, dict(wanted)


def _weaviate(platform: Platform, cells: Mapping[str, list[Cell]], report: Report) -> Result:
    """All accounts at once, a few at a time."""
    import http.client

    began = datetime.now(UTC)
    denials = {account: weaviate.Denials() for account in cells}
    try:
        names = weaviate.names(platform)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        return {cell: learned for column in cells.values() for cell, learned in _nothing(column, error).items()}, {}

    def one(account: str) -> dict[Cell, Learned]:
        try:
            return weaviate.learn(platform, account, cells[account], names, denials[account])
        except (OSError, http.client.HTTPException) as error:
            return _nothing(cells[account], error)

    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        learned_cells = {cell: learned for every in pool.map(one, cells) for cell, learned in every.items()}
    wanted = Counter((account, action) for account, denied in denials.items() for _, action in denied.expected)

    def recognize(line: bytes) -> refusals.Refusal | None:
        said = refusals.denied_by_weaviate(line)
        return refusals.Refusal("denial", account_of(str(said.get("user"))), str(said.get("perm"))) if said else None

    refused = _refusals_in_log(platform, "weaviate", began, recognize, lambda denial: (denial.account, denial.address), wanted)
    if isinstance(refused, Finding):
        report.unread.append(refused.message)
    else:
        _miss(
            report,
            [(cell, (account, action)) for account, denied in denials.items() for cell, action in denied.expected],
            refused,
        )
    return learned_cells, {account: denied.lines for account, denied in denials.items()}


def _redis(platform: Platform, cells: Mapping[str, list[Cell]], report: Report) -> Result:
    """One account after the other: they share the room in ACL LOG, in equal parts."""
    import redis as driver

    learneds: dict[Cell, Learned] = {}
    counted: dict[str, int] = {}
    try:
        places = redis_store.room(platform, own_refusals.spans(platform.stack)) // max(1, len(cells))
    except (driver.RedisError, OSError) as error:
        return {cell: learned for column in cells.values() for cell, learned in _nothing(column, error).items()}, {}
    for account, mine in cells.items():
        began, denials = time.monotonic(), redis_store.Denials()
        try:
            learneds |= redis_store.learn(platform, account, mine, places, denials)
        except (driver.RedisError, OSError) as error:
            learneds |= _nothing(mine, error)
        counted[account] = len(denials.expected)
        try:
            with clients.redis_client(platform, "monitor") as client:
                entries: Any = client.acl_log(10_000)
        except (driver.RedisError, OSError) as error:
            report.unread.append(f"ACL LOG can't be read: {error}")
            continue
        report.looked_up += len(denials.expected)
        # An entry's age is rounded, and a repeated refusal only raises the count of its entry.
        report.unlogged += redis_store.unlogged(entries, account, denials, time.monotonic() - began + 2)
    return learneds, counted


_PROVERS: Mapping[Store, Callable[[Platform, Mapping[str, list[Cell]], Report], Result]] = {
    "postgres": _postgres,
    "redis": _redis,
    "weaviate": _weaviate,
}


def _nothing(cells: Sequence[Cell], error: Exception) -> dict[Cell, Learned]:
    return dict.fromkeys(cells, Learned(Answer.UNKNOWN, How.TRIED, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"))


def _refusals_in_log(
    platform: Platform,
    service: str,
    began: datetime,
    recognize: Callable[[bytes], refusals.Refusal | None],
    key: Callable[[refusals.Refusal], Any],
    wanted: Counter[Any],
) -> Counter[Any] | Finding:
    """How often a log has each wanted refusal, read again until it has all: a line is written a moment after the answer."""
    counts: Counter[Any] | Finding = Counter()

    def enough() -> bool:
        nonlocal counts
        logged = refusals.read_log(platform, service, began, recognize)
        if isinstance(logged, Finding):
            counts = logged
            return True
        counts = Counter(key(refusal) for refusal in logged.refusals)
        return not wanted - counts

    if wanted:
        until(lambda: enough() or None, patience(_LOGGED_WITHIN_SECONDS), pause=0.5)
    return counts


def _miss(report: Report, denials: Sequence[tuple[Cell, Any]], in_the_log: Counter[Any]) -> None:
    """Note the denials that no line is left for."""
    report.looked_up += len(denials)
    left = Counter(in_the_log)
    for cell, key in denials:
        if left[key] < 1:
            report.unlogged.append(cell)
        left[key] -= 1


def cells_by_answer(proven: Sequence[Proven]) -> Iterator[tuple[str, int]]:
    """The number of cells by how their answer was learned: `tried`, `listed`, or nothing to try."""
    counts = Counter("nothing there" if cell.learned.answer is Answer.ABSENT else str(cell.learned.how) for cell in proven)
    yield from sorted(counts.items())
