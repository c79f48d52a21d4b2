"""What a service's container is, said once: a Pulumi component, a scratch container of drills and restores, and tests are made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from christmas.blueprint.model import Limits

Content = TypeVar("Content")

HEALTH_EVERY = "1m0s"
"""How often Docker runs it. Long, because each run starts a process in the container, which costs more than an idle store: code that waits
for a container runs the check itself (core.health). In Go's form: the official plugin reads it back so, and compares texts."""
HEALTH_SECONDS = 15
"""The time limit of each service's health check."""
HEALTH_TRIES = 2
"""So many failures in a row make a container unhealthy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceContainer(Generic[Content]):
    """The container of a service, without its image, user, network and names.

    `volumes` maps paths inside to the parts of a stack that are mounted there, `read_only_volumes` those that the service can't write.
    `files` are in CONFIG_DIRECTORY, beside the service's certificates: texts, or outputs of Pulumi. `health` is the check in Docker's form.
    `read_anew` names files that the service reads at each use: a change of them alone is nothing to load.
    `settings` is the text of settings that the service reads only at its start: a changed text replaces the container.
    """

    service: str
    limits: Limits
    health: Sequence[str]
    command: Sequence[str] = ()
    entrypoint: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    read_only_volumes: Mapping[str, str] = field(default_factory=dict)
    own_tmpfs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Content | str] = field(default_factory=dict, repr=False)
    read_anew: Sequence[str] = ()
    settings: str = ""
    stop_signal: str = "SIGTERM"
    shm_mib: int = 64
    wait_seconds: int = 180

    @property
    def tmpfs(self) -> dict[str, str]:
        """Mount options by path: its own, and the one that every service has, since the root file system is read-only."""
        return {**self.own_tmpfs, "/tmp": f"rw,noexec,nosuid,nodev,size={self.limits.tmpfs_mib}m,mode=1777"}  # noqa: S108 - inside it

    @property
    def ulimits(self) -> dict[str, int]:
        """No core dump, and the memory that one process may have, in bytes, where the blueprint bounds it.

        In a core dump would lie what a crashed server had in memory: passwords and rows.
        """
        return {"core": 0} | ({"data": self.limits.process_mib * 1024 * 1024} if self.limits.process_mib else {})

    def options(self, user: str) -> dict[str, Any]:
        """The container as Docker's SDK makes it, for drills, restores and tests; the stack's own is made from the same fields."""
        from docker.types import Ulimit

        memory = f"{self.limits.memory_mib}m"
        return {
            "command": list(self.command),
            "entrypoint": list(self.entrypoint) or None,
            "environment": dict(self.environment),
            "user": user,
            "read_only": True,
            "tmpfs": self.tmpfs,
            "init": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "mem_limit": memory,
            "memswap_limit": memory,
            "nano_cpus": round(self.limits.cpus * 1e9),
            "pids_limit": self.limits.processes,
            "ulimits": [Ulimit(name=name, soft=bound, hard=bound) for name, bound in self.ulimits.items()],
            "shm_size": f"{self.shm_mib}m",
            "stop_signal": self.stop_signal,
        }
