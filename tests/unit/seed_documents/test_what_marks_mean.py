"""What small marks of a document change in its meaning: powers, notes, struck text, fractions, numbers of items, cells that span others."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from seed.blocks import Block, BlockKind, Unreadable
from seed.readers import html, markdown, rst
from tests.support.cases import holds_for


def told(page: str) -> str:
    return "\n".join("\n".join(filter(None, (each.header, each.text))) for each in html.read(page))


@pytest.mark.parametrize(
    ("page", "text"),
    [
        # Never 106, 1001 or 2n.
        ("at most 10<sup>6</sup> rows", "at most 10^6 rows"),
        ("10<sup>-4</sup>", "10^-4"),
        ("10<sup>\u22124</sup>", "10^\u22124"),
        ("10<sup><b>6</b></sup>", "10^6"),
        ("10<sup> 6 </sup>5", "10^6 5"),
        ("2<sup>n</sup>", "2^n"),
        ("e<sup>-x / 2</sup>", "e^(-x / 2)"),
        ("(a+b)<sup>2</sup>", "(a+b)^2"),
        ("fee of 100<sup>1</sup> won", "fee of 100^1 won"),
        ("2<sup>2<sup>3</sup></sup>", "2^(2^3)"),
        ("a note<sup>[1]</sup>, 5<sup>*</sup> and 20<sup>°</sup>", "a note[1], 5* and 20°"),
        ("1<sup>st</sup> and 2<sup>e</sup>, Brand<sup>TM</sup>", "1st and 2e, BrandTM"),
        ("apart <sup>1</sup>", "apart 1"),
        ("<sup>1</sup>/<sub>2</sub>", "1/2"),
        ("3<sup>1</sup>/<sub>2</sub> shares", "3 1/2 shares"),
        ("3<sup>1</sup>\u2044<sub>2</sub>", "3 1\u20442"),
        ("H<sub>2</sub>SO<sub>4</sub>", "H2SO4"),
        ("101<sub>2</sub>", "101_2"),
        ("log<sub>2</sub>8", "log2 8"),
        ("<pre>10<sup>6</sup></pre>", "```\n10^6"),
        ("<h2>10<sup>6</sup></h2>", "10^6"),
        # Never 100200.
        ("The limit is <del>100</del><ins>200</ins>.", "The limit is ~~100~~200."),
        ("<s> 100 </s>90 <strike>80</strike>", "~~100~~ 90 ~~80~~"),
        ("<span style='color:red; Text-Decoration: line-through'>100</span> 90", "~~100~~ 90"),
        ("<s>a <del>b</del> c</s>d", "~~a b c~~d"),
        ("<del></del>1<del> </del>2", "1 2"),
        ("<del><p>a</p><p>b</p></del><p>c", "~~a~~\n~~b~~\nc"),
        ("<ul><li style='text-decoration:line-through'>old<li>new</ul>", "- ~~old~~\n- new"),
        (
            "<table><tr><th>n<tr><td><s>1</s> 2<tr style=text-decoration:line-through><td>3</table>",
            "| n |\n| --- |\n| ~~1~~ 2 |\n| ~~3~~ |",
        ),
        # A bar is no stroke: never 2/3.
        ("<table><tr><th>n<tr><td>2|3</table>", "| n |\n| --- |\n| 2\\|3 |"),
    ],
)  # fmt: skip
def test_pages(page: str, text: str) -> None:
    assert told(page) == text


MATH = [
    ("<mfrac><mn>1</mn><mn>2</mn></mfrac>", "1/2"),
    ("<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>", "(a + b)/2"),
    ("<msup><mn>10</mn><mn>6</mn></msup>", "10^6"),
    ("<msub><mi>x</mi><mn>1</mn></msub><mn>2</mn>", "x_1 2"),
    ("<msubsup><mi>x</mi><mi>i</mi><mrow><mi>n</mi><mo>-</mo><mn>1</mn></mrow></msubsup>", "x_i^(n - 1)"),
    ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><mi>x</mi>", "(∑)_(i = 1)^n x"),
    ("<msqrt><mn>2</mn><mi>x</mi></msqrt>", "√(2 x)"),
    ("<mroot><mn>8</mn><mn>3</mn></mroot>", "8^(1/3)"),
    ("<mfrac linethickness=0><mi>n</mi><mi>k</mi></mfrac>", "n over k"),
    ("<mn>1</mn><mo>\u2062</mo><mn>2</mn>", "1 2"),
    ("<mfrac><mrow></mrow><mn>2</mn></mfrac>", "()/2"),
    ("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr><mtr><mtd><mn>3</mn></mtd></mtr></mtable>", "1, 2; 3"),
    ("<mfenced><mn>1</mn><mn>2</mn></mfenced>", "(1, 2)"),
    ("<semantics><mn>7</mn><annotation encoding='application/x-tex'>x^{2}</annotation></semantics>", "x^{2}"),
    ("<semantics><mn>7</mn><annotation-xml><cn>7</cn></annotation-xml></semantics>", "7"),
    ("<mphantom><mn>7</mn></mphantom><mi>x</mi>", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "text"), MATH)
def test_formulas(formula: str, text: str) -> None:
    assert told(f"<p>is<math>{formula}</math>here") == f"is {text} here"


def test_a_formula_is_told_in_the_authors_words() -> None:
    assert told("<math alttext='x^2'><msup><mi>x</mi><mn>2</mn></msup></math>") == "x^2"
    assert told(f"<math>{'<mrow>' * 400}<mn>1</mn>{'</mrow>' * 400}</math>") == "1"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        ("<ol start=9><li>a<li value=3>b<li>c</ol>", "9. a\n3. b\n4. c"),
        ("<ol reversed start=2><li>a<li>b</ol>", "2. a\n1. b"),
        ("<ol reversed><li>a</ol>", "- a"),
        ("<ol type=a start=26><li>a<li>b</ol>", "z. a\naa. b"),
        ("<ol type=I start=4><li>a</ol><ol type=i start=1999><li>b</ol>", "IV. a\nmcmxcix. b"),
        ("<ol><li><p>a</p><p>b</p><ul><li>c</ul>d<li>e</ol>", "1. a b\n  - c\n- d\n2. e"),
        ("<ol><li><ol><li>a</ol><li>b</ol>", "  1. a\n2. b"),
    ],
)
def test_items_keep_their_numbers(page: str, text: str) -> None:
    assert told(page) == text


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        # Never a bid under "symbol".
        (
            "<tr><th rowspan=2>symbol<th colspan=2>price<tr><th>bid<th>ask<tr><td rowspan=2>IBM<td>1<td>2<tr><td>3<td>4",
            "| symbol | price | price |\n| --- | --- | --- |\n| symbol | bid | ask |\n| IBM | 1 | 2 |\n| IBM | 3 | 4 |",
        ),
        ("<tr><td rowspan=0>a<td>b<tr><td>c<tr><td>d", "| a | b |\n| --- | --- |\n| a | c |\n| a | d |"),
        ("<tr><td>a<td>b<tr><td><td rowspan=2>c<tr><td>d", "| a | b |\n| --- | --- |\n|  | c |\n| d | c |"),
        # A title is told once, however wide it is said to be.
        ("<tr><th colspan=100>Fees<tr><td>a<td>1", "| Fees |\n| --- |\n| a | 1 |"),
        ("<tr><td>a<td colspan=99>b<tr><td>c<td>d<td>e", "| a | b | b |\n| --- | --- | --- |\n| c | d | e |"),
        ("<tr><td colspan=x rowspan=-1>a<td colspan=0>b", "| a | b |\n| --- | --- |"),
    ],
)
def test_each_value_stays_under_its_heading(rows: str, text: str) -> None:
    assert told(f"<table>{rows}</table>") == text


def test_a_table_that_grows_out_of_hand_is_refused() -> None:
    wide = "".join(f"<td rowspan=60000>{number} and more" for number in range(900))
    with pytest.raises(Unreadable, match="mend colspan and rowspan"):
        html.read(f"<table><tr>{wide}{'<tr><td>a' * 2000}</table>")


def rectangles(cuts: list[tuple[int, int, int, int]]) -> list[list[int]]:
    """A grid of five columns and four rows, cut into rectangles: each place with the number of its own."""
    grid = [[0] * 5 for _ in range(4)]
    for number, (top, left, height, width) in enumerate(cuts, 1):
        places = [(row, column) for row in range(top, min(4, top + height)) for column in range(left, min(5, left + width))]
        if all(grid[row][column] == 0 for row, column in places):
            for row, column in places:
                grid[row][column] = number
    numbers = iter(range(100, 200))
    return [[each or next(numbers) for each in row] for row in grid]


@holds_for(30, 400, st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(1, 4), st.integers(1, 5)), max_size=6))
def test_spans_of_any_shape(cuts: list[tuple[int, int, int, int]]) -> None:
    grid = rectangles(cuts)
    seen: set[int] = set()
    rows = ""
    for line in grid:
        rows += "<tr>"
        for number in dict.fromkeys(line):
            if number not in seen:
                seen.add(number)
                rows += f"<td colspan={line.count(number)} rowspan={sum(number in each for each in grid)}>v{number}"
    lines = told(f"<table>{rows}</table>").split("\n")
    del lines[1:2]  # the rule below the heading
    told_rows = [line.strip("| ").split(" | ") for line in lines]
    own = [[f"v{number}" for number in line] for line in grid]
    # A row without cells of its own tells nothing new; a row that is one cell is told once; no cell begins beyond the last told column.
    seen.clear()
    wanted = []
    for told_line, numbers in zip(own, grid, strict=True):
        if not set(numbers) <= seen:
            wanted.append(told_line)
        seen |= set(numbers)
    assert [list(dict.fromkeys(row)) for row in told_rows] == [list(dict.fromkeys(each)) for each in wanted]
    assert all(len(set(full)) == 1 or short == full[: len(short)] for short, full in zip(told_rows, wanted, strict=True))


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("# 10<sup>6</sup> rows", "10^6 rows"),
        ("# <del>100</del>200 won", "~~100~~200 won"),
        ("# 10<br>000", "10 000"),
        ("# a <b>bold</b> one, Vec&lt;T&gt; `x<y>`", "a bold one, Vec<T> x<y>"),
        ("# 10<sup>6", "10^6"),
    ],
)
def test_headings_of_markdown(text: str, heading: str) -> None:
    assert [(each.kind, each.text) for each in markdown.read(text)] == [(BlockKind.HEADING, heading)]


def test_what_follows_an_empty_comment_is_shown() -> None:
    """Two dots and nothing else end what is above them; what is indented below is a quotation (docutils, "Comments")."""
    assert rst.read("text\n\n..\n\n   A quotation.\n\n.. a comment\n\n   still the comment\n\nend") == [
        Block(BlockKind.TEXT, "text"),
        Block(BlockKind.TEXT, "A quotation."),
        Block(BlockKind.TEXT, "end"),
    ]
    assert rst.read("..\n   a comment\n\nend") == [Block(BlockKind.TEXT, "end")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10\\ :sup:`6` rows", "10^6 rows"),
        ("10\\ :superscript:`-4`\\ m", "10^-4m"),
        ("10\\ :sup:`6`\\ 5", "10^6 5"),
        ("H\\ :sub:`2`\\ O and 101\\ :sub:`2`", "H2O and 101_2"),
        (":code:`List<int>` and :math:`a <b>`", "List<int> and a <b>"),
        (":ref:`shown <target>` :py:class:`Foo` :doc:`<x>`", "shown Foo <x>"),
    ],
)
def test_roles_of_restructured_text(text: str, shown: str) -> None:
    assert rst.read(text) == [Block(BlockKind.TEXT, shown)]
