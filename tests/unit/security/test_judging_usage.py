"""What the ring says of the keys that rows need, as a table."""

from __future__ import annotations

import pytest

from christmas.sealed.ring import new_ring
from security.usage import Kind, Usage, judge

RING = new_ring().up_to(3).retired_below(2)
MARKS = {key.number: key.fingerprint.hex() for key in RING.keys}


@pytest.mark.parametrize(
    ("number", "fingerprint", "kind"),
    [
        (3, MARKS[3], "active"),
        (2, MARKS[2], "older"),
        (1, MARKS[1], "retired"),
        (3, MARKS[2], "foreign"),
        (9, MARKS[3], "foreign"),
        (None, None, "plain"),
    ],
    # Not by the keys' fingerprints: those are other ones in each process, and the tests' names have to be the same.
    ids=["newest", "before", "retired", "of another ring", "unknown", "none"],
)
def test_values_are_told_apart_by_what_their_key_is(number: int | None, fingerprint: str | None, kind: str) -> None:
    found = [Usage("phone", number, fingerprint, 5), Usage("address", number, fingerprint, 2)]
    assert {each: usages for each, usages in judge(RING, found).items() if usages} == {Kind(kind): found}
