"""Equal phone numbers have equal entries, however they are written; entries tell nothing without the key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas.blueprint.sealed_fields import ADDRESS, PHONE
from christmas.sealed import blind_index
from christmas.sealed.ring import FINGERPRINT_BYTES, new_ring

RING = new_ring().up_to(2)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("+82-2-555-0101", "+8225550101"),
        ("+82 2 555 0101", "+8225550101"),
        ("+82 (2) 555.0101", "+8225550101"),
        ("0082 2 555-0101", "+8225550101"),
        ("+82\u20112\u2011555\u20110101", "+8225550101"),
        ("\uff0b\uff18\uff12\uff12\uff15\uff15\uff15\uff10\uff11\uff10\uff11", "+8225550101"),
        ("02-555-0101", "025550101"),
        ("1-800-FLOWERS", "1800flowers"),
        ("", ""),
    ],
)
def test_numbers_are_compared_without_punctuation(written: str, normal: str) -> None:
    assert blind_index.normalized_phone(written) == normal


def test_other_numbers_and_other_columns_have_other_entries() -> None:
    entries = {blind_index.entry(RING, field, text) for field in (PHONE, ADDRESS) for text in ("+8225550101", "+8225550102", "8225550101")}
    assert len(entries) == 6


@given(st.text("0123456789+-() .", max_size=20))
def test_the_active_keys_entry_is_the_first_candidate(phone: str) -> None:
    entry = blind_index.entry(RING, PHONE, phone)
    candidates = blind_index.candidates(RING, PHONE, phone)
    assert len(entry) == 2 + FINGERPRINT_BYTES + 32
    assert candidates[0] == entry
    assert [int.from_bytes(candidate[:2]) for candidate in candidates] == [2, 1]
    assert blind_index.candidates(RING.retired_below(2), PHONE, phone) == [entry]


def test_another_ring_makes_other_entries() -> None:
    assert blind_index.entry(new_ring(), PHONE, "1")[6:] != blind_index.entry(new_ring(), PHONE, "1")[6:]
