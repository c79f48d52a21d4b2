"""This machine's own apt sources, so that the base image comes from the same mirrors and no host is named here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import PlatformError

# Debian's sources also use these names for releases.
_ALIASES = {"stable", "oldstable", "oldoldstable", "testing"}


@dataclass(frozen=True)
class AptSuite:
    """One suite at one mirror."""

    uri: str
    suite: str
    components: tuple[str, ...]


def mirror_lines(suite: str, root: Path = Path("/")) -> list[str]:
    """Return one-line apt sources for another Debian `suite`, from the mirrors of the Debian machine with file system `root`.

    The first line is the suite itself; its updates and security fixes follow if the machine uses its own.
    Raises PlatformError if the machine isn't Debian or names no mirror of it.
    """
    codename = _debian_codename(root)
    lines: dict[str, None] = {}
    for suffix in ("", "-updates", "-security"):
        for source in read_sources(root):
            if _matches(source, codename, suffix):
                lines.setdefault(f"deb {_resolve_mirror_list(source.uri, root)} {suite}{suffix} main")
                break
        else:
            if not suffix:
                raise PlatformError(
                    f"apt's sources name no mirror of Debian {codename}, so the base image can't be bootstrapped.",
                    where=f"{root / 'etc/apt'}",
                    next_step="add Debian's main mirror to apt's sources, or bring the base image here with `docker load`",
                )
    return list(lines)


def read_sources(root: Path) -> list[AptSuite]:
    """Return the sources of binary packages in sources.list and sources.list.d, in both of apt's formats."""
    apt = root / "etc/apt"
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    sources: list[AptSuite] = []
    for file in files:
        if not file.is_file():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        if file.suffix == ".list":
            sources.extend(_parse_one_line_style(text))
        elif file.suffix == ".sources":
            sources.extend(_parse_deb822(text))
    return sources


def _debian_codename(root: Path) -> str:
    try:
        release = (root / "etc/os-release").read_text()
    except OSError:
        release = ""
    fields: dict[str, str] = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', release, flags=re.MULTILINE))
    if fields.get("ID") != "debian" or not fields.get("VERSION_CODENAME"):
        raise PlatformError(
            "The base image can't be pulled, and only a Debian machine can bootstrap it.",
            where=f"this machine is {fields.get('PRETTY_NAME') or 'of an unknown kind'}",
            next_step="give Docker access to an image registry, or bring the base image here with `docker save` and `docker load`",
        )
    return fields["VERSION_CODENAME"]


def _matches(source: AptSuite, codename: str, suffix: str) -> bool:
    base = source.suite.removesuffix(suffix) if suffix else source.suite
    named = source.suite.endswith(suffix) and base in {codename, *_ALIASES}
    return named and "main" in source.components and source.uri.startswith(("http://", "https://", "mirror+file:"))


def _resolve_mirror_list(uri: str, root: Path) -> str:
    # Cloud images of Debian name a file of mirrors, which would be missing in a container.
    if not uri.startswith("mirror+file:"):
        return uri
    listed = root / uri.removeprefix("mirror+file:").lstrip("/")
    for line in listed.read_text().splitlines():
        address = line.split("#")[0].split()
        if address:
            return address[0]
    raise PlatformError(
        "The list of mirrors that apt's sources name is empty.", where=str(listed), next_step="put a mirror's address into it"
    )


def _parse_one_line_style(text: str) -> Iterator[AptSuite]:
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if match:
            yield AptSuite(match[1], match[2], tuple(match[3].split()))


def _parse_deb822(text: str) -> Iterator[AptSuite]:
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in {" ", "\t"}:
                fields[name] = f"{fields.get(name, '')} {line.strip()}"
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {"no", "false", "0"}:
            continue
        components = tuple(fields.get("components", "").split())
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield AptSuite(uri, suite, components)
