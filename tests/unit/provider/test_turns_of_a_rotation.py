"""Whose turn it is: which of two places a rotation fills, and when the former secret goes."""

from __future__ import annotations

import pytest

from airgap.toolchain.plugin.wire import UNKNOWN
from infra.provider.kind import Call, Values
from infra.provider.rotation import Rotation
from infra.provider.server import differences

KIND = Rotation()
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
