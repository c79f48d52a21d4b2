"""Estimates the number of tokens of a text without a vocabulary.

Tuned as an upper bound of the bundled model's own counts on this project's Korean and English documents: a chunk within
the estimate fits the model's window.
"""

from __future__ import annotations

import math
import re

_PIECES = re.compile(
    r"(?P<latin>[A-Za-z]+)|(?P<digits>\d+)|(?P<wide>[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7a3]+)|(?P<mark>\S)"
)
_LETTERS_PER_TOKEN = 3.8
_LETTERS_PER_ODD_TOKEN = 1.7
_ODD = re.compile(r"[A-Z]{4}|[a-z][A-Z]|[b-df-hj-np-tv-xz]{5}|^[^aeiouyAEIOUY]{4}", re.ASCII)
"""Letter sequences of no language: ids, keys and other codes, of which a vocabulary has pairs at most."""
_DIGITS_PER_TOKEN = 2.5
_SYLLABLES_PER_TOKEN = 1.35
_FRAME = 6  # the model's additions to a text: its marks, and the word for query or passage


def estimate(text: str) -> int:
    """Tokens that a model with a sentence-piece vocabulary sees in `text`, its own marks included; never less than 1."""
    total = 0.0
    for piece in _PIECES.finditer(text):
        length = piece.end() - piece.start()
        match piece.lastgroup:
            case "latin":
                odd = length > 3 and _ODD.search(piece.group())
                total += max(1.0, length / (_LETTERS_PER_ODD_TOKEN if odd else _LETTERS_PER_TOKEN))
            case "digits":
                total += max(1.0, length / _DIGITS_PER_TOKEN)
            case "wide":
                total += max(1.0, length / _SYLLABLES_PER_TOKEN)
            case _:
                total += 1.0
    return math.ceil(total) + _FRAME
