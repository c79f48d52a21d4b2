"""The page as text: one file of HTML without a script, an image or a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from console.growth import amount, change_text, when_text
from console.report import drawings
from console.report.gathered import DAYS, Gathered
from core.words import size_text, span_text
from monitor.growth.sizes import unit_of
from monitor.result import CheckResult, Status, severity
from monitor.slow_statements import Planned, SlowStatements
from security.matrix.declared import logins, matrix
from security.matrix.show import rows

_QUERY_LETTERS, _WHOLE_LETTERS = 300, 4000
_STYLE = """
:root{color-scheme:light dark;--back:#fff;--text:#1b1f24;--soft:#57606a;--line:#d0d7de;--box:#f6f8fa;
--ok:#1a7f37;--warning:#9a6700;--critical:#cf222e;--unknown:#6639ba;--link:#0550ae}
@media (prefers-color-scheme:dark){:root{--back:#0d1117;--text:#e6edf3;--soft:#9198a1;--line:#3d444d;--box:#151b23;
--ok:#3fb950;--warning:#d29922;--critical:#ff7b72;--unknown:#bc8cff;--link:#79c0ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--back);color:var(--text);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
p{margin:.4rem 0}.soft{color:var(--soft)}a{color:var(--link)}code,pre{font:14px ui-monospace,monospace;overflow-wrap:anywhere}
pre{white-space:pre-wrap;margin:.3rem 0}.plan{white-space:pre;overflow-x:auto;overflow-wrap:normal;padding-bottom:.75rem}.whole{max-width:0}
.state{display:inline-block;padding:.1rem .6rem;border-radius:1rem;border:2px solid currentColor;font-weight:600}
.ok{color:var(--ok)}.warning{color:var(--warning)}.critical{color:var(--critical)}.unknown{color:var(--unknown)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin:1rem 0;padding:0;list-style:none}
.tiles li{background:var(--box);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem}
.tiles b{display:block;font-size:1.25rem}
.todo{padding:0;list-style:none}.todo li{border-left:4px solid currentColor;background:var(--box);padding:.5rem .8rem;margin:.5rem 0}
.todo span,.todo code{color:var(--text)}
/* What is newest is seen without scrolling where a drawing is wider than the screen. */
.wide{overflow-x:auto;direction:rtl}.wide>*{direction:ltr}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;
border-bottom:1px solid var(--line)}caption{text-align:left;padding:.5rem .6rem 0}.number{text-align:right;white-space:nowrap}
svg{width:100%;min-width:34rem;height:auto}.axis{fill:var(--soft);font-size:13px}.date{text-anchor:middle}.grid,.link{stroke:var(--line)}
.link{stroke-dasharray:3 3}.set{fill:var(--link)}.empty{fill:var(--box);stroke:var(--line)}.mark{fill:currentColor}
details{margin:.4rem 0}summary{cursor:pointer}:focus-visible{outline:3px solid var(--link);outline-offset:2px}
@media (max-width:40rem){td,th{display:block;border:0;padding:.1rem .4rem}.number{text-align:left}tr{display:block;padding:.5rem 0;
border-bottom:1px solid var(--line)}thead{position:absolute;left:-99rem}td{overflow-wrap:anywhere}td:empty{display:none}
.whole{max-width:calc(100vw - 2rem)}td[data-head]::before{content:attr(data-head) ": ";color:var(--soft)}}
"""


def page(content: Gathered, again: str = "") -> str:
    """The whole page. Where it is served, `again` is the address of the one that loads itself again."""
    worst = max((result.status for result in content.results), key=severity, default=Status.UNKNOWN)
    bad = sorted((result for result in content.results if result.status is not Status.OK), key=lambda result: -severity(result.status))
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{worst}: stack {escape(content.stack)}</title><style>{_STYLE}</style></head><body>",
        f"<header><h1>Stack {escape(content.stack)} <span class='state {worst}'>{worst}</span></h1>",
        f"<p class='soft'>{content.at:%Y-%m-%d %H:%M} UTC, {len(content.results)} checks{_links(again)}</p></header><main>",
        *_tiles(content),
        *_todo(bad),
        "<h2 id='backups'>Backup sets and drills</h2>",
        f"<div class='wide' tabindex='0' role='region' aria-label='Backup sets and drills'>{_sets(content)}</div>",
        "<h2 id='history'>Checks so far</h2>",
        f"<div class='wide' tabindex='0' role='region' aria-label='Checks so far'>{_runs(content)}</div>",
        *_growth(content),
        *_slow(content.slow),
        *_audit(content),
        *_access(),
        *_all_checks(content.results),
        "</main></body></html>",
        "",
    ]
    return "\n".join(parts)


def _links(again: str) -> str:
    return f"; <a href='/'>look again</a>, <a href='{escape(again)}'>every minute</a>" if again else ""


def _tiles(content: Gathered) -> list[str]:
    newest = content.sets[-1] if content.sets else None
    last_drill = content.drills[-1] if content.drills else None
    loss = max((seconds for seconds in (last_drill or {}).get("loss_seconds", {}).values()), default=None)
    tiles = [
        ("newest backup set", f"{span_text(content.at - newest.finished)} ago" if newest else "none", newest.id if newest else ""),
        ("size", size_text(newest.total_bytes) if newest else "none", "of the newest set"),
        ("restored in (RTO)", f"{last_drill['restore_seconds']:.0f} s" if last_drill else "unknown", "in the last drill"),
        ("lost at most (RPO)", f"{loss:.0f} s" if loss is not None else "unknown", f"promised: {_promised()}"),
        ("out of the ordinary", str(len(content.anomalies)), "in the audit of the last day"),
    ]
    return [
        "<ul class='tiles'>",
        *(f"<li>{escape(name)}<b>{escape(value)}</b><span class='soft'>{escape(note)}</span></li>" for name, value, note in tiles),
        "</ul>",
    ]


def _promised() -> str:
    return f"{span_text(BACKUP_RULES.loss_at_most)} for PostgreSQL, {span_text(BACKUP_RULES.incremental_every)} for the others"


def _todo(bad: Sequence[CheckResult]) -> list[str]:
    if not bad:
        return ["<h2 id='next'>What to do next</h2>", "<p class='ok'>Nothing: every check is ok.</p>"]
    lines = [
        f"<li class='{result.status}'><b>{result.status}: {escape(result.name)}</b><br><span>{escape(result.message)}</span>"
        + (f"<br><code>{escape(result.next_step)}</code>" if result.next_step else "")
        + "</li>"
        for result in bad
    ]
    return ["<h2 id='next'>What to do next</h2>", "<ul class='todo'>", *lines, "</ul>"]


def _sets(content: Gathered) -> str:
    if not content.sets:
        return f"<p>No backup set was made in the last {DAYS} days.</p>"
    return drawings.chain_of_sets(content.sets, content.drills, content.at, DAYS)


def _runs(content: Gathered) -> str:
    if not content.runs:
        return "<p>No run of the checks was recorded yet: the stack's schedule does that every quarter of an hour.</p>"
    return drawings.runs_of_checks(content.runs, content.at, DAYS)


def _growth(content: Gathered) -> list[str]:
    lines = ["<h2 id='growth'>What grows, and until when</h2>"]
    if content.growth.since is None:
        return [*lines, "<p>Nothing is recorded yet: the stack's schedule does that every hour.</p>"]
    limits = [
        (limit.name, f"{limit.value:g} of {limit.bound:g}", when_text(limit.reach) if limit.trend else "no trend yet", limit.remedy)
        for limit in content.growth.limits
    ]
    sizes = [
        (size.name, amount(size.value, unit_of(size.name)), change_text(size.trend, unit_of(size.name)) if size.trend else "no trend yet")
        for size in content.growth.sizes
    ]
    lines += _table("Limits, the nearest first", ("check", "now", "reached", "what to do"), limits)
    return [*lines, *_table("Sizes, the fastest first", ("what", "size", "change"), sizes, numbers=(1,))]


def _slow(slow: SlowStatements) -> list[str]:
    lines = ["<h2 id='slow'>Queries that took most time</h2>"]
    if slow.failure:
        return [*lines, f"<p>They could not be read: {escape(slow.failure)}</p>"]
    if not slow.planned:
        return [*lines, "<p>PostgreSQL has counted none yet.</p>"]
    queries: list[tuple[str, ...]] = []
    for one in slow.planned:
        statement = one.statement
        queries.append(
            (
                _query(one),
                escape(statement.account),
                f"{statement.calls:,}",
                f"{statement.milliseconds / max(statement.calls, 1):,.1f} ms",
                f"{statement.milliseconds:,.0f} ms",
                f"{statement.share or 0:.0%}",
            )
        )
        if one.plan:
            queries.append((_plan(one),))
    heads = ("query", "account", "calls", "mean", "total", "share")
    caption = "Without values, since the server began to count; a plan is for values that nobody knows"
    return [*lines, *_table(caption, heads, queries, numbers=(2, 3, 4, 5), escaped=True)]


def _query(one: Planned) -> str:
    text = one.statement.text
    shown = f"<code>{escape(_cut(text, _QUERY_LETTERS))}</code>" if text else "not shown"
    return shown if one.plan else f"{shown}<br><span class='soft'>no plan: {escape(one.no_plan)}</span>"


def _plan(one: Planned) -> str:
    """A plan's lines tell by their indentation what belongs to what, so none is broken: where they are too long, they are moved."""
    text = one.statement.text
    whole = f"<pre>{escape(_cut(text, _WHOLE_LETTERS))}</pre>" if text and len(text) > _QUERY_LETTERS else ""
    lines = f"<pre class='plan' tabindex='0' role='region' aria-label='plan'>{escape(one.plan)}</pre>"
    return f"<details><summary>plan</summary>{lines}{whole}</details>"


def _cut(text: str, most: int) -> str:
    return text[:most] + "..." * (len(text) > most)


def _audit(content: Gathered) -> list[str]:
    lines = ["<h2 id='audit'>Who did what in the last day</h2>"]
    if content.anomalies:
        events = ((anomaly.time[:16].replace("T", " "), anomaly.store, anomaly.rule, anomaly.words) for anomaly in content.anomalies)
        lines += _table("Out of the ordinary", ("time", "store", "rule", "what happened"), events)
    if not content.accounts:
        return [*lines, "<p>The audit has no event of the last day.</p>"]
    uses = ((use.account, f"{use.events:,}", f"{use.refused:,}") for use in content.accounts)
    return [*lines, *_table("Events by account", ("account", "events", "refused"), uses, numbers=(1, 2))]


def _access() -> list[str]:
    """What is declared; whether the stores are so is what the checks of rights say."""
    by_account: dict[str, list[tuple[str, str, str, str]]] = {}
    for account, store, thing, may, may_not in rows({**logins(), **matrix()}):
        by_account.setdefault(account, []).append((store, thing, may, may_not))
    lines = ["<h2 id='access'>Who may do what</h2>"]
    lines += ["<p class='soft'>As declared. <code>invoke accounts.matrix --prove</code> tries each right at the stores.</p>"]
    for account, things in by_account.items():
        lines += [f"<details><summary>{escape(account)}: {len(things)} things</summary>"]
        lines += [*_table(f"What {account} may do", ("store", "thing", "may", "may not"), things), "</details>"]
    return lines


def _all_checks(results: Sequence[CheckResult]) -> list[str]:
    outcomes = (
        (f"<span class='{result.status}'>{result.status}</span>", escape(result.name), escape(result.message), _figure(result))
        for result in results
    )
    table = _table("All checks", ("status", "check", "message", "value"), outcomes, numbers=(3,), escaped=True)
    return ["<h2 id='checks'>All checks</h2>", f"<details><summary>{len(results)} checks</summary>", *table, "</details>"]


def _figure(result: CheckResult) -> str:
    return escape(f"{result.value:g} {result.unit}".strip()) if result.value is not None else ""


def _table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = (), escaped: bool = False
) -> list[str]:
    """A table that becomes a list of blocks on a narrow screen. `numbers` are the columns with figures; a row's only cell takes all."""
    lines = [f"<table><caption class='soft'>{escape(caption)}</caption><thead><tr>"]
    lines += [f"<th scope='col'{' class=number' if place in numbers else ''}>{escape(head)}</th>" for place, head in enumerate(heads)]
    lines.append("</tr></thead><tbody>")
    for row in rows:
        if len(row) == 1:
            lines.append(f"<tr><td class='whole' colspan='{len(heads)}'>{row[0] if escaped else escape(row[0])}</td></tr>")
            continue
        # A narrow screen shows a row as lines, each with its column's name.
        cells = (
            f"<td data-head='{escape(heads[place])}'{' class=number' if place in numbers else ''}>{cell if escaped else escape(cell)}</td>"
            for place, cell in enumerate(row)
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return [*lines, "</tbody></table>"]
