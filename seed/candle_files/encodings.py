"""Bytes to text: the first bytes show the encoding, else it is UTF-8 or the user's choice."""

from __future__ import annotations

import codecs
import io
from typing import IO, Any, cast

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KOREAN = ("일자", "종가", "시가", "고가", "저가", "거래량")


def encoding_of(start: bytes, chosen: str | None) -> str:
    """The encoding that the first bytes prove, or the chosen one; utf-8 by default."""
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    if chosen is not None:
        return codecs.lookup(chosen).name
    sample = start[: len(start) // 2 * 2]
    if b"\0" in sample:
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        if not even and odd > len(sample) // 4:
            return "utf-16-le"
        if not odd and even > len(sample) // 4:
            return "utf-16-be"
    if not _is_utf8(start) and all(word in start.decode("cp949", errors="replace") for word in _KOREAN):
        # These words are Korean in these bytes, and in no other encoding a header of prices.
        return "cp949"
    return "utf-8"


def _is_utf8(data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def ends_with_cr(start: bytes, encoding: str) -> bool:
    """Whether lines end with a carriage return only, as on old Macintoshes."""
    text = start.decode(encoding, errors="replace")
    return "\r" in text.rstrip("\r") and "\n" not in text


def as_utf8(stream: IO[bytes], encoding: str, *, only_cr: bool = False) -> IO[bytes]:
    """The stream in UTF-8 with newlines. Undecodable bytes become U+FFFD, which the row reader reports."""
    if encoding == "utf-8" and not only_cr:
        return stream
    return cast("IO[bytes]", io.BufferedReader(_Recoded(stream, encoding, only_cr=only_cr), 1 << 17))


class _Recoded(io.RawIOBase):
    def __init__(self, source: IO[bytes], encoding: str, *, only_cr: bool) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._only_cr = only_cr
        self._output = b""
        self._ended = False

    def readable(self) -> bool:
        """This stream is readable."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer."""
        while not self._output and not self._ended:
            data = self._source.read(1 << 17)
            self._ended = not data
            text = self._decoder.decode(data, final=self._ended)
            # A lone surrogate can't be encoded in UTF-8.
            self._output = (text.replace("\r", "\n") if self._only_cr else text).encode("utf-8", errors="replace")
        count = min(len(buffer), len(self._output))
        buffer[:count], self._output = self._output[:count], self._output[count:]
        return count
