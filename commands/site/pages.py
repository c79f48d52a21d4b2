"""The site's sources from the clone's documents: links that fit their new places, and pages made from tasks and settings. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from invoke.collection import Collection

from core.words import cell_text

PLACES = {"README.md": "index.md", "README.ko.md": "index.ko.md"}
"""Documents whose place in the site is another than in the clone. A folder's README is its index either way."""

_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
_FENCE = re.compile(r"^\s*(```|~~~)")


def place_of(path: str) -> str:
    """The place in the site of a document of the clone; both are relative to their roots."""
    return PLACES.get(path, path)


def with_links_of_the_site(text: str, path: str, documents: Mapping[str, str]) -> str:
    """A document with its links to other documents as they are in the site, and those to code as mere text.

    `path` is its own place in the clone, `documents` has the place in the site of each document.
    """
    folder, own_folder = posixpath.dirname(path), posixpath.dirname(place_of(path))

    def link(match: re.Match[str]) -> str:
        words, target = match[1], match[2]
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        file, _, heading = target.partition("#")
        leads_to = posixpath.normpath(posixpath.join(folder, file))
        place = documents.get(leads_to) or documents.get(posixpath.join(leads_to, "README.md"))
        if place is None:
            return words
        return f"[{words}]({posixpath.relpath(place, own_folder or '.')}{'#' + heading if heading else ''})"

    lines, fenced = [], False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        lines.append(line if fenced else _LINK.sub(link, line))
    return "\n".join(lines) + "\n"


def tasks_page(tasks: Collection) -> str:
    """The reference of every `invoke` task: what it does, its options, an example."""
    lines = ["# Tasks", "", "Written from the tasks themselves; `invoke --help TASK` shows the same at a terminal.", ""]
    names_of = {tasks[name]: name for name in sorted(tasks.task_names)}
    for name in sorted(tasks.task_names):
        task = tasks[name]
        if names_of[task] != name:
            lines += [f"## {name}", "", f"An older name of `{names_of[task]}`.", ""]
            continue
        described = " ".join((task.__doc__ or "").split())
        about, _, example = described.partition("Example: ")
        aliases = [alias for alias in tasks.task_names[name] if "_" not in alias]
        lines += [f"## {name}", "", _safe(about.strip()), ""]
        if aliases:
            lines += [f"Also: {', '.join(f'`invoke {alias}`' for alias in sorted(aliases))}", ""]
        options = [(argument, argument.help or "") for argument in task.get_arguments()]
        if options:
            lines += ["| option | |", "| --- | --- |"]
            lines += [f"| {_names(argument)} | {cell_text(_safe(words))} |" for argument, words in options]
            lines.append("")
        if example:
            lines += [f"    {example}", ""]
    return "\n".join(lines)


def _names(argument: Any) -> str:
    if argument.positional:
        return f"`{argument.name.upper()}`"
    return ", ".join(f"`{'-' if len(name) == 1 else '--'}{name.replace('_', '-')}`" for name in argument.names)


def settings_page(schema: Mapping[str, Any]) -> str:
    """The reference of a stack's settings, from their JSON schema."""
    lines = ["# Settings", "", "Written from the settings themselves. Each has a default, and a stack needs none:", ""]
    lines += ["    pulumi config set christmas:monitoring true", ""]
    lines += ["| setting | what it is | default |", "| --- | --- | --- |"]
    for name, field in schema["properties"].items():
        default = field.get("default")
        shown = "" if default in (None, {}, []) or isinstance(default, dict) else f"`{str(default).lower()}`"
        key = name if name.isupper() else ":".join(("christmas", name))
        lines.append(f"| `{key}` | {cell_text(_safe(field.get('description', '')))} | {shown} |")
    return "\n".join([*lines, ""])


def _safe(text: str) -> str:
    """Text in which Markdown and HTML see no markup but code in backquotes."""
    return "".join(
        part if number % 2 else part.replace("<", "&lt;").replace("*", r"\*") for number, part in enumerate(re.split("(`[^`]*`)", text))
    )
