"""Problems of a container's inputs in combination, found before anything is made."""

from __future__ import annotations

from typing import Any

from airgap.toolchain.docker_plugin.resources import uploads
from airgap.toolchain.plugin.wire import has_unknown


def problems(inputs: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the path and the reason of each input that conflicts with the others."""
    faults: list[tuple[str, str]] = []
    if inputs.get("attach") and inputs.get("mustRun") and not has_unknown([inputs["attach"], inputs["mustRun"]]):
        faults.append(("attach", "waits for the container's end, so `mustRun` must be false"))
    if inputs.get("logs") and not inputs.get("attach"):
        faults.append(("logs", "needs `attach`: only then is there an end up to which to keep the log"))
    if inputs.get("rm") and inputs.get("restart") not in (None, "no"):
        faults.append(("rm", f"removes the container when it exits, which does not go with `restart` {inputs['restart']!r}"))
    if inputs.get("maxRetryCount") and inputs.get("restart") != "on-failure":
        faults.append(("maxRetryCount", "only counts with `restart` 'on-failure'"))
    if inputs.get("cpus") and (inputs.get("cpuPeriod") or inputs.get("cpuQuota")):
        faults.append(("cpus", "already says what `cpuPeriod` and `cpuQuota` say: give one or the other"))
    faults += _limits(inputs)
    faults += [problem for index, item in enumerate(inputs.get("volumes") or []) for problem in _volume(f"volumes[{index}]", item)]
    if not has_unknown(inputs.get("uploads")):
        faults += uploads.problems(inputs.get("uploads") or [])
    check = inputs.get("healthcheck")
    if isinstance(check, dict) and not check.get("tests"):
        faults.append(("healthcheck.tests", 'is missing: the command that tells health, such as ["CMD", "redis-cli", "ping"]'))
    return faults


def _limits(inputs: dict[str, Any]) -> list[tuple[str, str]]:
    memory, swap = inputs.get("memory"), inputs.get("memorySwap")
    if isinstance(memory, int) and isinstance(swap, int) and 0 < swap < memory:
        return [("memorySwap", f"is memory and swap together, so it must be at least `memory`: {memory} MB")]
    if isinstance(swap, int) and swap and not memory:
        return [("memorySwap", "needs `memory` as well")]
    return []


def _volume(where: str, item: Any) -> list[tuple[str, str]]:
    if not isinstance(item, dict) or has_unknown(item):
        return []
    if item.get("fromContainer"):
        return (
            [(where, "shares another container's volumes (`fromContainer`), so it takes no `containerPath`")]
            if item.get("containerPath")
            else []
        )
    return [] if item.get("containerPath") else [(f"{where}.containerPath", "is missing: where the volume is mounted")]
