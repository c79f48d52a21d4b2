"""The file of rejected rows: CSV with file, line, reason and the row as written."""

from __future__ import annotations

import csv
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Reject:
    """A bad row. `line` counts from 1, the header included; in a Parquet file it is the row's number."""

    file: str
    line: int
    reason: str
    content: str


class Rejects:
    """Collects bad rows from several threads; the first one creates the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._lock = threading.Lock()
        self._file: TextIO | None = None

    def add(self, reject: Reject) -> None:
        """Write one bad row. Raises OSError if the file can't be written."""
        with self._lock:
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8", newline="")
                csv.writer(self._file).writerow(("file", "line", "reason", "content"))
            csv.writer(self._file).writerow((reject.file, reject.line, reject.reason, reject.content))
            self.count += 1

    def close(self) -> None:
        """Finish the file, if there is one."""
        if self._file is not None:
            self._file.close()
