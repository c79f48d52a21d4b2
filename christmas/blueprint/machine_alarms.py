"""Bounds from which the checks of the machine (`host.*`) report a problem: disk, memory, load, clocks, the Docker engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAlarms:
    """Shares of free disk, available memory, and used container memory; `load` is per core.

    `days` is the time until a disk is full at the growth of the last day; `clock` is the difference between two clocks.
    """

    disk_warn: float = 0.1
    disk_critical: float = 0.03
    days_warn: float = 7.0
    days_critical: float = 1.0
    memory_warn: float = 0.1
    memory_critical: float = 0.03
    container_memory_warn: float = 0.9
    container_memory_critical: float = 0.98
    oom_critical: int = 1
    clock_warn: timedelta = timedelta(seconds=2)
    clock_critical: timedelta = timedelta(seconds=30)
    load_warn: float = 4.0
    engine_warn: timedelta = timedelta(seconds=2)


HOST_ALARMS = HostAlarms()
