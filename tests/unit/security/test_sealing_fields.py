"""What is sealed opens again, in its own place and with its own key alone; everything else is told apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas.blueprint.sealed_fields import ADDRESS, ENCRYPTED_FIELDS, FIRST_NAME, LAST_NAME, PHONE, EncryptedField
from christmas.sealed import errors
from christmas.sealed.cipher import FieldCipher
from christmas.sealed.envelope import BLOCK_BYTES, OVERHEAD_BYTES, PREFIX, SHORTEST
from christmas.sealed.ring import Key, KeyRing, new_ring

RING = new_ring().up_to(2)
CIPHER = FieldCipher(RING)
NAME = "김민지"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, st.integers(1, 2**31 - 1))
def test_every_text_comes_back(text: str, row: int) -> None:
    sealed = CIPHER.seal(ADDRESS, row, text)
    assert CIPHER.open(ADDRESS, row, sealed) == text
    assert len(sealed) >= SHORTEST
    assert (len(sealed) - OVERHEAD_BYTES) % BLOCK_BYTES == 0


@given(TEXTS)
def test_no_text_is_taken_for_a_sealed_value(text: str) -> None:
    assert not text.encode().startswith(PREFIX[:1])
    with pytest.raises(errors.NotSealedError):
        CIPHER.open(ADDRESS, 1, text.encode())


@given(st.data())
def test_every_flipped_bit_is_noticed(data: st.DataObject) -> None:
    text = data.draw(TEXTS)
    sealed = bytearray(CIPHER.seal(ADDRESS, 7, text))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << (bit % 8)
    expected: type[errors.FieldError] = {0: errors.NotSealedError, 1: errors.NotSealedError}.get(bit // 8, errors.AlteredError)
    if bit // 8 in (2, 3):
        # The key's number: another one, which the ring has not, or has and which is not that key.
        expected = errors.FieldError
    with pytest.raises(expected):
        CIPHER.open(ADDRESS, 7, bytes(sealed))


@given(TEXTS, st.integers(min_value=0))
def test_every_cut_is_noticed(text: str, at: int) -> None:
    sealed = CIPHER.seal(ADDRESS, 7, text)
    cut = sealed[: at % len(sealed)]
    with pytest.raises(errors.TruncatedError if cut else errors.NotSealedError):
        CIPHER.open(ADDRESS, 7, cut)


@given(TEXTS, st.binary(min_size=1, max_size=64))
def test_added_bytes_are_noticed(text: str, added: bytes) -> None:
    with pytest.raises(errors.TruncatedError):
        CIPHER.open(ADDRESS, 7, CIPHER.seal(ADDRESS, 7, text) + added)


FAULTS: list[tuple[str, Callable[[KeyRing], tuple[FieldCipher, EncryptedField, int]], type[errors.FieldError], str]] = [
    ("another row", lambda ring: (FieldCipher(ring), FIRST_NAME, 2), errors.MovedError, "another row or column"),
    ("another column", lambda ring: (FieldCipher(ring), LAST_NAME, 1), errors.MovedError, "another row or column"),
    ("another key", lambda _: (FieldCipher(new_ring()), FIRST_NAME, 1), errors.WrongKeyError, "another key 1 than the ring's"),
    ("no such key", lambda _: (FieldCipher(new_ring(5)), FIRST_NAME, 1), errors.UnknownKeyError, "key 1, which is not on the ring"),
    (
        "a retired key",
        lambda ring: (FieldCipher(ring.up_to(2).retired_below(2)), FIRST_NAME, 1),
        errors.RetiredKeyError,
        "key 1, which is retired",
    ),
]


@pytest.mark.parametrize(("place", "kind", "told"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_each_fault_has_an_error_of_its_own(
    place: Callable[[KeyRing], tuple[FieldCipher, EncryptedField, int]], kind: type[errors.FieldError], told: str
) -> None:
    ring = new_ring()
    sealed = FieldCipher(ring).seal(FIRST_NAME, 1, NAME)
    cipher, field, row = place(ring)
    with pytest.raises(kind) as raised:
        cipher.open(field, row, sealed)
    assert type(raised.value) is kind
    assert told in raised.value.what
    assert raised.value.where == f"user_profiles.{field.column}, user_id {row}"
    assert raised.value.next_step
    assert NAME not in str(raised.value)
    assert sealed.hex() not in str(raised.value)


def test_a_retired_key_opens_what_is_to_be_sealed_anew() -> None:
    sealed = FieldCipher(new := new_ring()).seal(PHONE, 1, "1")
    assert FieldCipher(new.up_to(2).retired_below(2)).open(PHONE, 1, sealed, retired=True) == "1"


def test_no_two_seals_are_alike_and_lengths_of_names_do_not_show() -> None:
    sealed = [CIPHER.seal(FIRST_NAME, 1, name) for name in ("Bo", "Bo", "Bartholomew")]
    assert len(set(sealed)) == 3
    assert len({len(each) for each in sealed}) == 1


@pytest.mark.parametrize("field", [field for field in ENCRYPTED_FIELDS if field.max_characters], ids=str)
def test_values_are_as_long_as_the_specification_says(field: EncryptedField) -> None:
    assert field.max_characters
    assert CIPHER.open(field, 1, CIPHER.seal(field, 1, "한" * field.max_characters)) == "한" * field.max_characters
    with pytest.raises(errors.ValueTooLongError, match=str(field.max_characters)):
        CIPHER.seal(field, 1, "x" * (field.max_characters + 1))


def test_nothing_shows_a_key_or_a_value() -> None:
    key = RING.active
    for shown in map(repr, (key, RING, CIPHER, FieldCipher(RING, lambda: RING))):
        assert shown.startswith(("Key(number=2", "KeyRing(", "FieldCipher(active key 2"))
        for secret in (key.sealing, key.index, key.encryption, key.binding):
            assert secret.hex() not in shown
            assert repr(secret)[2:-1] not in shown


def test_an_unknown_key_has_the_ring_read_again() -> None:
    old = new_ring()
    grown = old.up_to(2)
    asked = []

    def renew() -> KeyRing:
        asked.append(1)
        return grown

    cipher = FieldCipher(old, renew)
    assert cipher.open(PHONE, 1, FieldCipher(grown).seal(PHONE, 1, "1")) == "1"
    assert cipher.open(PHONE, 1, FieldCipher(grown).seal(PHONE, 1, "2")) == "2"
    assert asked == [1]
    assert cipher.ring is grown


def test_keys_are_independent_of_each_other() -> None:
    first, second = RING.keys
    secrets = [getattr(key, name) for key in (first, second) for name in ("sealing", "index", "encryption", "binding")]
    assert len(set(secrets)) == 8
    changed = dataclasses.replace(first, index=second.index)
    assert changed.fingerprint != first.fingerprint
    assert isinstance(first, Key)
