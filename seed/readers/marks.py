"""What small marks of a text mean: a raised number is no further digit, struck text no longer holds, items have numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

SCRIPTS = frozenset(("sup", "sub"))
STRIKES = frozenset(("del", "s", "strike"))
_AS_THEY_ARE = frozenset(["st", "nd", "rd", "th", "er", "re", "ers", "e", "eme", "ème", "nde", "de", "o", "a", "tm", "sm"])
"""Endings of ordinals, and marks of trade: raised, but not read as a power."""
_SIMPLE = re.compile(r"[-+\u2212]?[\w.,]+")
_POWER = re.compile(r"\^(\d+)")
_STROKES = ("/", "\u2044", "\u2215")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"),
          (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


def settle(tag: str, begin: int, parts: list[str]) -> None:
    """An element with a mark is complete: `parts` from `begin` on. Write it so that it can't be taken for a part of what is before it."""
    text = "".join(parts[begin:])
    before = next((part for part in reversed(parts[:begin]) if part), "")
    if tag in STRIKES:
        strike(parts, begin)
    elif tag == "sup":
        parts[begin:] = [raised(before, text)]
    elif begin > 1 and parts[begin - 1].strip() in _STROKES and (power := _POWER.fullmatch(parts[begin - 2])):
        parts[begin - 2] = f" {power[1]}"  # 3 1/2, and no power
    else:
        parts[begin:] = [lowered(before, text)]


def lowered(before: str, inner: str) -> str:
    """A lowered text behind another: H2O, but 101_2."""
    text = inner.strip()
    return f"_{text}" if before[-1:].isdigit() and text[:1].isdigit() else inner


def raised(before: str, inner: str) -> str:
    """A raised text behind another: 10^6, 2^(n + 1), but 1st."""
    text = " ".join(inner.split())
    joined = before[-1:].isalnum() or before[-1:] in tuple(")]}")
    # A note's number in brackets, a star or a degree sign can't be mistaken.
    if not joined or text[:1] in tuple("([{") or not any(sign.isalnum() for sign in text) or text.casefold() in _AS_THEY_ARE:
        return inner
    return f"^{text}" if _SIMPLE.fullmatch(text) else f"^({text})"


def strike(parts: list[str], begin: int) -> None:
    """Mark `parts` from `begin` on as struck out, as Markdown does."""
    text = "".join(parts[begin:])
    if bare := text.strip():
        lead, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        parts[begin:] = [f"{lead}~~{bare}~~{tail}"]


def is_struck(tag: str, attributes: Mapping[str, str | None]) -> bool:
    """Whether an element's text is shown as no longer valid."""
    return tag in STRIKES or "line-through" in (attributes.get("style") or "").lower()


@dataclass(slots=True)
class Numbers:
    """The numbers of a list's items, as the page shows them."""

    kind: str = "1"
    following: int = 1
    step: int = 1

    @classmethod
    def of(cls, attributes: Mapping[str, str | None]) -> Numbers | None:
        """Those of an `<ol>`; None for one that counts down from an unknown number."""
        start = _whole(attributes.get("start"))
        if "reversed" in attributes and start is None:
            return None
        return cls(attributes.get("type") or "1", 1 if start is None else start, -1 if "reversed" in attributes else 1)

    def take(self, value: str | None) -> str:
        """The next item's number; `value` is one of its own."""
        number = self.following if (own := _whole(value)) is None else own
        self.following = number + self.step
        return f"{_numeral(number, self.kind)}."


def _whole(text: str | None) -> int | None:
    match = re.match(r"\s*([-+]?\d{1,9})", text or "")
    return int(match[1]) if match else None


def _numeral(number: int, kind: str) -> str:
    if kind in ("i", "I") and 0 < number < 4000:
        numeral = ""
        for value, signs in _ROMAN:
            count, number = divmod(number, value)
            numeral += signs * count
    elif kind in ("a", "A") and number > 0:
        numeral = ""
        while number:
            number, letter = divmod(number - 1, 26)
            numeral = chr(ord("a") + letter) + numeral
    else:
        return str(number)
    return numeral.upper() if kind.isupper() else numeral
