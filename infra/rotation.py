"""New passwords and keys for accounts and the embedder. The former ones stay valid for the blueprint's overlap: clients take up new ones.

The stack's settings count each account's rotations, and say until when the former secret is valid. `up` does the rest, so a step that was
interrupted is completed by the next one. docs/adr/0020.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from christmas.blueprint.password_rotation import ROTATED, ROTATION_RULES
from christmas.blueprint.services import EMBEDDER
from core.errors import PlatformError
from core.progress import Progress, SilentProgress
from core.runner import show_progress
from core.words import span_text
from infra import authority, stacks
from infra.components.haproxy_container import KEYS
from infra.connections import Platform, Turn, load, stack_name
from infra.settings import Overlap, overlap_of

_SHOWN = 6
# Redis' accounts stand in one file, and so do Weaviate's keys with their networks.
_COMMON = ("redis-config", "redis-reload", KEYS, f"{KEYS}-reload")
_STEPS = {
    authority.Step.CHANGE_OVER: "servers show certificates of the new CA",
    authority.Step.END: "the former CA is trusted no more",
}


class Stage(StrEnum):
    """How far an account's rotation is."""

    IDLE = "idle"  # nothing is under way; or the former secret's time is over
    COUNTED = "counted"  # interrupted: the settings count a rotation that the stack has not made
    MADE = "made"  # interrupted: both secrets are valid, and nothing says until when
    OVERLAP = "overlap"


@dataclass(frozen=True, slots=True)
class State:
    """An account's rotation: the number of the last one, how far it is, and until when the former secret is valid, if that is declared."""

    account: str
    generation: int
    stage: Stage
    until: datetime | None = None


def state(account: str, counted: int, overlap: Overlap | None, turn: Turn, now: datetime) -> State:
    """What the stack's settings (`counted`, `overlap`) and outputs (`turn`) say together. Pure."""
    until = overlap.time if overlap and overlap.generation == counted else None
    if counted > turn.generation:
        stage = Stage.COUNTED
    elif not turn.former or (until and until <= now):
        stage = Stage.IDLE
    else:
        stage = Stage.OVERLAP if until else Stage.MADE
    return State(account, counted, stage, until if stage is Stage.OVERLAP else None)


def rotate(stack: str | None, account: str, *, every: bool = False, finish: bool = False, at_once: bool = False) -> None:
    """Give the account, or `every` one, new secrets in each of its stores, without a restart; clients need new settings (`invoke env`).

    The former ones stay valid for the overlap. `finish` ends a running overlap and makes nothing new; `at_once` makes new ones and ends
    the former ones right afterwards. Interrupted, the same call goes on. Raises PlatformError for an unknown account, for one whose overlap
    is running, and for a failed `up`.
    """
    name = stack_name(stack)
    with show_progress(f"rotate {account or 'all accounts'}") as progress:
        states = _states(name, _chosen(account, every=every), load(name).rotations)
        if finish:
            _finish(name, states, progress)
            progress.log("no former secret is valid any more; sessions that are open stay open")
            return
        if at_once and any(rotation.stage is Stage.OVERLAP for rotation in states):
            # The place for a new secret is taken by the former one.
            _finish(name, states, progress)
            states = _states(name, [rotation.account for rotation in states], load(name).rotations)
        running = [rotation for rotation in states if rotation.stage is Stage.OVERLAP]
        if running and not every:
            raise _still_running(running[0], name)
        begun = _begin(name, [rotation for rotation in states if rotation.stage is not Stage.OVERLAP], progress)
        until = datetime.now(UTC).replace(microsecond=0) + ROTATION_RULES.overlap
        _declare(name, begun, until)
        for rotation in running:
            progress.log(f"{rotation.account} is left alone: its former secret is valid until {rotation.until:%Y-%m-%d %H:%M} UTC")
        if at_once:
            _finish(name, begun, progress)
    _tell(name, begun, until, at_once=at_once)


def end_overlaps(platform: Platform) -> list[str]:
    """Take away the former secrets whose overlap is over, and take a step of the CA's rotation that is due; returns what was done.

    For the schedule: changes nothing else. Raises PlatformError, and changes nothing, where `up` would do more than that.
    """
    former = [name for name, turn in platform.rotations.items() if turn.former]
    # With a former secret there, only one whose time is over leaves nothing under way.
    states = _states(platform.stack, former, platform.rotations) if former else []
    over = [rotation.account for rotation in states if rotation.stage is Stage.IDLE]
    step = authority.due(platform)
    due = [*([f"the former secrets of {', '.join(over)} end"] if over else []), *([_STEPS[step]] if step else [])]
    if not due:
        return []
    if others := other_changes(stacks.planned(platform.stack), over, authority.KINDS if step else frozenset()):
        raise PlatformError(
            what=f"it is time that {' and '.join(due)}, but other changes wait: {', '.join(others[:_SHOWN])}",
            where=f"stack {platform.stack}",
            next_step=f"invoke preview --stack {platform.stack} shows them, invoke up makes them and does this too",
        )
    stacks.up(platform.stack, progress=SilentProgress())
    return due


