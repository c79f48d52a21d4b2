"""Whose turn it is: an account has two places for a secret, `first` and `twin`. A rotation fills the one that is not in use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from airgap.toolchain.plugin.wire import UNKNOWN
from infra.provider.kind import Call, Input, ResourceKind, Shape, Values

PLACES = ("first", "twin")


def _generation(value: int) -> str | None:
    return None if value >= 0 else "is negative"


class Rotation(ResourceKind):
    """The generation of the secret in each place, "" for an empty one; `newest` names the place of the newest.

    A changed generation fills the other place and leaves the newest as the former. `over` empties the former's place. What is kept
    depends on the state alone, never on the clock: an `up` or a refresh in between changes nothing.
    """

    inputs = {"generation": Input(Shape.INTEGER, rule=_generation), "over": Input(Shape.BOOLEAN, required=False, default=False)}
    outputs: ClassVar[tuple[str, ...]] = (*PLACES, "newest", "made")

    def differences(self, state: Values, old: Values, new: Values) -> dict[str, str]:
        """A former secret whose time is over, even if the inputs said so before it was there."""
        del old
        former = _other(state["newest"])
        return {former: "the time of the former secret is over"} if new["over"] is True and state[former] else {}

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        del changed
        after = _begun(inputs) if state is None else _turned(state, inputs)
        return after | ({} if state and after["newest"] == state["newest"] else {"made": UNKNOWN})

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        return call.name, _begun(inputs) | {"made": _now()}

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        del call, old
        after = _turned(state, inputs)
        return after | ({"made": _now()} if after["newest"] != state["newest"] else {})


def _begun(inputs: Values) -> Values:
    return {"first": str(inputs["generation"]), "twin": "", "newest": "first"}


def _turned(state: Values, inputs: Values) -> Values:
    generation, newest = str(inputs["generation"]), state["newest"]
    former = _other(newest)
    if state[newest] != generation:
        return state | {former: generation, "newest": former}
    return state | {former: ""} if inputs["over"] is True else dict(state)


def _other(place: str) -> str:
    return PLACES[1 - PLACES.index(place)]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
