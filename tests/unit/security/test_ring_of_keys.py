"""The ring grows, retires and merges without ever losing a key, and can't be read where it is damaged."""

from __future__ import annotations

import json

import pytest

from christmas.sealed import ring
from christmas.sealed.errors import KeyRingError
from christmas.sealed.ring import KeyRing, from_json, new_ring


def numbers(of: KeyRing) -> list[tuple[int, bool]]:
    return [(key.number, key.retired) for key in of.keys]


def test_it_is_read_as_it_was_written() -> None:
    made = new_ring().up_to(3).retired_below(2)
    assert from_json(made.as_json()) == made
    assert numbers(made) == [(1, True), (2, False), (3, False)]


def test_growing_keeps_what_is_there() -> None:
    first = new_ring()
    grown = first.up_to(3)
    assert grown.keys[0] == first.keys[0]
    assert grown.active.number == 3
    assert grown.up_to(2) == grown
    assert len({key.sealing for key in grown.keys} | {key.index for key in grown.keys}) == 6


def test_the_active_key_is_never_retired() -> None:
    assert numbers(new_ring().up_to(2).retired_below(9)) == [(1, True), (2, False)]


def test_a_retirement_is_not_taken_back() -> None:
    retired = new_ring().up_to(2).retired_below(2)
    assert retired.retired_below(1) == retired


def test_two_rings_become_one() -> None:
    first = new_ring()
    state, kept = first.up_to(2).retired_below(2), first
    assert state.merged(kept) == kept.merged(state) == state
    longer = state.up_to(3).retired_below(3)
    assert numbers(state.merged(longer)) == numbers(longer.merged(state)) == [(1, True), (2, True), (3, False)]


def test_rings_with_different_keys_of_one_number_do_not_become_one() -> None:
    with pytest.raises(KeyRingError, match="different keys with number 1") as raised:
        new_ring().merged(new_ring())
    assert raised.value.where == "the stack's state and the kept file"
    assert "invoke check" in raised.value.next_step


def test_no_ring_says_what_to_do() -> None:
    with pytest.raises(KeyRingError) as raised:
        from_json("")
    assert "invoke up" in raised.value.next_step


GOOD = json.loads(new_ring().as_json())
KEY = GOOD["keys"][0]


@pytest.mark.parametrize(
    "damaged",
    [
        "{",
        "[]",
        json.dumps({**GOOD, "version": 2}),
        json.dumps({**GOOD, "keys": []}),
        json.dumps({**GOOD, "keys": [KEY, KEY]}),
        json.dumps({**GOOD, "keys": [{**KEY, "retired": True}]}),
        json.dumps({**GOOD, "keys": [{**KEY, "number": 0}]}),
        json.dumps({**GOOD, "keys": [{**KEY, "sealing": "c2hvcnQ="}]}),
        json.dumps({**GOOD, "keys": [{**KEY, "index": "not base64"}]}),
        json.dumps({**GOOD, "keys": [{**KEY, "sealing": f"*{KEY['sealing']}"}]}),
    ],
    ids=["syntax", "shape", "version", "empty", "twice", "retired", "number", "short", "encoding", "odd sign"],
)
def test_a_damaged_ring_is_refused_without_showing_it(damaged: str) -> None:
    with pytest.raises(KeyRingError) as raised:
        from_json(damaged)
    assert raised.value.where
    assert raised.value.next_step
    assert KEY["sealing"] not in str(raised.value)
    assert raised.value.__cause__ is None


def test_numbers_end_where_the_header_ends() -> None:
    with pytest.raises(KeyRingError):
        new_ring(ring.HIGHEST_NUMBER).up_to(ring.HIGHEST_NUMBER + 1)
