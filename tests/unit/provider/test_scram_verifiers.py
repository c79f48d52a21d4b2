from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.provider.scram import matches, verifier

# RFC 7677, section 3: user "user", password "pencil".
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
SERVER_SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
AUTH_MESSAGE = (
    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
)
CLIENT_PROOF = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="


def test_the_rfcs_exchange_succeeds_against_our_verifier() -> None:
    """A server that holds our verifier accepts the RFC's proof and answers with the RFC's signature."""
    import hashlib
    import hmac

    head, keys = verifier("pencil", SALT).rsplit("$", 1)
    stored_key, server_key = (base64.b64decode(part) for part in keys.split(":"))
    assert head == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
    signature = hmac.digest(stored_key, AUTH_MESSAGE.encode(), "sha256")
    client_key = bytes(a ^ b for a, b in zip(base64.b64decode(CLIENT_PROOF), signature, strict=True))
    assert hashlib.sha256(client_key).digest() == stored_key
    assert base64.b64encode(hmac.digest(server_key, AUTH_MESSAGE.encode(), "sha256")).decode() == SERVER_SIGNATURE


def test_two_verifiers_of_one_password_differ_and_both_match() -> None:
    first, second = verifier("correct horse"), verifier("correct horse")
    assert first != second
    assert matches("correct horse", first)
    assert matches("correct horse", second)
    assert not matches("correct house", first)


@pytest.mark.parametrize("stored", [None, "", "md5a1b2", "SCRAM-SHA-256$x:y$z:w", "SCRAM-SHA-256$4096:W22Z$AA==:AA=="])
def test_what_is_no_verifier_of_it_never_matches(stored: str | None) -> None:
    assert not matches("pencil", stored)


@pytest.mark.parametrize("password", ["", "pässword", "비밀번호", "two\nlines", "nul\0"])
def test_passwords_that_saslprep_might_change_are_refused_without_being_told(password: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII") as failure:
        verifier(password)
    assert not password or password not in str(failure.value)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40), st.binary(min_size=16, max_size=16))
def test_every_printable_password_matches_its_own_verifier(password: str, salt: bytes) -> None:
    stored = verifier(password, salt, 16)
    assert matches(password, stored)
    assert not matches(password + "x", stored)
