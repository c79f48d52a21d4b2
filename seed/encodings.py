"""Decodes files of unknown encoding: certain cases are read, uncertain ones are refused with the option that decides.

Marks (BOM), UTF-8 and a page's declaration are certain. Without them, the bytes are decoded in every common encoding, and a
result is accepted if it is plainly text of one language: by its letters, its case, its most frequent words or syllables. If no
result is, or several different ones are, the file is refused: no text is guessed into another script.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Collection

from core.errors import PlatformError
from seed.blocks import Unreadable
from seed.languages import LAST_RESORT, has_only_common_signs, profiles, share_of_common

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_ESCAPED = re.compile(rb"\x1b(?:\$[@-D]|\$\([@-G]|\$\)C|\([BIJ])")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_DECLARED = re.compile(
    rb"""<meta\b[^>]*\bcharset\s*=\s*["']?\s*(?P<meta>[\w.:+-]+)|^\s*<\?xml\b[^>]*\bencoding\s*=\s*["'](?P<xml>[\w.:+-]+)""", re.IGNORECASE
)
_ORDINARY = re.compile(
    r"[\t\n\r\x20-\x7e\xa0-\u024f\u0370-\u052f\u05d0-\u06ff\u0e00-\u0e7f\u2010-\u203a\u20ac\u2190-\u2193\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]"
)
"""Characters of nearly every text."""
_NEVER = frozenset(("Cn", "Co", "Cs"))
_LOOKED_AT = 4096
"""The bytes of a page that must contain its declaration; browsers look at the first 1,024."""
_WEB_NAMES = {
    "latin1": "cp1252", "iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "euc_kr": "cp949", "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs",
}  # fmt: skip
"""Encodings that replace a page's declared one, as in browsers (encoding.spec.whatwg.org, 4.2): they have more characters."""
_FEW_SIGNS = 6  # of an encoding with two bytes for a sign: too few to be certain by
_MOST_CONTROLS = 0.005
_JUDGED = 32_768
"""Bytes of a long file that decide its language; the whole file must be readable in the resulting encoding."""
_PARTS = 64
"""Parts of a file, of whole lines, that are checked separately for another encoding."""
_STRONGER = 3.0
"""The ratio of common words at which one of two results wins."""
_MAGIC = {b"%PDF-": ".pdf", b"PK\x03\x04": ".docx, .zip or the like", b"{\\rtf": ".rtf", b"\x1f\x8b": ".gz", b"\x89PNG": ".png"}


def known(name: str) -> str:
    """Python's name of the encoding given as `--encoding`. Raises PlatformError for an unknown one."""
    try:
        codec = codecs.lookup(name)
        "".encode(codec.name)
    except (LookupError, ValueError):
        raise PlatformError(
            f"encoding {name!r} is unknown",
            where="--encoding",
            next_step="name one such as cp1252, cp949, utf-16-le, koi8-r, shift_jis, gb18030",
        ) from None
    return codec.name


def decode(data: bytes, encoding: str | None = None, *, declares: bool = False) -> str:
    """The text of a file, composed (NFC). `encoding` is for text without a mark that isn't UTF-8; a page may declare its own.

    Raises Unreadable for anything but text, and for text of uncertain encoding, with the option that decides it.
    """
    for magic, suffix in _MAGIC.items():
        if data.startswith(magic):
            raise Unreadable(f"not text: its content is that of a {suffix} file")
    text = _text(data, encoding, _declared(data) if declares else None)
    if len(_CONTROLS.findall(text)) > _MOST_CONTROLS * len(text):
        raise Unreadable("not text: it has control characters")
    return unicodedata.normalize("NFC", text)


def _text(data: bytes, encoding: str | None, declared: str | None) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strictly(data, name, f"begins like {name} and is not")
    plain = b"\0" not in data and not _ESCAPED.search(data)
    if plain:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            if encoding is None:
                _refuse_mixed(data, error)
    if encoding:
        return _strictly(data, encoding, f"is not {encoding}")
    if b"\0" in data:
        return _wide(data)
    if not plain:
        return _escaped(data, declared)
    return _of_one_language(data, declared)


def _strictly(data: bytes, name: str, problem: str) -> str:
    try:
        return data.decode(name)
    except UnicodeError as error:
        place = f"{error.reason} at byte {error.start}" if isinstance(error, UnicodeDecodeError) else str(error)
        raise Unreadable(f"{problem}: {place}") from error


