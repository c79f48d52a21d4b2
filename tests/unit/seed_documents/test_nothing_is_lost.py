"""Every visible word of a document reaches a passage, in its order, however the document is built: Markdown, HTML and reStructuredText."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from seed.blocks import Block, BlockKind
from seed.chunks import SECTION_SEPARATOR, chunk
from seed.readers import html, markdown, plain, rst
from tests.support.cases import holds_for

Words = Callable[[int], str]
"""Gives so many new words, each of them once in a document."""

_WORD = re.compile(r"\bw\d+w\b")


def _told(blocks: Sequence[Block]) -> list[str]:
    """The words of all passages in their order, each where it comes first: a heading is named by all that is below it."""
    found: dict[str, None] = {}
    for each in chunk(blocks):
        titles = each.section.split(SECTION_SEPARATOR)
        found |= dict.fromkeys(_WORD.findall(" ".join([*titles, each.content])))
    return list(found)


def _counter() -> Words:
    numbers = itertools.count()
    return lambda count: " ".join(f"w{next(numbers)}w" for _ in range(count))


MARKDOWN: dict[str, Callable[[Words], str]] = {
    "heading": lambda w: f"# {w(2)}",
    "sub-heading": lambda w: f"### {w(1)} `{w(1)}` **{w(1)}** ###",
    "heading with a picture": lambda w: f"## ![{w(1)}](x.png) {w(1)} &amp; {w(1)}",
    "underlined": lambda w: f"{w(2)}\n{w(1)}\n===",
    "paragraph": lambda w: f"{w(3)}\n{w(2)} *{w(1)}* [{w(1)}](http://x).",
    "rule": lambda _: "---",
    "other rule": lambda _: "* * *",
    "plus signs": lambda _: "+++",
    "list": lambda w: f"- {w(2)}\n  {w(1)}\n- {w(1)}\n  - {w(1)}\n    1. {w(1)}\n{w(1)}",
    "list of paragraphs": lambda w: f"1. {w(2)}\n\n   {w(1)}\n\n2. {w(1)}\n\n       {w(1)}",
    "list with code": lambda w: f"- {w(1)}\n  ```sh\n  {w(1)}\n\n  {w(1)}\n  ```\n  {w(1)}\n- {w(1)}",
    "list with a quote and a heading": lambda w: f"- > {w(1)}\n- # {w(1)}\n- | {w(1)} |",
    "table": lambda w: f"| {w(1)} | {w(1)} |\n| --- | --- |\n| {w(1)} | {w(2)} |\n| {w(1)} |\n| {w(1)} | {w(1)} | {w(1)} |",
    "table without rows": lambda w: f"| {w(1)} | {w(1)} |\n| --- | --- |",
    "quote": lambda w: f"> {w(2)}\n> > {w(1)}\n{w(1)}",
    "fence": lambda w: f"```python\n{w(2)}\n# {w(1)}\n```",
    "tildes": lambda w: f"~~~\n{w(1)}\n```\n{w(1)}\n~~~",
    "indented code": lambda w: f"    {w(2)}\n\n    {w(1)}",
    "comment before text": lambda w: f"<!-- lint --> {w(2)}\n{w(1)}",
    "comment of lines": lambda w: f"<!--\n\nhidden\n\n--> {w(1)}",
    "comment in text": lambda w: f"{w(1)} <!-- hidden --> {w(1)}",
    "html": lambda w: f"<div align='center'>\n<b>{w(1)}</b> {w(1)}<br>\n{w(1)}\n</div>",
    "html around": lambda w: f"<div>\n\n{w(2)}\n\n</div>",
    "details": lambda w: f"<details><summary>{w(1)}</summary>\n\n{w(1)}\n\n</details>",
    "nav": lambda w: f"<nav>{w(1)}</nav>",
    "html heading": lambda w: f"<h2>{w(2)}</h2>",
    "html table": lambda w: f"<table>\n<tr><td>{w(1)}</td><td>{w(1)}</td></tr>\n\n<tr><td>{w(1)}</td><td>{w(1)}</td></tr>\n</table>",
    "html left open": lambda w: f"<p><b>{w(1)}",
    "reference link": lambda w: f"[{w(1)}][ref] and [{w(1)}]\n\n[ref]: http://example.org 'title'",
    "footnote": lambda w: f"{w(1)}[^{(name := w(1))}]\n\n[^{name}]: {w(1)}",
    "footnote of words": lambda w: f"[^9]: {w(3)}",
    "definition that nothing uses": lambda w: f"[{w(1)}]: {w(1)}",
    "definition list": lambda w: f"{w(1)}\n: {w(2)}",
    "math and braces": lambda w: f"$$ {w(1)} $$ {{{{ {w(1)} }}}}",
    "settings in the middle": lambda w: f"---\n{w(1)}: {w(1)}\n---",
    "long": lambda w: w(400),
    "long row": lambda w: f"| a |\n| --- |\n| {w(400)} |",
    "long item": lambda w: f"- {w(400)}",
    "long line of code": lambda w: f"```\n{w(400)}\n```",
    "long heading": lambda w: f"## {w(90)}",
}  # fmt: skip
HTML: dict[str, Callable[[Words], str]] = {
    "heading": lambda w: f"<h1>{w(2)}</h1>",
    "heading left open": lambda w: f"<h3>{w(1)}<p>{w(2)}",
    "heading of parts": lambda w: f"<h2><div><span>{w(1)}</span></div> <a href=x>{w(1)}</a></h2>",
    "paragraph": lambda w: f"<p>{w(2)} <b>{w(1)}</b> {w(1)}</p>",
    "paragraph left open": lambda w: f"<p>{w(2)}",
    "text": lambda w: f" {w(2)} ",
    "line breaks": lambda w: f"<div>{w(1)}<br>{w(1)}<hr>{w(1)}</div>",
    "list": lambda w: f"<ul><li>{w(1)}<li><p>{w(1)}</p><p>{w(1)}</p><ol><li>{w(1)}</ol>{w(1)}</ul>",
    "list of everything": lambda w: f"<ol><li><h4>{w(1)}</h4>{w(1)}<pre>{w(1)}</pre><table><tr><td>{w(1)}</table>{w(1)}</ol>",
    "table": lambda w: f"<table><caption>{w(1)}</caption><tr><th>{w(1)}<th>{w(1)}<tr><td>{w(1)}<td>{w(1)}</table>",
    "table of one row": lambda w: f"<table><tr><td>{w(1)}</td><td>{w(1)}</td></tr></table>",
    "ragged table": lambda w: f"<table><tr><td></td><tr><td>{w(1)}<tr><td>{w(1)}<td>{w(1)}<td>{w(1)}</table>",
    "rows that repeat": lambda w: f"<table>{(row := f'<tr><td>{w(1)}<td>{w(1)}')}{row}{row}<tr><td>{w(1)}</table>",
    "layout table": lambda w: f"<table><tr><td><a href=x>{w(1)}</a><td><h2>{w(1)}</h2><p>{w(1)}<p>{w(1)}</table>",
    "nested tables": lambda w: f"<table><tr><td>{w(1)}<td><table><tr><td>{w(1)}<td>{w(1)}</table>{w(1)}</table>",
    "code": lambda w: f"<pre><code>{w(1)}\n  {w(1)}</code></pre>",
    "code left open": lambda w: f"<div><pre>{w(1)}\n{w(1)}</div>",
    "definitions": lambda w: f"<dl><dt>{w(1)}<dd>{w(1)}<dt>{w(1)}</dl>",
    "details": lambda w: f"<details><summary>{w(1)}</summary>{w(1)}</details>",
    "hidden": lambda w: f"<div hidden>{w(1)}</div><p style='display:none'>{w(1)}</p>",
    "noscript": lambda w: f"<noscript><p>{w(1)}</p></noscript>",
    "form": lambda w: f"<form><label>{w(1)}</label><button>{w(1)}</button><textarea>{w(1)}</textarea></form>",
    "picture": lambda w: f"<figure><img src=x alt=y><figcaption>{w(1)}</figcaption></figure>",
    "drawing": lambda w: f"<svg><text>{w(1)}</text><text>{w(1)}</text></svg>",
    "frame": lambda w: f"<iframe src=x><p>{w(1)}</iframe>",
    "shadow": lambda w: f"<div><template shadowrootmode=open><p>{w(1)}</template></div>",
    "comment": lambda w: f"<!-- hidden --> {w(1)} <!--> {w(1)} <!-- x --!> {w(1)}",
    "condition": lambda w: f"<!--[if IE]><p>hidden<![endif]-->{w(1)}",
    "script": lambda w: f"<script>if (1 < 2) document.write('<p>hidden</p>')</script>{w(1)}",
    "style": lambda w: f"<style>p > b {{}}</style>{w(1)}",
    "entities": lambda w: f"<p>&lt;{w(1)}&gt; &nbsp;{w(1)}&nosuch; &#8217;{w(1)}",
    "stray ends": lambda w: f"</div></td></p></ul></table></body></html>{w(1)}",
    "odd nesting": lambda w: f"<b><p>{w(1)}</b> {w(1)}</p><a><div>{w(1)} <a>{w(1)}</div></a>",
    "nothing closed": lambda w: f"<section><article><div><b><i>{w(1)}",
    "less than": lambda w: f"<p>{w(1)} < {w(1)} <3 {w(1)}",
    "deep": lambda w: "<div>" * 600 + w(1) + "</div>" * 600,
    "struck": lambda w: f"<p>{w(1)} <s>{w(1)} <b>{w(1)}</b></s> {w(1)}",
    "struck blocks": lambda w: f"<del><p>{w(1)}<table><tr><td>{w(1)}</table><ul><li>{w(1)}</ul></del><p>{w(1)}",
    "struck left open": lambda w: f"<p>{w(1)} <s>{w(1)}<p>{w(1)}",
    "raised and lowered": lambda w: f"<p>{w(1)}<sup>{w(1)} <sub>{w(1)}</sub></sup> 1<sup>2</sup>/<sub>{w(1)}</sub> <sup><p>{w(1)}</sup>",
    "formula": lambda w: f"<math><mfrac><mi>{w(1)}</mi><msup><mi>{w(1)}</mi><mtext>{w(1)}</mtext></msup></mfrac></math>{w(1)}",
    "spans": lambda w: f"<table><tr><th rowspan=3>{w(1)}<th colspan=2>{w(1)}<tr><td>{w(1)}<tr><td>{w(1)}<td>{w(1)}</table>",
    "numbers": lambda w: f"<ol start=3><li>{w(1)}<li value=9>{w(1)}<ol type=i><li>{w(1)}</ol>{w(1)}</ol>",
    "long": lambda w: f"<p>{w(400)}",
    "long cell": lambda w: f"<table><tr><td>{w(1)}<tr><td>{w(400)}</table>",
    "long item": lambda w: f"<ul><li>{w(400)}</ul>",
}  # fmt: skip
HTML_FRAMES = [
    ("<!doctype html><html><head><meta charset=utf-8><title>x</title></head><body>", "</body></html>"),
    ("<!doctype html><html><head><meta charset=utf-8><title>x</title><body>", ""),
    ("<html><head><link rel=x><body>", "</html>"),
    ("<title>x</title>", ""),
    ("<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><body>", "</body></html>"),
    ("", ""),
    ("<html><body><nav>", ""),
    ("<html><body><main><nav><ul><li>menu</ul></nav>", "</main>"),
]
RST: dict[str, Callable[[Words], str]] = {
    "title": lambda w: f"{(title := w(2))}\n{'=' * len(title)}",
    "section": lambda w: f"{(title := w(2))}\n{'-' * len(title)}",
    "paragraph": lambda w: f"{w(2)}\n{w(1)} ``{w(1)}`` :ref:`{w(1)} <x>` `{w(1)} <http://x>`_",
    "literal": lambda w: f"{w(1)}::\n\n    {w(1)}\n\n    {w(1)}",
    "list": lambda w: f"- {w(1)}\n  {w(1)}\n- {w(1)}",
    "code": lambda w: f".. code-block:: python\n   :linenos:\n\n   {w(1)}\n   :{w(1)}: {w(1)}",
    "note": lambda w: f".. note:: {w(1)}\n\n   {w(1)}\n\n   :ref:`{w(1)}`",
    "note with a role first": lambda w: f".. warning::\n\n   :ref:`{w(1)}` {w(1)}",
    "domain": lambda w: f".. py:function:: {w(1)}\n\n   {w(1)}",
    "math": lambda w: f".. math:: {w(1)}",
    "figure": lambda w: f".. figure:: x.png\n   :alt: y\n\n   {w(1)}",
    "footnote": lambda w: f".. [1] {w(1)}\n   {w(1)}",
    "citation": lambda w: f".. [{w(1)}] {w(1)}",
    "replacement": lambda w: f".. |x| replace:: {w(1)}",
    "comment": lambda w: f".. hidden\n\n{w(1)}",
    "empty comment": lambda w: f"..\n\n   {w(1)}\n\n   {w(1)}",
    "raised and lowered": lambda w: f"{w(1)}\\ :sup:`{w(1)}` {w(1)} :sub:`{w(1)}` {w(1)}",
    "code in a line": lambda w: f":code:`{w(1)}<{w(1)}>` :math:`{w(1)}`",
    "simple table": lambda w: f"===== =====\n{w(1)} {w(1)}\n===== =====\n{w(1)} {w(1)}\n===== =====",
    "table without rows": lambda w: f"===== =====\n{w(1)} {w(1)}\n===== =====",
    "table with a gap": lambda w: f"===== =====\n{w(1)} {w(1)}\n===== =====\n{w(1)} {w(1)}\n\n{w(1)} {w(1)}\n===== =====",
    "grid": lambda w: f"+-----+-----+\n| {w(1)} | {w(1)} |\n+=====+=====+\n| {w(1)} | {w(1)} |\n+-----+-----+",
    "grid of one row": lambda w: f"+-----+\n| {w(1)} |\n+-----+",
    "transition": lambda _: "----",
    "quote": lambda w: f"    {w(2)}",
    "fields": lambda w: f":author: {w(1)}\n:date: {w(1)}",
    "long": lambda w: w(400),
}  # fmt: skip


def _built(parts: dict[str, Callable[[Words], str]]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(parts)), min_size=1, max_size=8)


def _assert_all(text: str, blocks: Sequence[Block]) -> None:
    words = list(dict.fromkeys(_WORD.findall(text)))
    told = _told(blocks)
    only_headings = all(block.kind is BlockKind.HEADING for block in blocks)  # such a document is refused, and says why
    assert only_headings or told == words, text


@holds_for(25, 300, _built(MARKDOWN))
def test_markdown(names: list[str]) -> None:
    words = _counter()
    # Settings that a file begins with are front matter.
    text = "\n\n".join(MARKDOWN[name](words) for name in ("rule", *names))
    _assert_all(text, markdown.read(text))


OPENINGS = ["---\ntitle: x\n---\n", "---\ntitle: x\ntags: [a]\n...\n", "+++\ntitle = 'x'\n+++\n", "---\n---\n"]


@holds_for(15, 100, st.sampled_from(OPENINGS), _built(MARKDOWN), st.booleans())
def test_markdown_below_front_matter(opening: str, names: list[str], windows: bool) -> None:
    words = _counter()
    text = opening + "\n\n".join(MARKDOWN[name](words) for name in names)
    _assert_all(text, markdown.read(text.replace("\n", "\r\n") if windows else text))
    assert not any("title" in each.text for each in markdown.read(text))


LEFT_OPEN = ["```\n", "~~~ sh\n", "<pre>\n", "<div>\n", "> ", "- ", "---\ntitle\n", "---\n# x\n", "+++\n", "| "]


@holds_for(25, 200, st.sampled_from(LEFT_OPEN), _built(MARKDOWN))
def test_markdown_below_what_is_left_open(left_open: str, names: list[str]) -> None:
    words = _counter()
    text = left_open + words(1) + "\n" + "\n\n".join(MARKDOWN[name](words) for name in names)
    _assert_all(text, markdown.read(text))


@holds_for(25, 300, _built(HTML), st.sampled_from(HTML_FRAMES))
def test_html(names: list[str], frame: tuple[str, str]) -> None:
    words = _counter()
    text = "\n".join([frame[0], *(HTML[name](words) for name in names), frame[1]])
    _assert_all(text, html.read(text))


@holds_for(25, 300, _built(RST))
def test_restructured_text(names: list[str]) -> None:
    words = _counter()
    text = "\n\n".join(RST[name](words) for name in names)
    _assert_all(text, rst.read(text))


@holds_for(8, 60, st.lists(st.integers(1, 500), min_size=1, max_size=5), st.sampled_from(["\n\n", "\r\n\r\n", "\r\r", "\n \t\n"]))
def test_plain_text(lengths: list[int], between: str) -> None:
    words = _counter()
    text = between.join(words(length) for length in lengths)
    _assert_all(text, plain.read(text))
