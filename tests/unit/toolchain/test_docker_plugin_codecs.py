"""Values in a program's words and in Docker's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airgap.toolchain.docker_plugin import codecs


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("0", 0),
        ("0s", 0),
        ("2s", 2_000_000_000),
        ("1m30s", 90_000_000_000),
        ("500ms", 500_000_000),
        ("1.5s", 1_500_000_000),
        ("1h2m3s", 3_723_000_000_000),
        ("250us", 250_000),
        ("7ns", 7),
    ],
)
def test_durations_are_read_as_go_reads_them(text: str, length: int) -> None:
    assert codecs.nanoseconds(text) == length


@pytest.mark.parametrize("text", ["2", "s", "2 s", "two", "1m30", "-1s", "1d"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        codecs.nanoseconds(text)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0s"),
        (2_000_000_000, "2s"),
        (90_000_000_000, "1m30s"),
        (60_000_000_000, "1m0s"),
        (3_600_000_000_000, "1h0m0s"),
        (500_000_000, "500ms"),
        (1_500_000_000, "1.5s"),
        (250_000, "250us"),
        (7, "7ns"),
    ],
)
def test_durations_are_written_as_go_writes_them(length: int, text: str) -> None:
    assert codecs.duration(length) == text


@given(st.integers(min_value=0, max_value=10**15))
def test_a_duration_survives_being_written_and_read(length: int) -> None:
    assert abs(codecs.nanoseconds(codecs.duration(length)) - length) <= 1


@pytest.mark.parametrize(("given_size", "stored"), [(64, 67108864), (0, 0), (-1, -1)])
def test_megabytes_are_stored_as_bytes_and_no_limit_as_it_is(given_size: int, stored: int) -> None:
    assert codecs.MEBIBYTES.encode(given_size) == stored
    assert codecs.MEBIBYTES.decode(stored) == given_size


@pytest.mark.parametrize(("cpus", "nano"), [("0.5", 500_000_000), ("2", 2_000_000_000), ("1.25", 1_250_000_000)])
def test_cpus_are_stored_as_billionths(cpus: str, nano: int) -> None:
    assert codecs.NANO_CPUS.encode(cpus) == nano
    assert codecs.NANO_CPUS.decode(nano) == cpus


def test_hosts_keep_the_colons_of_an_ipv6_address() -> None:
    hosts = [{"host": "db", "ip": "fd00::1"}]
    assert codecs.HOSTS.encode(hosts) == ["db:fd00::1"]
    assert codecs.HOSTS.decode(["db:fd00::1"]) == hosts


@pytest.mark.parametrize(("name", "full"), [("net_raw", "CAP_NET_RAW"), ("CAP_NET_RAW", "CAP_NET_RAW"), ("all", "ALL")])
def test_capabilities_have_one_full_name(name: str, full: str) -> None:
    assert codecs.capability(name) == full