def _refuse_mixed(data: bytes, error: UnicodeDecodeError) -> None:
    """Raise for UTF-8 with a few other bytes: any single encoding would read a part of it wrongly."""
    beyond = sum(byte > 0x7F for byte in data)
    if sum(len(match) for match in _SEQUENCE.findall(data)) < 0.5 * beyond:
        return
    line = data.count(b"\n", 0, error.start) + 1
    byte = data[error.start]
    raise Unreadable(f"mixed: UTF-8, but for byte 0x{byte:02x} in line {line}; fix that line, or give the file's encoding with --encoding")


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: certain if only one byte order gives text, or if the other has hardly any ASCII."""
    readings: dict[str, int] = {}
    for name in ("utf-16-le", "utf-16-be"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if len(_ORDINARY.findall(text)) >= 0.95 * len(text) and not any(unicodedata.category(character) in _NEVER for character in text):
            readings[text] = sum(character < "\x7f" for character in text)
    likely = [text for text, count in readings.items() if all(count > 10 * other for reading, other in readings.items() if reading != text)]
    if len(likely) != 1:
        raise Unreadable("not text: it has zero bytes; if it is text, give its encoding, such as --encoding utf-16-le")
    return likely[0]


def _escaped(data: bytes, declared: str | None) -> str:
    """The 7-bit encodings of mail, which change their characters by escape sequences; otherwise a program's coloured output."""
    for name in dict.fromkeys(
        name for name in (declared, "iso2022_jp", "iso2022_jp_2", "iso2022_kr") if name and name.startswith("iso2022")
    ):
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    raise Unreadable("its encoding is not certain: it has escape sequences; give it, such as --encoding iso2022_jp")


def _of_one_language(data: bytes, declared: str | None) -> str:
    try:
        # Unless the signs are letters of an old machine's encoding, where a dash may have been an n with tilde.
        if has_only_common_signs(text := data.decode("cp1252")) and not _plain_in(data, LAST_RESORT, _judged(data)):
            return text
    except UnicodeDecodeError:
        pass
    readings = candidates(data)
    if declared:
        text = _strictly(data, declared, f"declares {declared} and is not")
        if readings and text not in readings.values():
            raise Unreadable(f"declares {declared} but looks like {' or '.join(readings)}: give the right one with --encoding")
        return text
    texts = set(readings.values())
    if len(texts) == 1 and not _few_of_two_bytes(text := texts.pop(), data):
        _refuse_halves(data, next(iter(readings)))
        return text
    likely = f"it may be {' or '.join(readings)}" if readings else "no language shows in it; older Western files are often cp1252"
    raise Unreadable(f"its encoding is not certain: {likely}; give it, such as --encoding {min(readings, default='cp1252')}")


def _few_of_two_bytes(text: str, data: bytes) -> bool:
    """Whether it has only a few signs, of two bytes each: a few letters of KOI8-R are common Chinese signs by chance."""
    return len(text) < len(data) and sum(not sign.isascii() for sign in text) < _FEW_SIGNS


def _refuse_halves(data: bytes, name: str) -> None:
    """Raise if a part of the data is plainly text of another encoding, and not of this one."""
    lines = data.splitlines(keepends=True)
    step = max(1, len(lines) // _PARTS)
    for first in range(0, len(lines), step):
        part = _sample(lines[first : first + step], _JUDGED // _PARTS)
        if part and (others := candidates(part)) and name not in others and not _shares(part, (name,)).get(name):
            mixture = f"{name}, but from line {first + 1} on {' or '.join(others)}"
            raise Unreadable(f"mixed: {mixture}; split the file where its encoding changes, or give its encoding with --encoding")


def _sample(lines: list[bytes], size: int) -> bytes:
    """Whole lines with non-ASCII bytes, from all over the data, about `size` bytes together."""
    telling = [line for line in lines if not line.isascii()]
    if sum(map(len, telling)) <= size:
        return b"".join(telling)
    step = max(1, sum(map(len, telling)) // size)
    return b"".join(telling[::step])


def candidates(data: bytes) -> dict[str, str]:
    """Encoding to text, for each encoding that gives plain text of a language; much weaker results are left out."""
    return _plain_in(data, {name for profile in profiles() for name in profile.encodings}, _judged(data))


def _judged(data: bytes) -> bytes:
    return data if len(data) <= _JUDGED else _sample(data.splitlines(keepends=True), _JUDGED)


def _plain_in(data: bytes, names: Collection[str], judged: bytes) -> dict[str, str]:
    texts: dict[str, str] = {}
    shares = _shares(judged, names)
    for name in [name for name, share in shares.items() if share]:
        try:
            texts[name] = data.decode(name)
        except UnicodeDecodeError:
            del shares[name]
    best = max(shares.values(), default=0.0)
    return {name: texts[name] for name, share in shares.items() if share * _STRONGER > best}


def _shares(data: bytes, names: Collection[str]) -> dict[str, float]:
    """Encoding to the share of the most frequent words or signs of a language in the data."""
    shares: dict[str, float] = {}
    for name in sorted(names):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        strict = name in LAST_RESORT
        shares[name] = max(share_of_common(profile, text, strict=strict) for profile in profiles() if name in profile.encodings)
    return shares


def _declared(data: bytes) -> str | None:
    """The encoding that a page declares, by Python's name; None if it declares no known one."""
    head = re.sub(rb"<!--.*?-->", b"", data[:_LOOKED_AT], flags=re.DOTALL)
    match = _DECLARED.search(head)
    if match is None:
        return None
    label = (match["meta"] or match["xml"]).decode("ascii").lower()
    for spelled in (label, label.removeprefix("x-"), re.sub(r"^(?:windows|cp)-", "cp", label)):
        try:
            name = codecs.lookup(spelled).name
            b"".decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
        # A declaration that can be read byte by byte is not in a two-byte encoding.
        return None if name.startswith(("utf-16", "utf-32")) else _WEB_NAMES.get(name, name)
    return None
