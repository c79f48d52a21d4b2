"""Redis' keys of any bytes: counted, compared with what was there, and shown so that a terminal bears it."""

from hypothesis import given
from hypothesis import strategies as st

from backup.redis.keys import OF_NONE, Census
from backup.redis.proofs import odd_faults
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES, SESSION, keyspace_covering, keyspace_of, shown_key
from monitor.keyspace_audit import Fault, Finding

KINDS = st.sampled_from(["hash", "string", "stream", "list", "set", "zset", "ReJSON-RL"])


def as_read(key: bytes) -> str:
    """A key as the clients decode it."""
    return key.decode("utf-8", "surrogateescape")


KEYS = st.one_of(
    st.binary(max_size=40), st.builds(lambda space, end: space.pattern.encode()[:8] + end, st.sampled_from(KEYSPACES), st.binary())
)


@given(keys=st.lists(st.tuples(KEYS, KINDS, st.sampled_from([-1, 5, 10**12])), max_size=30))
def test_any_keys_are_counted_and_a_restore_with_the_same_ones_is_no_worse(keys: list[tuple[bytes, str, int]]) -> None:
    found = Census()
    for key, kind, left in keys:
        found.take(as_read(key), kind, left)
    assert sum(found.keyspaces.values()) == len(keys)
    assert odd_faults(found.odd, found, drift=0) == []
    worse = Census()
    for key, kind, left in [*keys, (b"stream\xff", "stream", -1)]:
        worse.take(as_read(key), kind, left)
    assert odd_faults(found.odd, worse, drift=0)


@given(key=KEYS)
def test_any_key_is_shown_in_one_printable_line(key: bytes) -> None:
    text = shown_key(as_read(key))
    assert text.isprintable()
    assert text.encode()
    assert str(Finding(as_read(key), Fault.UNKNOWN)).isprintable()


def test_bytes_that_are_no_text_are_told_as_what_they_are() -> None:
    assert shown_key(as_read(b"session:\xff\xfe\x01old")) == r"'session:\xff\xfe\x01old'"
    assert shown_key("시장") == "'시장'"


def test_one_more_than_there_was_is_named() -> None:
    found = Census()
    for number in range(2):
        found.take(f"stream{number}", "stream", -1)
    assert odd_faults({OF_NONE: 2}, found, drift=0) == []
    assert odd_faults({OF_NONE: 1}, found, drift=1) == []
    assert odd_faults({}, found, drift=5) == ["'stream0' is of no keyspace (stream)", "'stream1' is of no keyspace (stream)"]
    assert "there were 1 of no keyspace, now 2" in odd_faults({OF_NONE: 1}, found, drift=0)[0]


def test_a_key_of_a_keyspace_stays_one_whatever_its_part() -> None:
    key = as_read(b"session:\xff\n")
    assert keyspace_covering(key) is SESSION
    assert keyspace_of(key) is None  # no accessor made it
    assert keyspace_covering("session:") is None
