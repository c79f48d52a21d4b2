"""invoke's namespaces. The tasks are in `commands/`, a file for each."""

from __future__ import annotations

from types import ModuleType

from invoke.collection import Collection
from invoke.tasks import Task

from commands import accounts, alerts, audit, backups, checks, closed_pipes, console, images, schedule, schema, seeding, stack

_NAMESPACES = {
    "migrate": schema,
    "seed": seeding,
    "backup": backups,
    "schedule": schedule,
    "check": checks,
    "accounts": accounts,
    "audit": audit,
    "alerts": alerts,
    "images": images,
}

# Here, so that it holds for `invoke --list` as well.
closed_pipes.end_quietly()


def _tasks(module: ModuleType) -> list[Task]:  # type: ignore[type-arg] # Task is generic only to type checkers
    return [candidate for candidate in vars(module).values() if isinstance(candidate, Task)]


namespace = Collection(*_tasks(stack), *_tasks(console))
for _name, _module in _NAMESPACES.items():
    namespace.add_collection(Collection(_name, *_tasks(_module)))
# The name it had when it did backups alone: lines of cron and units that were printed then go on working.
namespace.collections["backup"].add_task(schedule.schedule_run, name="schedule")
