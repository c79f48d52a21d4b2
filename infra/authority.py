"""A new CA for a stack, in three steps: it is trusted beside the former one, then it signs, and then the former one is trusted no more.

Between two steps there is the blueprint's overlap, in which clients read the trust file again. The settings count rotations, and say when
the servers change over; the stack's outputs say which step is done. `up` takes a step, so an interrupted one is completed by the next `up`.
docs/adr/0023.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from christmas.blueprint.password_rotation import ROTATION_RULES
from core.errors import PlatformError
from core.progress import Progress
from core.runner import show_progress
from infra import stacks
from infra.connections import AuthorityTurn, Platform, load, stack_name
from infra.settings import AUTHORITY, Overlap, overlap_of

KINDS = frozenset({"AuthorityRotation", "CertificateAuthority", "Certificate", "ConfigFiles", "Reload", "WeaviateRole", "WeaviateUser"})
"""What a step changes."""


class Step(StrEnum):
    """What has to be done next, and now, unless it is one of the two waits."""

    BEGIN = "begin"  # nothing is under way
    MAKE = "make"  # interrupted: the settings count a CA that the stack has not made
    DECLARE = "declare"  # interrupted: both are trusted, and nothing says when servers change over
    WAIT_FOR_TRUST = "wait for trust"  # both are trusted, the former one signs
    CHANGE_OVER = "change over"
    WAIT_FOR_END = "wait for the end"  # both are trusted, the newest signs
    END = "end"


@dataclass(frozen=True, slots=True)
class State:
    """A CA's rotation: its number, what is next, and when."""

    generation: int
    step: Step
    time: datetime | None = None


def state(counted: int, overlap: Overlap | None, turn: AuthorityTurn, now: datetime) -> State:
    """What the stack's settings (`counted`, `overlap`) and outputs (`turn`) say together. Pure."""
    if counted > turn.generation:
        return State(counted, Step.MAKE)
    if not turn.former:
        return State(counted, Step.BEGIN)
    if overlap is None or overlap.generation != counted:
        return State(counted, Step.DECLARE)
    wait, act, time = (
        (Step.WAIT_FOR_TRUST, Step.CHANGE_OVER, overlap.time)
        if turn.former_signs
        else (Step.WAIT_FOR_END, Step.END, overlap.time + ROTATION_RULES.overlap)
    )
    return State(counted, wait if now < time else act, time)


def due(platform: Platform) -> Step | None:
    """The step that the schedule has to take now, if any."""
    if platform.authority is None or not platform.authority.former:
        return None
    step = look(platform).step
    return step if step in (Step.CHANGE_OVER, Step.END) else None


def look(platform: Platform) -> State:
    """How far the stack's rotation is.

    Raises PlatformError for a stack of an older version.
    """
    if platform.authority is None:
        raise PlatformError(
            what=f"stack {platform.stack} knows nothing of rotations of its CA",
            where="its outputs: an older version brought it up",
            next_step=f"invoke up --stack {platform.stack}, then run this again",
        )
    settings = stacks.configuration(platform.stack)
    counted: Mapping[str, object] = settings.get("rotations", {})
    declared: Mapping[str, object] = settings.get("formerUntil", {})
    return state(int(str(counted.get(AUTHORITY, 0))), overlap_of(declared.get(AUTHORITY)), platform.authority, datetime.now(UTC))


def rotate(stack: str | None, *, finish: bool = False, at_once: bool = False) -> None:
    """Begin a rotation of the CA, or go on with one; `finish` takes all steps that are left, `at_once` all of them.

    Raises PlatformError where it has to wait, for a stack of an older version, and for a failed `up`.
    """
    name = stack_name(stack)
    with show_progress("rotate the CA") as progress:
        rotation = look(load(name))
        if rotation.step in (Step.WAIT_FOR_TRUST, Step.WAIT_FOR_END) and not (finish or at_once):
            raise _waits(rotation, name)
        now = datetime.now(UTC).replace(microsecond=0)
        if at_once and rotation.step in (Step.WAIT_FOR_TRUST, Step.WAIT_FOR_END):
            # The place for a new one is taken by the former one.
            _finish(name, now, progress)
            rotation = look(load(name))
        if rotation.step is Step.BEGIN and not finish:
            rotation = State(rotation.generation + 1, Step.MAKE)
            stacks.set_configuration(name, f"christmas:rotations.{AUTHORITY}", str(rotation.generation))
        if rotation.step in (Step.MAKE, Step.DECLARE):
            if rotation.step is Step.MAKE:
                _up(name, "a new CA, trusted beside the former one", progress)
            _declare(name, rotation, now if finish or at_once else now + ROTATION_RULES.overlap)
        elif rotation.step in (Step.CHANGE_OVER, Step.END):
            _up(name, rotation.step, progress)
        if finish or at_once:
            _finish(name, now, progress)
        rotation = look(load(name))
    _tell(rotation, name)


def _finish(stack: str, now: datetime, progress: Progress) -> None:
    """The steps that are left, without waiting. Each `up` takes one: none takes trust from what another one still shows."""
    rotation = look(load(stack))
    if rotation.step in (Step.WAIT_FOR_TRUST, Step.CHANGE_OVER):
        _declare(stack, rotation, now)
        _up(stack, "the servers change over to the new CA", progress)
        rotation = look(load(stack))
    if rotation.step in (Step.WAIT_FOR_END, Step.END):
        _declare(stack, rotation, now - ROTATION_RULES.overlap)
        _up(stack, "the former CA is trusted no more", progress)


def _up(stack: str, what: str, progress: Progress) -> None:
    progress.log(what)
    stacks.up(stack, progress=progress)


def _declare(stack: str, rotation: State, time: datetime) -> None:
    stacks.set_configuration(stack, f"christmas:formerUntil.{AUTHORITY}", f"{rotation.generation}@{time.isoformat()}")


def _waits(rotation: State, stack: str) -> PlatformError:
    what = "servers show certificates of the new CA from" if rotation.step is Step.WAIT_FOR_TRUST else "the former CA is trusted until"
    return PlatformError(
        what=f"a rotation of the CA is under way: {what} {_shown(rotation.time)}",
        where=f"stack {stack}",
        next_step="wait, the schedule goes on; or, if every client has read its trust file again: invoke accounts.rotate --ca --finish",
    )


def _tell(rotation: State, stack: str) -> None:
    match rotation.step:
        case Step.WAIT_FOR_TRUST:
            seen_by = f"before {_shown(rotation.time)}: invoke env --stack {stack}"
            print(f"two CAs are trusted; clients have to read the trust file again {seen_by}")
            print("then the schedule or `invoke up` has the servers change over to the new one")
        case Step.WAIT_FOR_END:
            print(f"servers show certificates of the new CA; the former one is trusted until {_shown(rotation.time)}")
        case _:
            print("one CA is trusted, the newest; kits and trust files from before are of no use: invoke env, invoke backup.kit")


def _shown(time: datetime | None) -> str:
    return "an unknown time" if time is None else f"{time:%Y-%m-%d %H:%M} UTC"
