"""Text of any encoding is read as it was written, or refused with the option that decides: never as another script."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import strategies as st

from core.errors import PlatformError
from infra.connections import ROOT
from seed import encodings, sources
from seed.blocks import Unreadable
from seed.passages import passages_of
from tests.support.cases import holds_for, in_make_test
from tests.unit.seed_documents.texts_of_languages import OLD_ENCODINGS

CASES = ROOT / "tests" / "data" / "documents"
ALL = [(text, name) for text, names in OLD_ENCODINGS.items() for name in names]
EVERYWHERE = ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"]


@pytest.mark.parametrize(("text", "name"), ALL, ids=[f"{name} {text[:12]}" for text, name in ALL])
def test_texts_of_older_encodings_are_read_or_refused(text: str, name: str) -> None:
    """Those of Windows, Unix and Asia are read; old machines' may be refused where two of them fit."""
    data = text.encode(name)
    try:
        assert encodings.decode(data) == text
    except Unreadable as problem:
        assert name in ("mac_roman", "cp850")
        assert f"--encoding {min(encodings.candidates(data))}" in str(problem)  # noqa: PT017
    assert encodings.decode(data, name) == text


@pytest.mark.parametrize(("text", "name"), in_make_test([pair for pair in ALL if pair[1] in ("cp949", "cp1252", "cp1251", "cp932")], 0))
def test_long_files_are_judged_by_a_part_and_read_whole(text: str, name: str) -> None:
    long = f"{text}\n" * 3000
    assert encodings.decode(long.encode(name)) == long
    with pytest.raises(Unreadable, match=r"mixed|not certain|not text"):
        encodings.decode(long.encode(name) + ("Это не сложно, но важно для всех, если не спешить.\n" * 300).encode("koi8_r"))


@pytest.mark.parametrize("name", EVERYWHERE)
@pytest.mark.parametrize("text", OLD_ENCODINGS)
def test_unicode_is_read_with_a_mark_or_without(text: str, name: str) -> None:
    assert encodings.decode(text.encode(name)) == text


@holds_for(25, 300, st.sampled_from([(text, name) for text, name in ALL if name not in ("mac_roman", "cp850", "mac_cyrillic")]), st.data())
def test_pieces_are_read_rightly_or_refused(case: tuple[str, str], data: st.DataObject) -> bool:
    text, name = case
    words = text.split(" ")
    first = data.draw(st.integers(0, len(words) - 1))
    piece = " ".join(words[first : first + data.draw(st.integers(1, 12))])
    try:
        assert encodings.decode(piece.encode(name)) == piece
    except Unreadable as problem:
        assert "--encoding" in str(problem)  # noqa: PT017 - either outcome is right
        return False
    return True


