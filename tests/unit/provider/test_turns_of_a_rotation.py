"""Whose turn it is: which of two places a rotation fills, and when the former secret goes."""

from __future__ import annotations

import pytest

from airgap.toolchain.plugin.wire import UNKNOWN
from infra.provider.kind import Call, Values
from infra.provider.rotation import AuthorityRotationKind, RotationKind
from infra.provider.server import differences

KIND = RotationKind()
CALL = Call("urn:pulumi:s::christmas::christmas:index:Rotation::api-rotation", lambda _severity, _message: None)
BEGUN = {"first": "0", "twin": "", "newest": "first"}
TURNED = {"first": "0", "twin": "1", "newest": "twin"}


def inputs(generation: int, *, over: bool = False) -> Values:
    return {"generation": generation, "over": over}


def after(state: Values, new: Values) -> Values:
    found = KIND.update(CALL, {**state, "made": "before"}, {}, new)
    return {name: value for name, value in found.items() if name != "made"}


@pytest.mark.parametrize(
    ("state", "new", "expected"),
    [
        (BEGUN, inputs(1), TURNED),
        (TURNED, inputs(1, over=True), {"first": "", "twin": "1", "newest": "twin"}),
        ({"first": "", "twin": "1", "newest": "twin"}, inputs(2), {"first": "2", "twin": "1", "newest": "first"}),
        # Counted up by hand within an overlap: the newest stays valid, the one before it makes room.
        (TURNED, inputs(2), {"first": "2", "twin": "1", "newest": "first"}),
        # Without a former secret there is nothing to end.
        (BEGUN, inputs(0, over=True), BEGUN),
        (TURNED, inputs(1), TURNED),
    ],
)
def test_the_other_place_is_filled_and_the_former_one_emptied(state: Values, new: Values, expected: Values) -> None:
    found = after(state, new)
    assert found == expected
    planned = KIND.planned({**state, "made": "before"}, frozenset(), new)
    assert {name: value for name, value in planned.items() if name != "made"} == expected
    assert (planned["made"] is UNKNOWN) == (found["newest"] != state["newest"])


def test_the_newest_secret_is_never_taken_away() -> None:
    for state in (BEGUN, TURNED):
        for new in (inputs(0), inputs(1), inputs(7), inputs(1, over=True), inputs(7, over=True)):
            found = after(state, new)
            kept = {state["newest"]: state[state["newest"]]}
            assert kept.items() <= found.items()
            assert found[found["newest"]]


@pytest.mark.parametrize(
    ("state", "old", "new", "changed"),
    [
        (TURNED, inputs(1), inputs(1), set()),
        (TURNED, inputs(1), inputs(1, over=True), {"over", "first"}),
        # The settings said so before the former secret was one: a later `up` still sees it.
        (TURNED, inputs(1, over=True), inputs(1, over=True), {"first"}),
        (BEGUN, inputs(0, over=True), inputs(0, over=True), set()),
    ],
)
def test_an_overlap_that_runs_is_no_difference_and_one_that_is_over_is(state: Values, old: Values, new: Values, changed: set[str]) -> None:
    assert set(differences(KIND, state, old, new)) == changed


def test_a_stack_of_a_former_version_goes_on_with_its_count() -> None:
    _, state = KIND.create(CALL, inputs(3))
    assert (state["first"], state["twin"], state["newest"]) == ("3", "", "first")


AUTHORITY = AuthorityRotationKind()
TRUSTED = {**TURNED, "signer": "first"}
CHANGED_OVER = {**TURNED, "signer": "twin"}
ENDED = {**CHANGED_OVER, "first": ""}
AGAIN = {"first": "2", "twin": "1", "newest": "first", "signer": "twin"}


def steps(generation: int, *, hand_over: bool = False, over: bool = False) -> Values:
    return {"generation": generation, "hand_over": hand_over, "over": over}


@pytest.mark.parametrize(
    ("state", "new", "expected"),
    [
        ({**BEGUN, "signer": "first"}, steps(1), TRUSTED),
        # What was declared for the rotation before.
        ({**BEGUN, "signer": "first"}, steps(1, hand_over=True, over=True), TRUSTED),
        (TRUSTED, steps(1), TRUSTED),
        (TRUSTED, steps(1, hand_over=True), CHANGED_OVER),
        # Both times are over: one update takes one step, and the former CA is trusted while servers change over.
        (TRUSTED, steps(1, hand_over=True, over=True), CHANGED_OVER),
        (CHANGED_OVER, steps(1, hand_over=True), CHANGED_OVER),
        (CHANGED_OVER, steps(1, hand_over=True, over=True), ENDED),
        (ENDED, steps(2), AGAIN),
        # Counted up by hand within an overlap: what clients came to trust meanwhile signs.
        (TRUSTED, steps(2), AGAIN),
    ],
)
def test_a_ca_signs_only_what_clients_trust_and_one_update_takes_one_step(state: Values, new: Values, expected: Values) -> None:
    found = AUTHORITY.update(CALL, {**state, "made": "before"}, {}, new)
    assert {name: value for name, value in found.items() if name != "made"} == expected
    planned = AUTHORITY.planned({**state, "made": "before"}, frozenset(), new)
    assert {name: value for name, value in planned.items() if name != "made"} == expected
    assert found[found["signer"]], "an empty place signs"


@pytest.mark.parametrize(
    ("state", "new", "changed"),
    [
        (TRUSTED, steps(1), set()),
        (TRUSTED, steps(1, hand_over=True), {"signer"}),
        (TRUSTED, steps(1, hand_over=True, over=True), {"signer"}),
        (CHANGED_OVER, steps(1, hand_over=True), set()),
        (CHANGED_OVER, steps(1, hand_over=True, over=True), {"first"}),
        ({**BEGUN, "signer": "first"}, steps(0, hand_over=True, over=True), set()),
    ],
)
def test_a_step_of_the_ca_that_is_due_is_a_difference_by_itself(state: Values, new: Values, changed: set[str]) -> None:
    assert set(differences(AUTHORITY, state, new, new)) == changed
