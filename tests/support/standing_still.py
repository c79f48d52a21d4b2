"""A server that is there and does nothing: all processes of a container stopped by SIGSTOP."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from docker.models.containers import Container


@contextmanager
def processes_stand_still(container: Container) -> Iterator[None]:
    """Stops every process of the container but Docker's init, and lets them go on afterwards.

    Processes come and go while they are listed: a health check ends, a server starts a worker. One that is gone needs
    no signal, and the list is read again until it names nobody new.
    """
    stopped: set[int] = set()
    try:
        while new := _processes(container) - stopped:
            for pid in new:
                _signal(pid, signal.SIGSTOP)
            stopped |= new
        assert stopped
        yield
    finally:
        for pid in stopped:
            _signal(pid, signal.SIGCONT)


def _processes(container: Container) -> set[int]:
    return {int(pid) for pid, command in container.top(ps_args="-o pid,args")["Processes"] if "docker-init" not in command}


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
