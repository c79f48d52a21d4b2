"""Foreign users of a stack's volumes: a restore beside it reads the live repository, which then must not be deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.errors import PlatformError
from core.labels import PURPOSE_LABEL, STACK_LABEL

if TYPE_CHECKING:
    import docker

RESTORE = "restore"


def users(host: docker.DockerClient, stack: str, volumes: Iterable[str]) -> dict[str, list[str]]:
    """Foreign containers that use any of the volumes: the command that removes them, to their names."""
    by_command: dict[str, list[str]] = {}
    for volume in volumes:
        for container in host.containers.list(all=True, ignore_removed=True, filters={"volume": volume}):
            labels, name = container.labels, str(container.name)
            other = labels.get(STACK_LABEL, "")
            if other == stack:
                continue  # removed with the stack
            command = f"invoke backup.remove {other}" if labels.get(PURPOSE_LABEL) == RESTORE and other else f"docker rm -f {name}"
            names = by_command.setdefault(command, [])
            if name not in names:
                names.append(name)
    return dict(sorted(by_command.items()))


def refuse_use(host: docker.DockerClient, stack: str, volumes: Iterable[str]) -> None:
    """Raise PlatformError if foreign containers use the volumes, with the commands that remove them."""
    by_command = users(host, stack, volumes)
    if not by_command:
        return
    restores = [command.split()[-1] for command in by_command if command.startswith("invoke")]
    foreign = [f"restore {name}" for name in restores] + [
        names[0] for command, names in by_command.items() if not command.startswith("invoke")
    ]
    raise PlatformError(
        what=f"the data of stack {stack} is in use by {', '.join(foreign)}",
        where=f"containers {', '.join(sorted(name for names in by_command.values() for name in names))}",
        next_step="\n".join([*by_command, f"then run this again: invoke down --volumes --stack {stack}"]),
    )
