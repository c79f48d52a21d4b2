"""HTML: headings, paragraphs, lists, tables and preformatted text, as a browser without scripts shows them.

Scripts, styles, titles, `<nav>`, `<select>` and templates are left out. Parts hidden by a style or `hidden` are read: folded
sections and tabs are hidden in that way. An unclosed element that swallows the rest of a page makes it unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from seed.blocks import Block, Unreadable
from seed.readers import formulas
from seed.readers.html_blocks import BlockBuilder
from seed.readers.marks import is_struck

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_NEVER_SHOWN = frozenset(("script", "style", "title", "template"))
_LEFT_OUT = _NEVER_SHOWN | {"nav", "select", "datalist"}
_OTHER_MARKUP = frozenset(("iframe", "noembed", "noframes"))
"""Elements whose content a browser treats as hidden text; for browsers without the feature it is markup."""
_BOXES = frozenset(("checkbox", "radio"))
_UNSHOWN_FIELDS = frozenset(("hidden", "password", "file", "color", "range"))
_SHOWN_AS_TEXT = frozenset(("textarea", "xmp", "listing", "plaintext"))
_SWALLOWERS = ("script", "style", "title", "template", "iframe", "noembed", "noframes")
_NO_MARKUP = {
    "title": re.compile(r"<(?:/head|body|h[1-6]|p|div|meta|link)\b", re.IGNORECASE),
    "style": re.compile(r"<(?:/head|body|h[1-6]|p|div|table)\b", re.IGNORECASE),
    "script": re.compile(r"^\s*<(?:/head|body)\b", re.IGNORECASE | re.MULTILINE),
}
"""Markup that occurs inside these elements only if they were left open; a script may well write markup, but hardly ends the head."""
_END = "end-of-the-page-5e1c6f2b"
"""Name of an element added after the page: if it isn't found there, something before it was left open."""
_MARK = f"<i id={_END}></i>"
_PARTS_OF_TABLE = re.compile(r"\s*</?(?:caption|colgroup|col|thead|tbody|tfoot|tr|td|th)\b", re.IGNORECASE)


def read(text: str, *, part: bool = False) -> list[Block]:
    """Return the page's blocks. Broken markup is read as in browsers. In a `part` of a page nothing is navigation.

    Raises Unreadable if an unclosed comment, script, quotation mark or the like hides the rest, and for a page of frames.
    """
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(f"{text}\n{_MARK}")
    end = page.css_first(f"#{_END}")
    if end is None and page.css_first("frameset") is not None:
        return _frames(page)
    if end is None and not any(_END in (node.text() or "") for tag in _SHOWN_AS_TEXT for node in page.css(tag)):
        raise Unreadable(_swallower(page, text))
    _refuse_swallowed(page)
    return _blocks(page.root, _ancestors(end), part=part)


def read_part(text: str) -> list[Block]:
    """The same for HTML between the paragraphs of Markdown: rows may come without their table."""
    return read(f"<table>{text}" if _PARTS_OF_TABLE.match(text) else text, part=True)


def _blocks(root: LexborNode | None, left_open: frozenset[int] = frozenset(), *, part: bool = False) -> list[Block]:
    builder = BlockBuilder()
    for event, node in _events(root, left_open, _NEVER_SHOWN if part else _LEFT_OUT):
        tag = node.tag or ""
        attributes = node.attributes if node.is_element_node else {}
        if event == "close":
            builder.close(tag)
            if is_struck(tag, attributes):
                builder.end_struck()
        elif node.is_text_node:
            builder.text((node.text_content or "").replace(_MARK, ""))
        elif node.is_element_node:
            if is_struck(tag, attributes):
                builder.begin_struck()
            builder.open(tag, attributes)
            if tag in _OTHER_MARKUP:
                builder.append(read(node.text() or ""))
            if tag == "math":
                builder.text(f" {formulas.formula(node)} ")
            for template_fragment in node.template_fragments() if _is_shadow(node) else ():
                builder.append(_blocks(template_fragment))
            builder.text(_written_in(tag, attributes))
    return builder.end()


