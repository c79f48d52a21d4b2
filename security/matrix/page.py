"""The matrix as one page of HTML that needs nothing else: no script, no network. Light and dark, and readable on a telephone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from christmas.blueprint.accounts import ACCOUNTS
from security.matrix.cell import STORES, Cell, Proven, Store
from security.matrix.show import ONE_LINE

_TITLES: Mapping[Store, str] = {"postgres": "PostgreSQL", "redis": "Redis", "weaviate": "Weaviate"}
_STYLE = """
:root { color-scheme: light dark; --line: #8886; --yes: #0a7d33; --no: #6b7280; --bad: #b91c1c; --badback: #fee2e2; --head: #f3f4f6; }
@media (prefers-color-scheme: dark) { :root { --yes: #4ade80; --no: #9ca3af; --bad: #fca5a5; --badback: #4c1414; --head: #1f2937; } }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 0.75rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0.5rem 0; } h2 { font-size: 1.15rem; margin: 1.5rem 0 0.5rem; }
nav a { margin-right: 0.75rem; }
details { border: 1px solid var(--line); border-radius: 6px; margin: 0.4rem 0; }
summary { cursor: pointer; padding: 0.4rem 0.6rem; background: var(--head); border-radius: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.85rem; }
th, td { border-top: 1px solid var(--line); padding: 0.2rem 0.15rem; text-align: center; }
th[scope=row] { text-align: left; font-weight: normal; padding-left: 0.5rem; min-width: 7rem; }
th[scope=row] { position: sticky; left: 0; background: Canvas; }
thead th { vertical-align: bottom; font-weight: 600; }
thead th span { writing-mode: vertical-rl; transform: rotate(180deg); }
.y { color: var(--yes); font-weight: 700; } .n { color: var(--no); } .x { color: var(--bad); background: var(--badback); font-weight: 700; }
.u { color: var(--bad); } .told { padding: 0.5rem 0.75rem; border-left: 4px solid var(--bad); background: var(--badback); }
.fine { border-color: var(--yes); background: none; }
.s { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
""".strip()
_MARKS = {"y": ("●", "may"), "n": ("·", "may not"), "x": ("✗", "differs"), "u": ("?", "unknown")}


def page(cells: Mapping[Cell, bool], proven: Sequence[Proven] | None = None, summary: Sequence[str] = ()) -> str:
    """The page; with `proven`, cells that differ or are unknown stand out, and `summary` has the result in lines."""
    learned = {proof.cell: proof for proof in proven or ()}
    differs = any(proof.differs for proof in learned.values())
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Access matrix</title><style>{_STYLE}</style></head><body>",
        "<h1>Access matrix</h1>",
        f"<p>{len(cells)} cells: what each account may do to each thing, as the blueprint declares it. ● may, · may not"
        + (", ✗ the server does otherwise, ? nothing was learned" if proven is not None else "")
        + ".</p>",
        "<nav>" + "".join(f'<a href="#{store}">{_TITLES[store]}</a>' for store in STORES) + "</nav>",
    ]
    if summary:
        parts.append(
            f'<div class="told{"" if differs else " fine"}">' + "".join(f"<div>{escape(line)}</div>" for line in summary) + "</div>"
        )
    for store in STORES:
        parts.append(f'<h2 id="{store}">{_TITLES[store]}</h2>')
        parts += _store(store, cells, learned)
    return "\n".join([*parts, "</body></html>", ""])


def _store(store: Store, cells: Mapping[Cell, bool], learned: Mapping[Cell, Proven]) -> Iterator[str]:
    accounts = [account.name for account in ACCOUNTS if any(cell.store == store and cell.account == account.name for cell in cells)]
    things: dict[str, dict[str, dict[str, Cell]]] = {}
    for cell in cells:
        if cell.store == store:
            # Kinds with one action have a row for each thing, others a row for each action on one thing.
            alone = cell.kind in ONE_LINE
            group, row = (f"{cell.kind}: {cell.action}", cell.name) if alone else (cell.thing, cell.action)
            things.setdefault(group, {}).setdefault(row, {})[cell.account] = cell
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in accounts)
    for group, actions in things.items():
        bad = any(learned[cell].differs for by in actions.values() for cell in by.values() if cell in learned)
        yield f"<details{' open' if bad else ''}><summary>{escape(group)}</summary><div class=scroll><table>"
        yield f'<thead><tr><th scope="col"></th>{head}</tr></thead><tbody>'
        for action, by in actions.items():
            row = "".join(_mark(by.get(name), cells, learned) for name in accounts)
            yield f'<tr><th scope="row">{escape(action)}</th>{row}</tr>'
        yield "</tbody></table></div></details>"


def _mark(cell: Cell | None, cells: Mapping[Cell, bool], learned: Mapping[Cell, Proven]) -> str:
    if cell is None:
        return "<td></td>"
    kind, title = "y" if cells[cell] else "n", ""
    if proof := learned.get(cell):
        kind = "x" if proof.differs else "u" if proof.is_unknown else kind
        title = f"{proof.learned.answer}, {proof.learned.how}" + (f": {proof.learned.said}" if proof.learned.said else "")
    sign, word = _MARKS[kind]
    shown = f' title="{escape(title)}"' if title else ""
    return f"<td class={kind}{shown}><span aria-hidden=true>{sign}</span><span class=s>{escape(cell.account)} {word}</span></td>"
