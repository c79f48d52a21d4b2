"""Which texts are symbols."""

from __future__ import annotations

import unicodedata

from seed.candle_files.verdicts import BadRow

LONGEST = 20
NOT_THERE = frozenset(
    {"nan", "NaN", "null", "none", "None", "nil", "<NA>", "NaT", "N/A", "n/a", "-", "--"}
    | {f"#{error}" for error in ("N/A", "NAME?", "REF!", "VALUE!", "DIV/0!", "NUM!", "NULL!")}
)
"""What pandas, databases and spreadsheets write where there is no symbol. NA, NAN and NULL are symbols."""


def symbol_of(text: str) -> str:
    """The symbol that `text` names, without blanks around it and in Unicode's composed form (NFC).

    One symbol has one spelling: a Mac writes 삼성 as five characters, other systems as two.
    Raises BadRow for words that say there is none, for more than 20 characters, and for characters that nobody sees (control
    characters, changes of direction).
    """
    symbol = unicodedata.normalize("NFC", text.strip())
    if symbol in NOT_THERE:
        raise BadRow(f"symbol is missing: {symbol!r}")
    if len(symbol) > LONGEST:
        raise BadRow(f"symbol has {len(symbol)} characters, {LONGEST} are allowed")
    unseen = next((character for character in symbol if not character.isprintable()), None)
    if unseen is not None:
        raise BadRow(f"symbol has a character that is not printed: U+{ord(unseen):04X}")
    return symbol


def is_plain(text: str) -> bool:
    """Whether `text` is a symbol as it stands."""
    return (
        0 < len(text) <= LONGEST
        and text == text.strip()
        and text.isprintable()
        and unicodedata.is_normalized("NFC", text)
        and text not in NOT_THERE
    )
