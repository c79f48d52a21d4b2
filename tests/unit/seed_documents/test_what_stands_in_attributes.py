"""What a reader sees though it is no text of the document: filled fields, ticked boxes, words of pictures, heads of tables."""

from __future__ import annotations

import pytest

from seed.blocks import Block
from seed.readers import html, rst


def told(blocks: list[Block]) -> str:
    return "\n".join("\n".join(filter(None, (each.header, each.text))) for each in blocks)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("Limit <input value=5> units", "Limit 5 units"),
        ("<input type=number value=5><input type=hidden value=6><input type=password value=7><input type=submit value=Send>", "5 Send"),
        ("<ul><li><input type=checkbox checked>live<li><input type=checkbox>paper</ul>", "- [x] live\n- [ ] paper"),
        ("<input type=RADIO CHECKED>a <input type=radio>b", "[x] a [ ] b"),
        ("before<img src=x.png alt='fees: 5 %'>after<img src=y.png alt>", "before fees: 5 % after"),
        # Never 930 or 45.
        ("<output>9</output><progress>30</progress>", "9 30"),
        ("<canvas>4</canvas><object>5</object><svg><text>6</text></svg>", "4 5 6"),
    ],
)
def test_pages(page: str, text: str) -> None:
    assert told(html.read(page)) == text


@pytest.mark.parametrize(
    ("document", "text"),
    [
        # Never a bare number.
        (".. versionchanged:: 2.0\n   The limit is 6.\n", "Changed in version 2.0\nThe limit is 6."),
        (".. deprecated:: 1.0\n", "Deprecated since version 1.0"),
        (".. csv-table:: Fees\n   :header: kind, fee\n   :widths: 1, 2\n\n   maker, 5\n", "Fees\nkind, fee\nmaker, 5"),
        (".. image:: x.png\n   :alt: fees are 5 %\n   :width: 300\n", "fees are 5 %"),
        (".. code-block:: python\n   :caption: at most 5\n   :linenos:\n\n   limit()\n", "at most 5\n```\nlimit()"),
        (".. only:: html\n\n   The limit is 5.\n", "The limit is 5."),
    ],
)
def test_restructured_text(document: str, text: str) -> None:
    assert told(rst.read(document)) == text
