"""A secret for a program that only takes the path of a file: one in memory that has no name anywhere."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def file_in_memory(content: str) -> Iterator[tuple[str, int]]:
    """An anonymous file: its path, for this process or a child that inherits its descriptor, and the descriptor."""
    number = os.memfd_create("christmas")
    try:
        os.fchmod(number, 0o600)  # libpq requires it
        os.write(number, f"{content}\n".encode())
        yield f"/dev/fd/{number}", number
    finally:
        os.close(number)
