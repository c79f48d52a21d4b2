"""The features of text in a language, to tell whether bytes were decoded correctly: letters, case, most frequent words.

A wrong encoding gives symbols inside words, letters that the language lacks, capitals after small letters, words
of two scripts, or syllables and characters that are very rare. The most frequent words and characters are common
knowledge of corpus linguistics; the required shares are far below those of any real page (a third of
its words, half of its characters) and far above those of wrongly decoded bytes (a few per cent).
"""

# ruff: noqa: RUF001 - letters of all scripts look like others, and are meant
from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any


class Writing(StrEnum):
    """The kind of a language's script, which decides how its text is recognized."""

    LATIN = "latin"
    ALPHABET = "alphabet"  # any other: words of letters
    KOREAN = "korean"
    JAPANESE = "japanese"
    CHINESE = "chinese"


@dataclass(frozen=True, slots=True)
class Profile:
    """A language: its encodings, its letters beyond ASCII, and its most frequent words, syllables or characters."""

    name: str
    writing: Writing
    encodings: tuple[str, ...]
    letters: frozenset[str]
    common: frozenset[str]


def _letters(small: str) -> frozenset[str]:
    return frozenset(small) | frozenset(small.upper()) - frozenset("S")


OF_ALL_WINDOWS = frozenset("‘’“”‚„–—…•€™‹›†‡‰§©«»®°±¶·\xa0\xad")
"""Signs with the same byte in every Windows code page: in a text without others, the code page doesn't matter."""
_SIGNS = OF_ALL_WINDOWS | frozenset("£¥¡¿²³¹¼½¾×÷ºª№")
_MISPLACED = re.compile(
    # A sign inside a word, except apostrophes and dashes; quotation marks, money and daggers in the place of letters.
    rf"[^\W\d_](?![’‘–—…\xad\xa0])[{''.join(sorted(_SIGNS))}](?=[^\W\d_])"
    r"|[^\W\d_][‚„†‡]|[€†‡‰®©™](?=[^\W\d_])|…(?=[A-Z])|(?<![^\W\d_])…(?=[a-z]{2})"
    # A dash beside a single letter, as if it were a letter itself.
    r"|(?<![^\W\d_])(?![aAI])[^\W\d_][–—](?=[^\W\d_])|[^\W\d_][–—](?![aAI])[^\W\d_](?![^\W\d_])"
)
_LOANED = _letters("áâäçéëíîóôöúüýß")
"""Letters common to the Western and Central European Windows pages: accepted in any Latin text, for names and loanwords."""
_ENGLISH = _letters("êàæåñøœôûù")


@functools.cache
def profiles() -> tuple[Profile, ...]:
    """The known languages."""
    rows = tomllib.loads(resources.files("seed").joinpath("languages.toml").read_text("utf-8"))["language"]
    return tuple(_profile(row) for row in rows)


def _profile(row: dict[str, Any]) -> Profile:
    writing = Writing(row["writing"])
    if writing in (Writing.LATIN, Writing.ALPHABET):
        # Without single-letter ASCII words, which occur in any language's text.
        common = frozenset(word for word in row["common"].split() if len(word) > 1 or not word.isascii())
    else:
        common = frozenset(row["common"])
    return Profile(row["name"], writing, tuple(row["encodings"]), _letters(row.get("letters", "")), common)


LAST_RESORT = frozenset({"mac_roman", "cp850", "mac_cyrillic"})
"""Encodings of old machines, tried only if nothing else fits: they have letters where others have quotation marks."""

_WORD = re.compile(r"[^\W\d_]+")
_COMMON_WORDS = 0.07
_COMMON_SIGNS = {Writing.KOREAN: 0.35, Writing.JAPANESE: 0.15, Writing.CHINESE: 0.2}
_FEWEST_SIGNS = 4
_PARTED_HAN = re.compile(r"[\u4e00-\u9fff] (?=[\u4e00-\u9fff])")


def share_of_common(profile: Profile, text: str, *, strict: bool = False) -> float:
    """The share of the language's most frequent words or signs in the text; 0 unless it is plainly of that language.

    With `strict`, letters of loanwords and foreign names count against it.
    """
    beyond = [character for character in text if character > "\x7f"]
    match profile.writing:
        case Writing.LATIN | Writing.ALPHABET:
            return _of_words(profile, text, set(beyond), strict=strict)
        case Writing.KOREAN:
            return _of_signs(profile, beyond, "\uac00", "\ud7a3", 0.8)
        case Writing.JAPANESE:
            return _of_signs(profile, beyond, "\u3040", "\u9fff", 0.7)
        case _:
            kana = sum("\u3040" <= character <= "\u30ff" for character in beyond)
            parted = len(_PARTED_HAN.findall(text))  # Chinese has no blanks between words; wrongly decoded Korean has
            return _of_signs(profile, beyond, "\u4e00", "\u9fff", 0.7) if max(kana, 2 * parted) < 0.1 * len(beyond) else 0.0


def has_only_common_signs(text: str) -> bool:
    """Whether the text has no characters beyond ASCII except signs that all Windows code pages share, placed as signs are."""
    beyond = [character for character in text if character > "\x7f"]
    return set(beyond) <= OF_ALL_WINDOWS and len(beyond) <= 0.2 * len(text) and not _MISPLACED.search(text)


def _of_signs(profile: Profile, beyond: list[str], first: str, last: str, share: float) -> float:
    own = [character for character in beyond if first <= character <= last]
    common = sum(character in profile.common for character in own)
    enough = len(own) >= max(_FEWEST_SIGNS, share * len(beyond)) and common >= _COMMON_SIGNS[profile.writing] * len(own)
    return common / len(own) if enough else 0.0


def _of_words(profile: Profile, text: str, beyond: set[str], *, strict: bool) -> float:
    latin = profile.writing is Writing.LATIN
    loaned = frozenset() if strict or not latin else _LOANED | _ENGLISH if profile.name == "English" else _LOANED
    if not beyond <= profile.letters | _SIGNS | loaned or _MISPLACED.search(text):
        return 0.0
    words = _WORD.findall(text)
    foreign = [word for word in words if not word.isascii()]
    if not all(_is_well_cased(word) and (len(word) > 1 or word.lower() in profile.common | _SIGNS) for word in foreign):
        return 0.0
    if latin:
        if profile.name == "English" and any(word[0].isupper() and set(word) & (_ENGLISH | _letters("èï")) for word in foreign):
            return 0.0  # a name, which could be of any language
        if sum(character > "\x7f" for word in foreign for character in word) > 0.3 * sum(map(len, words)):
            return 0.0
    elif sum(any("a" <= character <= "z" for character in word.lower()) for word in foreign) > 0.05 * len(words):
        return 0.0
    common_words = [word.lower() for word in words if word.lower() in profile.common]
    enough = len(set(common_words)) >= (1 if latin else 2) and len(common_words) >= _COMMON_WORDS * len(words)
    return len(common_words) / len(words) if enough else 0.0


def _is_well_cased(word: str) -> bool:
    return (
        word.islower() or word.isupper() or word[1:].islower() or not any(character.isupper() or character.islower() for character in word)
    )
