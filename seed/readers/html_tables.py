"""Tables of a page. A cell that spans columns or rows is repeated where it holds, so that each value stays under its own heading."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seed.blocks import Block, BlockKind, Unreadable

MOST_REPEATED = 1_000_000
"""Characters and places that spanning cells of one table may fill. A page of a few kilobytes can ask for far more."""
_LONGEST_CELL = 1000
"""Characters. A table with longer cells is used for page layout."""
_MOST_COLUMNS = 1000
_MOST_ROWS = 65_534
"""What browsers allow (html.spec.whatwg.org, 4.9.11)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with the columns and rows that it covers."""

    blocks: list[Block] = field(default_factory=list)
    columns: int = 1
    rows: int = 1

    @property
    def text(self) -> str:
        """Its content in one line. A bar in it is escaped as Markdown does, since bars are between cells."""
        return " ".join(" ".join(block.text for block in self.blocks).split()).replace("|", "\\|")


_EMPTY = Cell()


@dataclass(slots=True)
class Table:
    """A table as it is read: rows of the cells that stand in them."""

    caption: list[Block] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)

    def add(self, blocks: list[Block], attributes: Mapping[str, str | None]) -> None:
        """Add a cell to the last row."""
        self.rows = self.rows or [[]]
        columns = min(_number(attributes.get("colspan")) or 1, _MOST_COLUMNS)
        rows = _number(attributes.get("rowspan"))
        # 0 is "all that follow".
        self.rows[-1].append(Cell(blocks, columns, _MOST_ROWS if rows == 0 else min(rows or 1, _MOST_ROWS)))

    def blocks(self) -> list[Block]:
        """A data table is one block; a layout table gives the blocks of its cells, in their order.

        Raises Unreadable where spanning cells would fill more than MOST_REPEATED.
        """
        cells = [cell.blocks for row in self.rows for cell in row]
        if any(_lays_out(cell) for cell in cells):
            return [*self.caption, *(block for cell in cells for block in cell)]
        lines = [line for line, row in zip(_filled(self.rows), self.rows, strict=True) if any(cell.blocks for cell in row)]
        if not lines:
            return self.caption
        rows = [f"| {' | '.join(cell.text for cell in line)} |" for line in lines]
        return [*self.caption, Block(BlockKind.TABLE, "\n".join(rows[1:]), header=f"{rows[0]}\n|{' --- |' * len(lines[0])}")]


def _number(text: str | None) -> int | None:
    """The number that an attribute begins with; None without one."""
    match = re.match(r"\s*\+?(\d{1,9})", text or "")
    return int(match[1]) if match else None


def _lays_out(cell: Sequence[Block]) -> bool:
    return (
        any(block.kind not in (BlockKind.TEXT, BlockKind.LIST) for block in cell) or sum(len(block.text) for block in cell) > _LONGEST_CELL
    )


def _filled(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """Rows with a cell for each column, placed as browsers do."""
    begins = _begins(rows)
    # A title is often said to span a hundred columns: it ends where no cell begins any more.
    width = max((at for row in begins for at in row), default=0) + 1
    hanging: dict[int, tuple[int, Cell]] = {}
    lines: list[list[Cell]] = []
    repeated = 0
    for row, places in zip(rows, begins, strict=True):
        line = {at: cell for at, (_, cell) in hanging.items()}
        hanging = {at: (left - 1, cell) for at, (left, cell) in hanging.items() if left > 1}
        for at, cell in zip(places, row, strict=True):
            for column in range(at, min(at + cell.columns, width)):
                line[column] = cell
                if cell.rows > 1:
                    hanging[column] = (cell.rows - 1, cell)
        only = len(row) == 1 and len({id(cell) for cell in line.values()}) == 1
        lines.append([row[0]] if only else [line.get(column, _EMPTY) for column in range(max(line, default=-1) + 1)])
        own = {id(cell) for cell in row}
        repeated += sum(1 + len(cell.text) for cell in lines[-1] if id(cell) not in own) + len(lines[-1]) - len(row)
        if repeated > MOST_REPEATED:
            raise Unreadable(f"a table whose cells span so much that it has more than {MOST_REPEATED} characters: mend colspan and rowspan")
    return lines


def _begins(rows: Sequence[Sequence[Cell]]) -> list[list[int]]:
    """The column in which each cell begins: the first that no cell of a row above covers."""
    hanging: dict[int, int] = {}
    begins: list[list[int]] = []
    for row in rows:
        covered = set(hanging)
        hanging = {at: left - 1 for at, left in hanging.items() if left > 1}
        places: list[int] = []
        at = 0
        for cell in row:
            while at in covered:
                at += 1
            places.append(at)
            if cell.rows > 1:
                hanging |= dict.fromkeys(range(at, at + cell.columns), cell.rows - 1)
            at += cell.columns
        begins.append(places)
    return begins
