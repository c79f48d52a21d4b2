"""The result of a proof of the access matrix in lines, differences first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from monitor.matrix import NOT_LOGGED, Report, cells_by_answer
from security.matrix.cell import Cell, Proven

_SHOWN = 40


def lines(report: Report) -> Iterator[str]:
    """The report: a line for each cell that is not as declared, then a summary."""
    yield from _some([_difference(cell) for cell in report.differing], "more that differ")
    yield from _some([f"not in the log  {cell}" for cell in report.unlogged], "more denials that are in no log")
    yield from _some([f"unknown  {proof.cell}: {proof.learned.said}" for proof in report.unknown], "more of which nothing was learned")
    yield from (f"unknown  {message}" for message in report.unread)
    counts = ", ".join(f"{count} {how}" for how, count in cells_by_answer(report.proven))
    yield (
        f"stack {report.stack}: {len(report.proven)} cells in {report.seconds:.1f} s ({counts}); {len(report.differing)} differ,"
        f" {len(report.unknown)} unknown; {report.looked_up} denials looked up, {len(report.unlogged)} not in the log"
    )
    yield f"note: {NOT_LOGGED}: {_refused_statements(report.proven)} denials of statements have no line"


def next_step(report: Report) -> str:
    """What to do where not all is as declared."""
    if report.differing:
        return f"invoke up --refresh --stack {report.stack} puts rights back as declared; then find out who changed them"
    if report.unlogged:
        return "see whether the log was rotated or its level changed: invoke check --only redis.refusals --only weaviate.refusals"
    return "ask again; invoke check shows what doesn't answer" if report.exit_code else ""


def _difference(proof: Proven) -> str:
    declared = "allowed" if proof.declared else "denied"
    names = f" ({', '.join(proof.learned.names[:8])}{', …' if len(proof.learned.names) > 8 else ''})" if proof.learned.names else ""
    said = f": {proof.learned.said}" if proof.learned.said else ""
    return f"differs  {proof.cell}: declared {declared}, is {proof.learned.answer} ({proof.learned.how}){said}{names}"


def _some(every: list[str], more: str) -> Iterator[str]:
    yield from every[:_SHOWN]
    if len(every) > _SHOWN:
        yield f"… and {len(every) - _SHOWN} {more}"


def _refused_statements(proven: list[Proven]) -> int:
    logins = {("database", "connect"), ("server", "replicate")}
    denied = [proof.cell for proof in proven if proof.cell.store == "postgres" and proof.learned.answer == "denied"]
    return sum(count for key, count in Counter(map(_place, denied)).items() if key not in logins)


def _place(cell: Cell) -> tuple[str, str]:
    return cell.kind, cell.action
