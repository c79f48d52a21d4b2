"""The modules that a Go program was built from: the linker writes them into the program itself ("build info").

The form is that of Go 1.18 and later (`debug/buildinfo` of its standard library): after a magic word and flags, two texts with their
lengths before them, Go's version and the list of modules, the latter between two marks of sixteen bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from security.sbom.part import Part

ELF = b"\x7fELF"
_MAGIC = b"\xff Go buildinf:"
_ALIGNED = 16
_HEADER = 32
_INLINE = 2  # the flag of programs whose texts follow the header
_MARK = 16


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """Go's version without its prefix, and the modules with their versions: the program's own first."""

    go: str
    modules: tuple[tuple[str, str], ...]


def build_info(program: bytes) -> BuildInfo | None:
    """What a program says it was built from; None for one that is not Go's, or says nothing."""
    at = program.find(_MAGIC)
    while at >= 0:
        # The words stand in Go's own library as well: only what can be read is it.
        if at % _ALIGNED == 0 and _INLINE & int.from_bytes(program[at + 15 : at + 16]) and (info := _read(program, at + _HEADER)):
            return info
        at = program.find(_MAGIC, at + 1)
    return None


def parts(programs: dict[str, BuildInfo]) -> list[Part]:
    """The modules of all programs of an image, each once, with the programs that have it."""
    seen: dict[tuple[str, str], list[str]] = {}
    for path, info in sorted(programs.items()):
        for module in (("std", info.go), *info.modules):
            seen.setdefault(module, []).append(path)
    return [
        Part("golang", name.rpartition("/")[2], version, space=name.rpartition("/")[0], seen_in=tuple(paths))
        for (name, version), paths in sorted(seen.items())
    ]


def _read(program: bytes, at: int) -> BuildInfo | None:
    version, at = _text(program, at)
    listed, _ = _text(program, at)
    if not version.startswith(b"go") or len(listed) < 2 * _MARK:
        return None
    modules: list[tuple[str, str]] = []
    for line in listed[_MARK:-_MARK].decode(errors="replace").splitlines():
        word, *rest = line.split("\t")
        if word in ("mod", "dep") and len(rest) >= 2:
            modules.append((rest[0], rest[1]))
        elif word == "=>" and len(rest) >= 2 and modules:
            modules[-1] = (rest[0], rest[1])  # what was built in place of the one before
    return BuildInfo(version.decode(errors="replace").removeprefix("go"), tuple(modules))


def _text(program: bytes, at: int) -> tuple[bytes, int]:
    """The text at a place, and where it ends. Its length comes first, seven bits in each byte."""
    length = shift = 0
    while at < len(program):
        length |= (program[at] & 0x7F) << shift
        at, more = at + 1, program[at] & 0x80
        if not more:
            return program[at : at + length], at + length
        shift += 7
    return b"", at
