"""What a schedule says: lines with the time, for a terminal, a file or the journal."""

from __future__ import annotations

from datetime import UTC, datetime


def say(text: str) -> None:
    """Print one line, or several that belong together, with the time before them."""
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}", flush=True)
