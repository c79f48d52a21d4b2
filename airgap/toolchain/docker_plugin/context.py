"""The context of every operation on a resource."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from airgap.toolchain.docker_plugin.engine import Engine
from airgap.toolchain.docker_plugin.errors import CancelledByUserError


@dataclass(frozen=True)
class Call:
    """One operation on one resource."""

    engine: Engine
    urn: str
    warn: Callable[[str], None]
    """Show the user a warning beside the resource."""
    status: Callable[[str], None]
    """Show the user the present activity; replaced by the next one."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    timeout: float = 0
    """The program's time limit in seconds (`custom_timeouts`); 0 for none."""

    def sleep(self, seconds: float) -> None:
        """Wait, unless the user interrupts the run.

        Raises CancelledByUserError.
        """
        if self.cancelled.wait(seconds):
            raise CancelledByUserError("interrupted", next_step="run `pulumi up` again; it continues from here")
