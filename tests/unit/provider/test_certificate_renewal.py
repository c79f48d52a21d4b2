"""When a certificate is replaced, and that what is issued verifies. Times are moved, keys and signatures are real."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from airgap.toolchain.plugin.wire import UNKNOWN
from core.errors import PlatformError
from infra.provider.certificates import CertificateAuthorityKind, CertificateKind, issue_authority, issue_certificate, life_left
from infra.provider.kind import Call

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CALL = Call("urn:pulumi:dev::christmas::christmas:index:Certificate::redis", print)


@pytest.fixture(scope="module")
def authority() -> tuple[str, str]:
    with time_machine.travel(START, tick=False):
        return issue_authority("christmas dev CA", 3650)


def inputs(authority: tuple[str, str], **changed: Any) -> dict[str, Any]:
    given = {
        "ca_private_key_pem": authority[0], "ca_certificate_pem": authority[1], "common_name": "redis", "dns_names": ["redis", "localhost"],
        "ip_addresses": ["127.0.0.1", "0:0::1"], "lifetime_days": 90, **changed,
    }  # fmt: skip
    checked, problems = CertificateKind().check(given)
    assert problems == []
    return checked


@pytest.fixture(scope="module")
def issued(authority: tuple[str, str]) -> dict[str, Any]:
    with time_machine.travel(START, tick=False):
        return CertificateKind().create(CALL, inputs(authority))[1]


@pytest.mark.parametrize(
    ("days", "renewed"), [(0, False), (30, False), (59.9, False), (60.1, True), (89.9, True), (90.1, True), (400, True)]
)  # fmt: skip
def test_a_certificate_is_renewed_when_a_third_of_its_life_is_left(
    authority: tuple[str, str], issued: dict[str, Any], days: float, renewed: bool
) -> None:
    with time_machine.travel(START + dt.timedelta(days=days), tick=False):
        same = inputs(authority)
        assert bool(CertificateKind().differences(issued, same, same)) is renewed


@pytest.mark.parametrize(("days", "renewed"), [(0, False), (2430, False), (2436, True)])
def test_so_is_the_ca(authority: tuple[str, str], days: int, renewed: bool) -> None:
    checked, _ = CertificateAuthorityKind().check({"common_name": "christmas dev CA", "lifetime_days": 3650})
    state = {"private_key_pem": authority[0], "certificate_pem": authority[1]}
    with time_machine.travel(START + dt.timedelta(days=days), tick=False):
        assert bool(CertificateAuthorityKind().differences(state, checked, checked)) is renewed


def test_a_ca_of_an_empty_place_is_none() -> None:
    checked, problems = CertificateAuthorityKind().check({"common_name": "christmas dev CA", "lifetime_days": 3650, "generation": ""})
    _, state = CertificateAuthorityKind().create(CALL, checked)
    assert problems == []
    assert set(state.values()) == {""}
    assert CertificateAuthorityKind().differences(state, checked, checked) == {}
    assert CertificateAuthorityKind().planned(state, frozenset({"generation"}), checked) == state
    filled = CertificateAuthorityKind().update(CALL, state, checked, {**checked, "generation": "1"})
    assert "PRIVATE KEY" in filled["private_key_pem"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dns_names": ["redis"]}, "it has other names"),
        ({"ip_addresses": []}, "it has other names"),
        ({"ip_addresses": ["127.0.0.1", "::1"], "dns_names": ["localhost", "redis"]}, None),
        ({"renew_below": 0.99999}, "100% of its life is left"),
    ],
)
def test_changes_that_need_another_certificate(
    authority: tuple[str, str], issued: dict[str, Any], change: dict[str, Any], reason: str | None
) -> None:
    with time_machine.travel(START + dt.timedelta(minutes=1), tick=False):
        wanted = inputs(authority, **change)
        assert CertificateKind().differences(issued, wanted, wanted) == ({"not_after": reason} if reason else {})


def test_another_ca_a_foreign_key_and_a_broken_certificate_need_another(authority: tuple[str, str], issued: dict[str, Any]) -> None:
    with time_machine.travel(START, tick=False):
        other = issue_authority("christmas dev CA", 3650)
        by_other = inputs(other)
        assert CertificateKind().differences(issued, by_other, by_other) == {"not_after": "it was signed by another CA"}
        same = inputs(authority)
        foreign = {**issued, "private_key_pem": other[0]}
        assert CertificateKind().differences(foreign, same, same) == {"not_after": "key and certificate don't belong together"}
        broken = {**issued, "certificate_pem": "torn"}
        assert CertificateKind().differences(broken, same, same) == {"not_after": "the recorded certificate can't be read"}


def test_an_input_that_is_not_known_yet_is_no_reason_by_itself(authority: tuple[str, str], issued: dict[str, Any]) -> None:
    waiting = {**inputs(authority), "ca_certificate_pem": UNKNOWN}
    assert CertificateKind().differences(issued, waiting, waiting) == {}


@pytest.mark.parametrize(
    ("name", "verifies"),
    [("redis", True), ("localhost", True), ("127.0.0.1", True), ("::1", True), ("weaviate", False), ("10.0.0.1", False)],
)
def test_a_client_that_verifies_fully_accepts_exactly_its_names(
    authority: tuple[str, str], issued: dict[str, Any], name: str, verifies: bool
) -> None:
    ca, certificate = (x509.load_pem_x509_certificate(pem.encode()) for pem in (authority[1], issued["certificate_pem"]))
    try:
        subject: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        subject = x509.DNSName(name)
    verifier = PolicyBuilder().store(Store([ca])).time(START + dt.timedelta(days=1)).build_server_verifier(subject)  # type: ignore[arg-type]
    if verifies:
        assert len(verifier.verify(certificate, [])) == 2
    else:
        with pytest.raises(VerificationError):
            verifier.verify(certificate, [])


def test_a_certificate_never_outlives_its_ca() -> None:
    key, ca = issue_authority("short", 10)
    _, certificate = issue_certificate(key, ca, "redis", ["redis"], [], 90)
    assert x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc == (
        x509.load_pem_x509_certificate(ca.encode()).not_valid_after_utc
    )
    assert 0.99 < life_left(certificate, dt.datetime.now(dt.UTC)) <= 1


def test_a_ca_whose_halves_dont_match_is_named() -> None:
    (key, _), (_, certificate) = issue_authority("one", 10), issue_authority("two", 10)
    with pytest.raises(PlatformError, match="private key does not belong to its certificate"):
        issue_certificate(key, certificate, "redis", [], [], 1)
