"""Whose turn it is: an account, or the CA, has two places for a secret, `first` and `twin`. A rotation fills the one not in use."""

from __future__ import annotations

from datetime import UTC, datetime

from airgap.toolchain.plugin.wire import UNKNOWN
from infra.provider.declaration import Input, Output, Resource, gives, takes
from infra.provider.kind import Call, ResourceKind, Values

PLACES = ("first", "twin")


def _generation(value: int) -> str | None:
    return None if value >= 0 else "is negative"


class Rotation(Resource):
    """The generation of an account's secret in each of its two places, "" in an empty one; `newest` is `first` or `twin`, `made` its time.

    A changed `generation` fills the place that is not in use and leaves the newest as the former; `over` ends the former secret.
    """

    generation: Input[int] = takes(rule=_generation)
    over: Input[bool] = False
    first: Output[str] = gives()
    twin: Output[str] = gives()
    newest: Output[str] = gives()
    made: Output[str] = gives()


class RotationKind(ResourceKind):
    """What is kept depends on the state alone, never on the clock: an `up` or a refresh in between changes nothing."""

    declared = Rotation

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


class AuthorityRotation(Rotation):
    """A Rotation of the CA. `signer` is the place whose CA signs: the former's until `hand_over`, so that clients come to trust both."""

    hand_over: Input[bool] = False
    signer: Output[str] = gives()


class AuthorityRotationKind(RotationKind):
    """One update takes one step: what servers may still show is never taken out of the trust files by the update that has it replaced."""

    declared = AuthorityRotation

    def differences(self, state: Values, old: Values, new: Values) -> dict[str, str]:  # noqa: D102
        if not state[_other(state["newest"])]:
            return {}
        if state["signer"] == state["newest"]:
            return super().differences(state, old, new)
        return {"signer": "the newest CA is to sign"} if new["hand_over"] is True else {}

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        after = super().planned(state, changed, inputs) if state is None or not _hands_over(state, inputs) else dict(state)
        return after | {"signer": _signer(state, inputs)}

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        identity, begun = super().create(call, inputs)
        return identity, begun | {"signer": _signer(None, inputs)}

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        after = dict(state) if _hands_over(state, inputs) else super().update(call, state, old, inputs)
        return after | {"signer": _signer(state, inputs)}


def _hands_over(state: Values, inputs: Values) -> bool:
    """Whether servers still show certificates of the former CA: until they don't, nothing but the signer changes."""
    newest = state["newest"]
    return bool(state[newest] == str(inputs["generation"]) and state["signer"] != newest)


def _signer(state: Values | None, inputs: Values) -> str:
    if state is None:
        return "first"
    newest: str = state["newest"]
    # A new CA signs nothing at first: the one that was the newest goes on.
    return state["signer"] if _hands_over(state, inputs) and inputs["hand_over"] is not True else newest


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
