"""Python's packages in an image, from the metadata that installers write beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.parser import HeaderParser

from security.sbom.part import Part

METADATA = (".dist-info/METADATA", ".egg-info/PKG-INFO")
"""How the paths of such files end."""

_CLASSIFIER = "License :: "


def parts(metadata: Iterable[str]) -> list[Part]:
    """The packages that these files describe, each version once."""
    by_version: dict[tuple[str, str], Part] = {}
    for text in metadata:
        read = HeaderParser().parsestr(text)
        name, version = read.get("Name", ""), read.get("Version", "")
        if name and version:
            normal = re.sub(r"[-_.]+", "-", name).lower()
            said = read.get("License-Expression") or _of_classifiers(read.get_all("Classifier", [])) or read.get("License") or ""
            # Some write the whole text of the licence there.
            licence = said.strip() if "\n" not in said.strip() else ""
            by_version[normal, version] = Part("pypi", normal, version, licences=(licence,) if licence else ())
    return [by_version[key] for key in sorted(by_version)]


def _of_classifiers(classifiers: Iterable[str]) -> str:
    named = sorted(
        {classifier.rpartition(" :: ")[2] for classifier in classifiers if classifier.startswith(_CLASSIFIER)} - {"OSI Approved"}
    )
    return " AND ".join(named)
