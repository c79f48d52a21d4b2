"""`accounts.matrix`: the access matrix, shown or tried."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from commands.task import platform_of
from core.disk import write_whole
from core.errors import PlatformError
from security.matrix import declared, page, show
from security.matrix.cell import Cell, Proven


def show_matrix(account: str, html: str, *, as_json: bool) -> None:
    """Print the declared matrix, or write it as a page."""
    cells = _of(account, {**declared.logins(), **declared.matrix()})
    if html:
        _write(html, cells)
    elif as_json:
        print(show.as_json(cells))
    else:
        show.show(cells)


def prove_matrix(stack: str, account: str, html: str, *, as_json: bool) -> int:
    """Try the matrix at a running stack; the exit code is as that of checks."""
    from core.progress import SilentProgress
    from core.runner import show_progress
    from monitor import matrix_report
    from monitor.matrix import prove

    cells = _of(account, declared.matrix())
    platform = platform_of(stack)
    if as_json:
        report = prove(platform, cells, SilentProgress())
    else:
        with show_progress("prove the access matrix") as progress:
            report = prove(platform, cells, progress)
    lines = list(matrix_report.lines(report))
    if as_json:
        print(show.proven_json(report.stack, report.exit_code, report.proven, report.unlogged, report.unread))
    else:
        print("\n".join(lines))
    if html:
        _write(html, cells, report.proven, lines)
    if step := matrix_report.next_step(report):
        print(f"next: {step}", file=sys.stderr)
    return report.exit_code


def _of(account: str, cells: Mapping[Cell, bool]) -> Mapping[Cell, bool]:
    if account and account not in {cell.account for cell in cells}:
        known = ", ".join(dict.fromkeys(cell.account for cell in cells))
        raise PlatformError(
            what=f"there is no account {account!r}", where="christmas/blueprint/accounts.py", next_step=f"use one of: {known}"
        )
    return {cell: allowed for cell, allowed in cells.items() if account in ("", cell.account)}


def _write(html: str, cells: Mapping[Cell, bool], proven: Sequence[Proven] | None = None, summary: Sequence[str] = ()) -> None:
    try:
        write_whole(Path(html), page.page(cells, proven, summary), mode=0o644)
    except OSError as error:
        raise PlatformError(
            what=f"the page can't be written: {error.strerror or error}", where=html, next_step="name a file that you may write"
        ) from None
    print(f"written: {html}", file=sys.stderr)
