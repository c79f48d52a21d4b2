"""PDF files for tests: made by fpdf2, and one by hand whose Korean text has no font, only what its codes stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fpdf import FPDF
from fpdf.enums import AccessPermission, EncryptionMethod

PARAGRAPH = "Backups are made every night. They count only once they were restored, and a drill proves that every week. "


def written(*, outline: bool = False, pages: int = 1, running: bool = False) -> FPDF:
    """A document of sections `Chapter N` (big letters) and `Part N` (smaller ones), each with a paragraph."""

    class Document(FPDF):
        def header(self) -> None:
            if running:
                self.set_font("Helvetica", size=8)
                self.cell(0, 8, "Operations manual", new_x="LMARGIN", new_y="NEXT")

        def footer(self) -> None:
            if running:
                self.set_y(-15)
                self.set_font("Helvetica", size=8)
                self.cell(0, 8, f"Page {self.page_no()} of many")

    made = Document()
    for number in range(1, pages + 1):
        made.add_page()
        for level, (name, size) in enumerate((("Chapter", 20), ("Part", 14))):
            if outline:
                made.start_section(f"{name} {number}", level=level)
                size = 11  # noqa: PLW2901 - the outline alone has to tell
            made.set_font("Helvetica", size=size)
            made.cell(0, 10, f"{name} {number}", new_x="LMARGIN", new_y="NEXT")
            made.set_font("Helvetica", size=11)
            made.multi_cell(0, 6, f"{name.lower()}{number}. " + PARAGRAPH * 3, new_x="LMARGIN", new_y="NEXT")
    return made


def encrypted(user_password: str | None) -> bytes:
    """One that needs `user_password` to be opened, or none where it is None and only changes are locked."""
    made = written()
    made.set_encryption("owner", user_password, encryption_method=EncryptionMethod.AES_256, permissions=AccessPermission.none())
    return bytes(made.output())


def pictures() -> bytes:
    """Pages that were scanned: a picture and no text."""
    from PIL import Image

    made = FPDF()
    made.add_page()
    made.image(Image.new("RGB", (60, 40), "white"), 10, 10, 80)
    return bytes(made.output())


def korean(lines: Sequence[tuple[int, str]]) -> bytes:
    """Lines of (size, text) in codes that a ToUnicode map alone explains, as word processors write Korean."""
    codes = {character: number for number, character in enumerate(sorted({each for _, text in lines for each in text}), 1)}
    shown = "".join(
        f"/F1 {size} Tf 1 0 0 1 50 {780 - 30 * number} Tm <{''.join(f'{codes[each]:04x}' for each in text)}> Tj\n"
        for number, (size, text) in enumerate(lines)
    )
    mapping = "".join(f"<{code:04x}> <{each.encode('utf-16-be').hex()}>\n" for each, code in codes.items())
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{len(codes)} beginbfchar\n{mapping}endbfchar\nendcmap end end"
    )
    stream: Callable[[str], str] = lambda text: f"<< /Length {len(text)} >>\nstream\n{text}\nendstream"  # noqa: E731
    system = "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        stream(f"BT\n{shown}ET"),
        "<< /Type /Font /Subtype /Type0 /BaseFont /Batang /Encoding /Identity-H /DescendantFonts [6 0 R] /ToUnicode 7 0 R >>",
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Batang /CIDSystemInfo {system} >>",
        stream(cmap),
    ]
    return _file(objects)


def helvetica(commands: str) -> bytes:
    """A page of these commands, whose font is `/F1`."""
    return _file([
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(commands)} >>\nstream\n{commands}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ])  # fmt: skip


def _file(objects: Sequence[str]) -> bytes:
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("ascii")
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")
