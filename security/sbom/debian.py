"""Debian's packages in an image, from dpkg's own records and the copyright files that it installs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from security.sbom.part import Part

_FIELD = re.compile(r"^([A-Za-z-]+):[ \t]*(.*)$")
_FORMAT = re.compile(r"^Format(?:-Specification)?:", re.IGNORECASE)
_LICENCE = re.compile(r"^License:[ \t]*(\S.*)$", re.MULTILINE)


def parts(status: str, copyrights: Mapping[str, str], release: str) -> list[Part]:
    """The installed packages of `/var/lib/dpkg/status`, in its order. `copyrights` has copyright files by package.

    `release` is the distribution's name and version, e.g. `debian-13`.
    """
    packages = []
    for record in _records(status):
        if record.get("status", "").split()[-1:] != ["installed"]:
            continue
        name, version = record["package"], record["version"]
        qualifiers = {"arch": record.get("architecture", ""), "distro": release}
        source, _, source_version = record.get("source", "").partition(" ")
        if source:
            qualifiers["upstream"] = f"{source}@{source_version.strip('()')}" if source_version else source
        packages.append(
            Part(
                "deb",
                name,
                version,
                space="debian",
                licences=licences(copyrights.get(name, "")),
                qualifiers={key: value for key, value in qualifiers.items() if value},
            )
        )
    return packages


def licences(text: str) -> tuple[str, ...]:
    """The licences that a copyright file names in Debian's machine-readable form; none of any other file."""
    if not _FORMAT.match(text.lstrip("\ufeff\n ")):
        return ()
    return tuple(sorted({name.strip() for name in _LICENCE.findall(text)}))


def release(text: str) -> str:
    """The name and version of a distribution from its `/etc/os-release`, e.g. `debian-13`; its name alone where it has no version."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    parts_of_it = (values.get(name, "").strip("\"'") for name in ("ID", "VERSION_ID"))
    return "-".join(part for part in parts_of_it if part)


def _records(status: str) -> Iterator[dict[str, str]]:
    record: dict[str, str] = {}
    for line in (*status.splitlines(), ""):
        if not line.strip():
            if record:
                yield record
            record = {}
        elif match := _FIELD.match(line):
            record[match[1].lower()] = match[2]