@holds_for(20, 200, st.sampled_from(ALL), st.sampled_from(ALL))
def test_files_of_two_encodings_are_never_read_by_halves(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Two texts behind each other, each in its own: what comes out is one that holds for both, or nothing."""
    data = one[0].encode(one[1]) + b"\n" + other[0].encode(other[1])
    try:
        text = encodings.decode(data)
    except Unreadable:
        return False
    assert text == f"{one[0]}\n{other[0]}"
    return True


@pytest.mark.parametrize("text", [text for text in OLD_ENCODINGS if len(text.encode()) - len(text) >= 4])
def test_a_stray_byte_in_utf_8_is_named_with_its_line(text: str) -> None:
    line = text.count("\n") + 2
    with pytest.raises(Unreadable, match=rf"mixed: UTF-8, but for byte 0x92 in line {line}; fix that line"):
        encodings.decode(f"{text}\n".encode() + b"Don\x92t\n" + text.encode())


def test_word_s_apostrophes_are_no_korean() -> None:
    read = {path.name: path.read_bytes() for path in CASES.glob("*.txt")}
    assert "It\u2019s the broker\u2019s job" in encodings.decode(read["notes.txt"])
    assert "Don\u2019t retry" in encodings.decode(read["notes.txt"])
    assert encodings.decode(read["capital-umlaut.txt"]) == "Ärger mit Äquivalenten: Ändern ist verboten.\n"
    assert "Änderungen am Auftrag sind bis zur Ausführung erlaubt" in encodings.decode(read["umlaut.txt"])


WORDS = ["naïve", "Größe", "très", "Привет", "가", "価", "ñ", "Žižek"]
WRITTEN = [
    (text, name)
    for text in WORDS
    for name in ("cp1252", "cp1250", "cp1251", "koi8_r", "cp949", "cp932")
    if text == text.encode(name, "ignore").decode(name)
]


@pytest.mark.parametrize(("text", "name"), WRITTEN)
def test_a_single_word_is_ambiguous_and_refused(text: str, name: str) -> None:
    data = text.encode(name)
    with pytest.raises(Unreadable, match="--encoding"):
        encodings.decode(data)
    assert encodings.decode(data, name) == text


def test_each_of_the_single_words_is_tried() -> None:
    assert {text for text, _ in WRITTEN} == set(WORDS)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x00\x01\x02\x03" * 20, "zero bytes"),
        (b"%PDF-1.7\nwords", "content is that of a .pdf"),
        (b"PK\x03\x04words", "content is that of a .docx"),
        (b"{\\rtf1 words}", "content is that of a .rtf"),
        (bytes(range(1, 32)) * 4, "control characters"),
        (bytes(range(128, 256)), "not certain"),
        (b"\x1b[31mred\x1b[0m", ""),
    ],
)
def test_binary_files_with_a_text_ending(data: bytes, why: str) -> None:
    if not why:
        assert "red" in encodings.decode(data)  # coloured output is text
        return
    with pytest.raises(Unreadable, match=why):
        encodings.decode(data)


@pytest.mark.parametrize("name", ["cp949", "euc-kr", "ks_c_5601-1987", "windows-949", "utf-8"])
def test_a_page_is_read_as_it_declares(name: str, tmp_path: Path) -> None:
    page = f'<html><head><meta http-equiv="Content-Type" content="text/html; charset={name}"></head><body><p>가격</body>'
    file = tmp_path / "page.html"
    file.write_bytes(page.encode("utf-8" if name == "utf-8" else "cp949"))
    assert passages_of(sources.Source(file, "page.html"))[0].chunk.content == "가격"


@pytest.mark.parametrize(
    ("declared", "written", "text", "why"),
    [
        ("iso-8859-1", "cp1251", "Это не сложно, но важно для всех, если не спешить", "declares cp1252 but looks like cp1251"),
        ("utf-8", "cp949", "이것은 어렵지 않습니다", "declares utf-8 and is not"),
        ("shift_jis", "cp1251", "Это не сложно, но важно для всех", "declares cp932 and"),
        ("iso-8859-1", "utf-8", "für", ""),
        ("x-sjis", "cp932", "これは", ""),
        ("iso-2022-jp", "iso2022_jp", "これは難しくありません", ""),
        ("no-such", "cp1252", "Änderungen sind nicht erlaubt", ""),
    ],
)
def test_a_page_that_declares_the_wrong_one(declared: str, written: str, text: str, why: str) -> None:
    data = f"<meta charset='{declared}'><p>{text}".encode(written)
    if not why:
        assert text in encodings.decode(data, declares=True)
        return
    with pytest.raises(Unreadable, match=why):
        encodings.decode(data, declares=True)
    assert text in encodings.decode(data, encodings.known(written), declares=True)


def test_the_option_is_for_what_is_not_plainly_unicode() -> None:
    """So that one option serves a folder in which some files are UTF-8 already."""
    assert encodings.decode("für".encode(), "cp1252") == "für"
    assert encodings.decode("für".encode("utf-16"), "cp1252") == "für"
    assert encodings.decode("für".encode("cp1252"), "cp1252") == "für"
    with pytest.raises(Unreadable, match="is not cp949: "):
        encodings.decode(b"caf\xe9", "cp949")


@pytest.mark.parametrize("name", ["", "nonsense", "base64", "rot13", "zip", "hex", "utf-8\0"])
def test_an_encoding_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(PlatformError, match="is unknown"):
        encodings.known(name)


def test_decomposed_text_is_composed() -> None:
    assert encodings.decode("\u1112\u1161\u11ab e\u0301".encode()) == "한 é"


def test_a_few_signs_of_two_bytes_are_not_certain() -> None:
    """Ten letters of KOI8-R are common Chinese signs by chance."""
    with pytest.raises(Unreadable, match="not certain"):
        encodings.decode("сложно, но".encode("koi8_r"))
