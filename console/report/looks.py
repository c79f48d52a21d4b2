"""Looks at a stack for the live page: often enough while somebody asks, not at all while nobody does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import PlatformError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_STAYS_INTERESTED = 5
"""Who asks every five pauses, such as a Prometheus every minute, gets answers that were ready; after that the next one waits for a look."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: the page and the figures, or why there are none."""

    page: bytes = b""
    figures: CollectorRegistry | None = None
    failure: str = ""


class Looks:
    """Calls `look` in `run`, which goes on until `end`; `newest` may be called from any thread."""

    def __init__(self, look: Callable[[], Seen], pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._look, self._pause, self._clock = look, pause, clock
        self._changed = threading.Condition()
        self._seen: Seen | None = None
        self._seen_at = self._asked_at = float("-inf")
        self._ended = False

    def newest(self, patience: float = 120.0) -> Seen:
        """The newest look. Waits for one where nobody asked for so long that there is none of late."""
        with self._changed:
            now = self._asked_at = self._clock()
            wanted = now - 2 * self._pause
            self._changed.notify_all()
            came = self._changed.wait_for(lambda: self._ended or self._seen_at >= wanted, patience)
            if came and self._seen is not None:
                return self._seen
        return Seen(failure=f"the checks did not end within {patience:.0f} s\n  next: invoke check")

    def run(self) -> None:
        """Look, and again after each pause while somebody is interested."""
        while self._is_time():
            seen = self._safe_look()
            with self._changed:
                self._seen, self._seen_at = seen, self._clock()
                self._changed.notify_all()

    def end(self) -> None:
        """Make `run` return, at the latest after its present look, and nobody wait."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _is_time(self) -> bool:
        """Wait until a look is due; False once it is over."""
        with self._changed:
            while not self._ended:
                now = self._clock()
                if now - self._asked_at <= _STAYS_INTERESTED * self._pause:
                    left = self._seen_at + self._pause - now
                    if left <= 0:
                        return True
                    self._changed.wait(left)
                else:
                    self._changed.wait()
            return False

    def _safe_look(self) -> Seen:
        try:
            return self._look()
        except PlatformError as error:
            return Seen(failure=str(error))
        except Exception as error:  # the page outlives every error of a look
            return Seen(failure=f"{type(error).__name__}: {error}\n  next: invoke check.report")
