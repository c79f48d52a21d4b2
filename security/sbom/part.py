"""One thing that an image consists of, in the form that all kinds share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["deb", "golang", "pypi"]


@dataclass(frozen=True, slots=True)
class Part:
    """A package or module. `kind` is the type of its package URL, `space` the part before its name there.

    `licences` are as the packager writes them, empty where nothing says. `seen_in` are paths in the image: of a Go module's programs.
    """

    kind: Kind
    name: str
    version: str
    space: str = ""
    licences: tuple[str, ...] = ()
    seen_in: tuple[str, ...] = ()
    qualifiers: dict[str, str] = field(default_factory=dict, hash=False)
