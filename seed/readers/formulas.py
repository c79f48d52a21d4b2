"""Formulas of a page (MathML) in one line: a fraction as a/b, a power as a^b; the author's own TeX where the page has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_TOKENS = frozenset(("mi", "mn", "mo", "mtext", "ms"))
_NOT_SHOWN = frozenset(("annotation", "annotation-xml", "mphantom", "mprescripts", "none", "mspace", "maligngroup", "malignmark"))
_UNSEEN = re.compile("[\u2061-\u2064\u200b]")
"""Operators without a sign, such as the one between the factors of a product."""
_ONE_WORD = re.compile(r"[\w.,]+")
_DEEPEST = 60


def formula(node: LexborNode) -> str:
    """A `<math>` element's formula."""
    return " ".join((node.attributes.get("alttext") or _tex(node) or _of(node, 0)).split())


def _tex(node: LexborNode) -> str:
    return next(
        (annotation.text() for annotation in node.css("annotation") if "tex" in (annotation.attributes.get("encoding") or "").lower()), ""
    )


def _of(node: LexborNode, depth: int) -> str:
    tag = node.tag or ""
    if node.is_text_node or tag in _TOKENS or depth > _DEEPEST:
        return _UNSEEN.sub(" ", (node.text_content if node.is_text_node else node.text()) or "").strip()
    if not node.is_element_node or tag in _NOT_SHOWN:
        return ""
    # Empty parts count: a fraction's second is below, whatever is above.
    parts = [_of(child, depth + 1) for child in node.iter(include_text=True) if child.is_element_node or (child.text_content or "").strip()]
    match tag, parts:
        case "mfrac", [above, below]:
            stroke = " over " if (node.attributes.get("linethickness") or "").strip().startswith("0") else "/"
            return f"{_whole(above)}{stroke}{_whole(below)}"
        case "msup" | "mover", [base, up]:
            return f"{_whole(base)}^{_whole(up)}"
        case "msub" | "munder", [base, low]:
            return f"{_whole(base)}_{_whole(low)}"
        case "msubsup" | "munderover", [base, low, up]:
            return f"{_whole(base)}_{_whole(low)}^{_whole(up)}"
        case "msqrt", _:
            return f"\u221a({_joined(parts)})"
        case "mroot", [base, degree]:
            return f"{_whole(base)}^(1/{_whole(degree)})"
        case "mfenced", _:
            brackets = (node.attributes.get("open") or "(", node.attributes.get("close") or ")")
            return f"{brackets[0]}{', '.join(parts)}{brackets[1]}"
        case "mtable", _:
            return "; ".join(parts)
        case "mtr" | "mlabeledtr", _:
            return ", ".join(parts)
        case _:
            return _joined(parts)


def _joined(parts: list[str]) -> str:
    # With blanks: two numbers side by side must not become one.
    return " ".join(part for part in parts if part)


def _whole(text: str) -> str:
    return text if _ONE_WORD.fullmatch(text) else f"({text})"
