"""docs/checks.md has a row for each check, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.checks import every
from monitor.ports_and_certificates import PORTS

PAGE = (Path(__file__).parents[3] / "docs" / "checks.md").read_text("utf-8")


def test_each_check_has_a_row() -> None:
    rows = [line.split("|")[1] for line in PAGE.split("## What is checked")[1].splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]
    expanded = [each for name in named for each in ([name.replace("PORT", port.endpoint) for port in PORTS] if "PORT" in name else [name])]
    assert sorted(expanded) == sorted(check.name for check in every())
