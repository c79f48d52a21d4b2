"""From nothing to a running platform: `make up` in a fresh clone with empty caches and images of its own, timed step by step.

`python -m bench.platform_up --cold` runs it. The machine should do nothing else, unless `--busy N` asks for N busy loops beside.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from core import temporary

ROOT = Path(__file__).resolve().parent.parent
_STEP = re.compile(r"^(?:Step \d+/\d+ )?(?P<name>[^…]+?) … done(?: in (?P<wall>[^,:]+?))?(?:, (?P<processor>[^:]+) of processor)?(?::.*)?$")
_SECTION = re.compile(r"^=== (?P<name>.+) \((?P<second>\d+) s\)$")
_IDLE_SHARE = 0.5


@dataclass
class Machine:
    """What the machine did, looked at once a second: processor seconds, bytes received, and seconds in which it mostly waited."""

    busy_seconds: float = 0.0
    waiting_seconds: float = 0.0
    received: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look until `stop` is called."""
        cores = os.cpu_count() or 1
        begun = last = _processor_seconds()
        received = _bytes_received()
        while not self._stopped.wait(1):
            now = _processor_seconds()
            self.waiting_seconds += now - last < cores * _IDLE_SHARE
            last = now
        self.busy_seconds = last - begun
        self.received = _bytes_received() - received

    def stop(self) -> None:
        """End the watch."""
        self._stopped.set()


def measure(busy: int) -> int:
    """Run `.ci/run --up` in a fresh clone of the last commit with `busy` loops beside, print a table; return its exit code."""
    console = Console()
    with temporary.folder("cold") as place:
        clone = place / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
        try:
            code, seconds, rows, machine = _run(clone)
        finally:
            for loop in loops:
                loop.kill()
                loop.wait()
    table = Table("step", "seconds", "processor seconds of its process", title=f"make up from empty caches, {busy} busy loops beside")
    for name, wall, processor in rows:
        table.add_row(name, wall, processor)
    console.print(table)
    beside = "" if not busy else ", the busy loops included"
    console.print(
        f"make up: {seconds:.0f} s; the machine used {machine.busy_seconds:.0f} processor seconds{beside}, "
        f"received {machine.received / 1e6:.0f} MB,\n"
        f"and mostly waited, for the network or for servers, in {machine.waiting_seconds:.0f} of these seconds."
    )
    return code


def _run(clone: Path) -> tuple[int, float, list[tuple[str, str, str]], Machine]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CHRISTMAS_", "VIRTUAL_ENV"))}
    environment["PATH"] = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if not part.startswith(str(ROOT)))
    machine, rows, seconds = Machine(), [], 0.0
    watch = threading.Thread(target=machine.watch)
    with subprocess.Popen(
        ["bash", ".ci/run", "--up"], cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        started = time.monotonic()
        for line in process.stdout or ():
            sys.stderr.write(line)
            section = _SECTION.match(line)
            if section and section["name"] == "make up":
                watch.start()
                started = time.monotonic()
            elif section and not seconds:
                seconds = time.monotonic() - started
                machine.stop()
            step = _STEP.match(line.rstrip())
            if step and not seconds:
                rows.append((step["name"], step["wall"] or "-", step["processor"] or "-"))
    machine.stop()
    watch.join()
    return process.returncode, seconds, rows, machine


def _processor_seconds() -> float:
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _bytes_received() -> int:
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    interfaces = dict(line.split(":", 1) for line in lines)
    return sum(int(counters.split()[0]) for name, counters in interfaces.items() if name.strip().startswith(("eth", "en", "wl")))
