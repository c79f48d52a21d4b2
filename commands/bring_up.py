"""What `make up` does, in order: a ready machine, then a platform on it that is migrated, seeded, backed up and checked."""

from __future__ import annotations

import functools

from airgap.setup.steps import machine_steps
from core.errors import PlatformError
from core.runner import Progress, Step
from infra.connections import Platform, load

_ASKED_AGAIN = 3
_SECOND_LIMIT = 120.0  # seconds for a check that is asked again


def up_steps() -> list[Step]:
    """Return every step from a bare machine to a platform in use. Each does only what is not done yet."""
    return [
        *machine_steps(),
        Step("platform", "containers, accounts and TLS", run=_up),
        Step("migrations", "tables, indexes and grants", run=_migrate),
        Step("seed", "real candles, demo users and orders, cache entries, documents; nothing where there is data of its own", run=_seed),
        Step("backup", "the set that is due", run=_backup),
        Step("schedule", "backups, upkeep, drills, checks and audit by themselves from now on", run=_schedule),
        Step("check", "everything is as the blueprint says", run=_check),
    ]


def refuse_early() -> None:
    """Raise PlatformError if the stack's name is wrong or belongs to another clone on this engine: minutes before its own step would."""
    from airgap.toolchain.cli import pulumi_is_ready
    from infra import stacks
    from infra.connections import stack_name
    from infra.stack_names import check_name

    check_name(stack_name())
    if pulumi_is_ready():  # else nothing of a stack can be here
        stacks.refuse_others(stack_name())


@functools.cache
def _platform() -> Platform:
    return load()


def _up(progress: Progress) -> str:
    from backup.restoring import recovery
    from backup.restoring.journal import note
    from backup.sets.folders import folder_of
    from infra import stacks
    from infra.connections import stack_name

    recovery.refuse_without_keys(folder_of(), stack_name())
    try:
        stacks.up(progress=progress)
    finally:
        # Also where it failed: a store that is half restored may be why.
        if left := note(folder_of()):
            progress.log(left)
    _platform.cache_clear()
    # Nothing may come into stores that wait for what the lost ones held.
    recovery.refuse_unrestored(_platform(), folder_of(stack_name()), "what comes next, migrations and samples,")
    return f"stack {stack_name()}"


def _migrate(progress: Progress) -> str:
    from migrations import run

    return str(run.upgrade(_platform(), progress=progress))


def _seed(progress: Progress) -> str:
    from seed import everything, own_data

    own = own_data.own_data(_platform(), progress)
    if own:
        return f"has data of its own ({own}): nothing seeded; `invoke seed` does it"
    reports = everything.load(_platform(), None, progress)
    changed = [f"{report.changed} {report.name}" for report in reports if report.changed]
    return f"wrote {', '.join(changed)}" if changed else "nothing changed"


def _backup(progress: Progress) -> str:
    from backup import make

    manifest = make.make(_platform(), progress=progress)
    return f"set {manifest.id}" if manifest else "nothing is due"


def _schedule(_progress: Progress) -> str:
    from schedule import task

    return task.ensure(_platform())


def _check(progress: Progress) -> str:
    from monitor import checks, render
    from monitor.result import Status, exit_code

    progress.status("every check at once")
    results = checks.run(_platform())
    for _ in range(_ASKED_AGAIN):
        # A machine that has just compiled two servers answers late. Unknown is not broken: it is asked again.
        unknown = [result.name for result in results if result.status is Status.UNKNOWN]
        if not unknown:
            break
        progress.log(f"asking again what could not be learned: {', '.join(unknown)}")
        again = {result.name: result for result in checks.run(_platform(), unknown, timeout=_SECOND_LIMIT)}
        results = [again.get(result.name, result) for result in results]
    for result in results:
        if result.status is not Status.OK:
            progress.log(f"{result.status} {result.name}: {result.message}" + (f"; next: {result.next_step}" if result.next_step else ""))
    # A warning is for whoever runs the platform to weigh; it does not mean that bringing it up has failed.
    if exit_code(results) > 1:
        raise PlatformError(
            what=f"the platform is up, but not well: {render.summary(results)}",
            where="invoke check",
            next_step="see what each finding advises, then run `make up` again",
            exit_code=exit_code(results),
        )
    return render.summary(results)
