"""`python -m specification`: write docs/specification.md and the index of decisions, or say what is wrong with the statements."""

from __future__ import annotations

import sys

from specification.decisions import FILE as DECISIONS
from specification.decisions import render_decisions
from specification.page import FILE, render
from specification.statements import faults, load, load_promises


def main() -> int:
    """Write the pages; exit code 1 where a statement names what isn't there."""
    sections, promises = load(), load_promises()
    problems = faults(sections, promises)
    for fault in problems:
        print(fault, file=sys.stderr)
    if problems:
        print(f"{FILE.name} was not written: mend specification/statements, then run this again", file=sys.stderr)
        return 1
    for file, text in ((FILE, render(sections, promises)), (DECISIONS, render_decisions())):
        file.write_text(text, "utf-8")
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