def other_changes(planned: Iterable[stacks.Change], accounts: Sequence[str], kinds: frozenset[str] = frozenset()) -> list[str]:
    """The planned changes that don't belong to the end of these accounts' former secrets, nor are of those kinds. Pure."""
    own = tuple(f"{account}-" for account in accounts)

    def belongs(change: stacks.Change) -> bool:
        return change.name.startswith(own) or (bool(accounts) and change.name in _COMMON) or change.kind in kinds

    return sorted(change.name for change in planned if change.operation != "update" or not belongs(change))


def _chosen(account: str, *, every: bool) -> list[str]:
    if not every and account not in ROTATED:
        raise PlatformError(
            what=f"there is no account {account!r}", where="christmas/blueprint/accounts.py", next_step=f"use one of: {', '.join(ROTATED)}"
        )
    return list(ROTATED) if every else [account]


def _states(stack: str, accounts: Sequence[str], turns: Mapping[str, Turn]) -> list[State]:
    settings, now = stacks.configuration(stack), datetime.now(UTC)
    if absent := [account for account in accounts if account not in turns]:
        raise PlatformError(
            what=f"stack {stack} knows nothing of rotations of {absent[0]}",
            where="its outputs: an older version brought it up",
            next_step=f"invoke up --stack {stack}, then run this again",
        )
    counted: Mapping[str, object] = settings.get("rotations", {})
    declared: Mapping[str, object] = settings.get("formerUntil", {})
    return [state(name, int(str(counted.get(name, 0))), overlap_of(declared.get(name)), turns[name], now) for name in accounts]


def _begin(stack: str, states: Sequence[State], progress: Progress) -> list[State]:
    """Count what is not under way, and bring the stack up. An interrupted rotation is not counted again."""
    rotated = [State(before.account, before.generation + (before.stage is Stage.IDLE), Stage.MADE) for before in states]
    for before, after in zip(states, rotated, strict=True):
        if before.stage is Stage.IDLE:
            stacks.set_configuration(stack, f"christmas:rotations.{after.account}", str(after.generation))
        else:
            progress.log(f"going on with the rotation of {after.account}")
    if any(rotation.stage in (Stage.IDLE, Stage.COUNTED) for rotation in states):
        stacks.up(stack, progress=progress)
    return rotated


def _declare(stack: str, states: Iterable[State], until: datetime) -> None:
    """Say until when the former secrets are valid: only now that the new ones are, so that an interruption shortens nobody's overlap."""
    for rotation in states:
        stacks.set_configuration(stack, f"christmas:formerUntil.{rotation.account}", f"{rotation.generation}@{until.isoformat()}")


def _finish(stack: str, states: Sequence[State], progress: Progress) -> None:
    """End the overlaps that are running or over, now."""
    if unfinished := [rotation for rotation in states if rotation.stage is Stage.COUNTED]:
        # Nobody has the new secret yet.
        _begin(stack, unfinished, progress)
    _declare(stack, [rotation for rotation in states if rotation.stage is not Stage.IDLE], datetime.now(UTC).replace(microsecond=0))
    progress.status("ending the former secrets")
    stacks.up(stack, progress=progress)


def _still_running(running: State, stack: str) -> PlatformError:
    return PlatformError(
        what=f"account {running.account} was rotated already: its former secret is valid until {running.until:%Y-%m-%d %H:%M} UTC",
        where=f"stack {stack}",
        next_step=f"wait; or, if no client needs it any more: invoke accounts.rotate {running.account} --finish",
    )


def _tell(stack: str, begun: Sequence[State], until: datetime, *, at_once: bool) -> None:
    for rotation in begun:
        name = rotation.account
        if name == EMBEDDER.name:
            print(f"the embedder has a new key; write each application's settings again: invoke env --account NAME --stack {stack}")
        else:
            print(f"account {name} has new credentials; write its settings again: invoke env --account {name} --stack {stack}")
    if not begun:
        print("no account was rotated")
    elif at_once:
        print("the former ones are refused from now on; sessions that are open stay open")
    else:
        span = span_text(ROTATION_RULES.overlap)
        print(f"the former ones are valid for {span}, until {until:%Y-%m-%d %H:%M} UTC; then the schedule or `invoke up` ends them")
