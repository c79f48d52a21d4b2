"""Numbers in files: the decimal sign and the thousands separator."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import numpy as np

from seed.candle_files.verdicts import BadRow

PLACES = 4
"""Decimals in the table: numeric(19, 4)."""
DECIMALS = {".": ".", ",": ",", "point": ".", "dot": ".", "comma": ","}
BLANKS = " \u00a0\u202f\u2009"
APOSTROPHES = "'\u2019"
THOUSANDS = {
    ".": ".",
    ",": ",",
    "point": ".",
    "dot": ".",
    "comma": ",",
    "blank": BLANKS,
    "space": BLANKS,
    " ": BLANKS,
    "'": APOSTROPHES,
    "apostrophe": APOSTROPHES,
    "none": "",
}
_LIMIT = Decimal(10) ** 15
_TICK = Decimal(1).scaleb(-PLACES)
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_MISSING = frozenset({"", "-", "--", "\u2013", "n/a", "#n/a", "na", "<na>", "null", "none", "nil", "missing"})
_FACTORS = {"K": 3, "k": 3, "M": 6, "B": 9, "T": 12}
# A price converted from a binary fraction has this many digits; no market quotes so many.
_FLOAT_DIGITS = 15


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """`decimal` precedes the decimals; one of `thousands` may separate groups of three, the same one within a number."""

    decimal: str = "."
    thousands: str = "," + BLANKS + APOSTROPHES

    def plain(self, text: str) -> str | None:
        """The number with a point and without groups; None if it isn't written in this style."""
        match = _pattern(self.decimal, self.thousands).fullmatch(text)
        if match is None or (match["grouped"] and match["power"]):
            return None
        whole = match["whole"] or match["grouped"] or ""
        if match["sign_of_group"]:
            whole = whole.replace(match["sign_of_group"], "")
        return (
            f"{match['sign']}{whole}{'.' + match['rest'] if match['rest'] else ''}{match['power'] or ''}"
            if whole or match["rest"]
            else None
        )


POINT = NumberStyle()
COMMA = NumberStyle(",", "." + BLANKS + APOSTROPHES)


class Number(NamedTuple):
    """A number as the table stores it, and whether that differs from the file's."""

    exact: Decimal
    stored: Decimal
    rounded: bool


@cache
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    # A group can't begin with a zero: 0.123 is not a thousand. Groups have three digits, as in most of the world.
    grouped = (
        rf"[1-9]\d{{0,2}}(?P<sign_of_group>[{re.escape(thousands)}])\d{{3}}(?:(?P=sign_of_group)\d{{3}})*"
        if thousands
        else "(?!)(?P<sign_of_group>)"
    )
    return re.compile(
        rf"(?P<sign>[+-]?)(?:(?P<grouped>{grouped})|(?P<whole>\d*))(?:{re.escape(decimal)}(?P<rest>\d*))?(?P<power>[eE][+-]?\d{{1,4}})?",
        re.ASCII,
    )


def bare(name: str, text: str) -> tuple[str, int]:
    """The number without a dollar sign, and the power of ten for K, M, B or T after a volume."""
    text = text.strip()
    if name == "volume" and len(text) > 1 and text[-1] in _FACTORS and (text[-2].isdigit() or text[-2] in "., "):
        return text[:-1].rstrip(), _FACTORS[text[-1]]
    if text[:1] == "$":
        return text[1:], 0
    return (text[0] + text[2:], 0) if text[:2] in {"-$", "+$"} else (text, 0)


def is_missing(text: str) -> bool:
    """Whether the field only says that there is no value."""
    return text.strip().lower() in _MISSING


def parse_number(name: str, text: str, style: NumberStyle = POINT, *, may_round: bool = False) -> Number:
    """A finite decimal that fits the table.

    A number with more decimals than the table keeps is rounded, half away from zero like in the server, if `may_round`, or if it
    is a four-place decimal that went through a binary fraction (133.52000427246094). Raises BadRow for any other.
    """
    if is_missing(text):
        raise BadRow(f"{name} is missing{f': {text.strip()!r}' if text.strip() else ''}")
    if text.strip().lower().lstrip("+-") == "nan":
        raise BadRow(f"{name} is NaN")
    digits, power = bare(name, text)
    plain = digits if style is POINT and _PLAIN.fullmatch(digits) else style.plain(digits)
    if plain is None:
        hint = (
            ""
            if not re.search(r"\d[.,]\d", digits)
            else f": decimals are read after {style.decimal!r}, else give --decimal and --thousands"
        )
        raise BadRow(f"{name} is not a number: {text.strip()[:40]!r}{hint}")
    value = Decimal(plain).scaleb(power)
    if abs(value) >= _LIMIT:
        raise BadRow(f"{name} is too large")
    stored = value.quantize(_TICK, "ROUND_HALF_UP")
    if abs(stored) >= _LIMIT:
        raise BadRow(f"{name} is too large")
    if stored == value:
        return Number(value, stored, rounded=False)
    if _was_a_float(value, stored):
        return Number(stored, stored, rounded=True)
    if may_round and (stored or name == "volume"):
        return Number(value, stored, rounded=True)
    if not stored:
        raise BadRow(f"{name} {plain} would be rounded to 0: the table keeps {PLACES} decimals; give the price of 1000 units or more")
    raise BadRow(f"{name} {plain} has more than the {PLACES} decimals that the table keeps: --round would store {stored}")


def _was_a_float(value: Decimal, stored: Decimal) -> bool:
    """Whether `value` is `stored` after a conversion to single or double precision."""
    if not stored or len(value.as_tuple().digits) < _FLOAT_DIGITS:
        return False
    with np.errstate(over="ignore"):
        single = float(np.float32(stored)) == float(value)
    # A sum of a few products is off by some units in the last place.
    return single or abs(value - stored) <= abs(stored).scaleb(-15) * 4
