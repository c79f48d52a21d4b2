"""How soon a fault is seen, and what else is called critical: `python -m bench.detection --stack NAME [--only WORDS]`.

Makes one fault after another on a stack that runs and whose data nobody needs, asks `invoke check` until the check tells of it, and
takes the fault back. The last one deletes Redis' data. Needs root and an engine on this machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

from bench.faults import FAULTS, Fault
from bench.measured import Figure, add_options, show
from infra import connections
from infra.connections import ROOT, Platform
from monitor.result import Status

_GIVEN_UP_AFTER = 150.0
_QUIET_WITHIN = 240.0
Told = dict[str, tuple[str, str]]
"""What each check said, by its name: status and message."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", required=True, help="a stack that runs, and whose data may be lost")
    parser.add_argument("--only", default="", help="only faults whose name has these words")
    add_options(parser)
    options = parser.parse_args()
    platform = connections.load(options.stack)
    status, message = _ask(platform)["postgres.revision"]
    if status != Status.OK:
        sys.exit(f"stack {platform.stack} has no tables for clients to work on ({message}): invoke migrate and invoke seed.demo first")
    figures = []
    for fault in FAULTS:
        if options.only in fault.name:
            figures += _measured(platform, fault)
    return show("Seconds until a fault is seen", figures, options)


def _measured(platform: Platform, fault: Fault) -> list[Figure]:
    before = _ask(platform)
    if before.get(fault.check, ("", ""))[0] not in (Status.OK, Status.UNKNOWN):
        _tell(f"{fault.name}: {fault.check} is {before[fault.check]} before it")
    began = time.monotonic()
    with fault.make(platform) as look:
        statuses = _ask(platform, look)
        while not _sees(fault, before, statuses) and time.monotonic() - began < _GIVEN_UP_AFTER:
            statuses = _ask(platform, look)
        seconds = time.monotonic() - began
    status, message = statuses[fault.check]
    _tell(f"{fault.name}: {fault.check} {status} after {seconds:.1f} s: {message[:160]}")
    new = [name for name, (status, _) in statuses.items() if status == Status.CRITICAL and before.get(name, ("",))[0] != status]
    false = [name for name in new if not fault.explains(name)]
    beside = ", ".join(name for name in new if name != fault.check) or "nothing"
    _tell(f"  critical beside it: {beside}; not its consequence: {', '.join(false) or 'none'}")
    ended = time.monotonic()
    while _ask(platform)[fault.check][0] in (Status.CRITICAL, Status.UNKNOWN) and time.monotonic() - ended < _QUIET_WITHIN:
        time.sleep(2)
    seen = seconds if _sees(fault, before, statuses) else float("inf")
    return [
        Figure(f"{fault.name}: seen by {fault.check}", min(seen, 9999.0), "s", fault.seconds),
        *(Figure(f"{fault.name}: criticals that are not its consequence, {', '.join(false)}", len(false), "", 0.5) for _ in false[:1]),
    ]


def _sees(fault: Fault, before: Told, statuses: Told) -> bool:
    """Whether the check is not ok, and says something that it did not say before."""
    status, _ = statuses[fault.check]
    return status != Status.OK and status != before.get(fault.check, ("",))[0]


def _ask(platform: Platform, look: tuple[str, ...] = (str(ROOT / ".venv/bin/invoke"), "check", "--json")) -> Told:
    """What all checks say, as whoever types it sees it: with the start of the process, in a session of its own."""
    done = subprocess.run([*look, "--stack", platform.stack], cwd=ROOT, check=False, capture_output=True, text=True, start_new_session=True)
    try:
        return {check["name"]: (check["status"], check["message"]) for check in json.loads(done.stdout)["checks"]}
    except ValueError:
        sys.exit(f"invoke check tells nothing:\n{done.stdout}{done.stderr}")


def _tell(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S', time.gmtime())} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