def _written_in(tag: str, attributes: Mapping[str, str | None]) -> str:
    """What an element shows that is no text of the page: a picture's words, what a field has been filled with, whether a box is ticked."""
    kind = (attributes.get("type") or "text").strip().lower() if tag == "input" else ""
    if tag == "img" or kind == "image":
        return attributes.get("alt") or ""
    if kind in _BOXES:
        return "[x]" if "checked" in attributes else "[ ]"
    return attributes.get("value") or "" if kind and kind not in _UNSHOWN_FIELDS else ""


def _events(root: LexborNode | None, left_open: frozenset[int], left_out: frozenset[str]) -> Iterator[tuple[str, LexborNode]]:
    """Each node as it opens, and each element as it closes. A loop, since pages are nested deeper than calls can be."""
    node = root
    while node is not None:
        yield "open", node
        skipped = node.tag in _OTHER_MARKUP or node.tag == "math" or (node.tag in left_out and node.mem_id not in left_open)
        child = None if skipped else node.first_child
        if child is not None:
            node = child
            continue
        while node is not None:
            if node.is_element_node:
                yield "close", node
            if node.next is not None:
                node = node.next
                break
            node = node.parent


def _is_shadow(node: LexborNode) -> bool:
    return node.tag == "template" and "shadowrootmode" in node.attributes


def _ancestors(node: LexborNode | None) -> frozenset[int]:
    """Elements that are never closed: they may contain the whole page."""
    ancestors = set()
    while node is not None:
        ancestors.add(node.mem_id)
        node = node.parent
    return frozenset(ancestors)


def _frames(page: LexborHTMLParser) -> list[Block]:
    inside = [block for node in page.css("noframes") for block in read(node.text() or "")]
    if not inside:
        sources = [str(node.attributes.get("src")) for node in page.css("frame") if node.attributes.get("src")]
        raise Unreadable(f"a page of frames; its text is in {', '.join(sources)[:200] or 'other files'}: import those")
    return inside


def _swallower(page: LexborHTMLParser, text: str) -> str:
    for tag in _SWALLOWERS:
        if any(_END in (node.html or "") for node in page.css(tag)):
            openings = [match.start() for match in re.finditer(rf"<{tag}\b", text, re.IGNORECASE)]
            line = text.count("\n", 0, openings[-1]) + 1 if openings else 1
            return f"<{tag}> is never closed and hides the rest of the page: fix line {line}"
    opened = text.rfind("<!--")
    if opened >= 0 and not re.search(r"--!?>", text[opened + 2 :]):
        return f"a comment is never closed and hides the rest of the page: fix line {text.count(chr(10), 0, opened) + 1}"
    return f"a tag or its quotation mark is never closed and hides the rest of the page: fix the last ones, from line {_last_tag(text)} on"


def _last_tag(text: str) -> int:
    return text.count("\n", 0, max(0, text.rfind("<"))) + 1


def _refuse_swallowed(page: LexborHTMLParser) -> None:
    """Raise if something was left open, and closed only by the end of the next one: the text between is hidden."""
    document = page.root.parent if page.root is not None else None
    for node in document.traverse() if document is not None else ():
        if node.is_comment_node:
            content = node.comment_content or ""
            if "<!--" in content and re.search(r"<[a-zA-Z]", content) and not content.lstrip().startswith("[if"):
                raise Unreadable(f"a comment is closed only by the next one's end and hides {_ending(content)}: fix it")
        elif node.tag in _NO_MARKUP and _NO_MARKUP[node.tag].search(content := node.text() or ""):
            raise Unreadable(f"<{node.tag}> is closed late and hides {_ending(content)}: fix it")
        elif node.is_element_node and any(mark in name for name in node.attributes for mark in "\"'<"):
            # An unclosed quotation mark: text up to the next one became part of a tag.
            for value in node.attributes.values():
                if value and "<" in value and ">" in value:
                    raise Unreadable(f"a quotation mark is closed late and hides {_ending(value)}: fix that tag")


def _ending(hidden: str) -> str:
    return repr(" ".join(hidden.split())[-60:])
