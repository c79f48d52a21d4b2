"""A secret that outlives its stack, in a real volume: found again by a new stack, put back where it was lost, for root's eyes alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import docker
import pyrage
import pytest

from core.errors import PlatformError
from infra.provider.volumes import open_volume
from tests.integration.provider.kept import Kept
from tests.integration.provider.test_config_files_volume import look
from tests.support import scratch

FILE = "repository.key"


@pytest.fixture
def volume() -> Iterator[str]:
    scratch.remove_leftovers()
    created = docker.from_env().volumes.create(f"christmas-tests-kept-{uuid.uuid4().hex[:8]}", labels=scratch.labels())
    yield str(created.name)
    created.remove(force=True)


def secret_in(volume: str, file: str = FILE) -> Kept:
    return Kept("KeptPassword", {"volume": volume, "image": scratch.image("redis"), "file": file})


def test_a_stack_made_anew_finds_the_secret_of_the_one_before(volume: str) -> None:
    first = secret_in(volume).up()["result"]
    second = secret_in(volume).up()["result"]
    assert first == second
    assert len(first) == 40


@pytest.mark.exhaustive
def test_two_secrets_of_one_volume_are_each_their_own(volume: str) -> None:
    first, second = secret_in(volume), secret_in(volume, "other.key")
    assert first.up()["result"] != second.up()["result"]
    assert first.refresh() == second.refresh() == []


@pytest.mark.exhaustive
def test_the_service_cannot_read_it(volume: str) -> None:
    kept = secret_in(volume).up()["result"]
    assert look(volume, f"stat -c '%u:%g %a' {FILE}", user="0:0") == "0:0 400"
    assert kept not in look(volume, f"cat {FILE} 2>&1 || echo refused")


def test_a_lost_or_altered_secret_is_shown_and_put_back(volume: str) -> None:
    secret = secret_in(volume)
    kept = secret.up()["result"]
    for damage, told in ((f"rm {FILE}", "the kept file is missing"), (f"echo x > {FILE}", "the kept file has other content")):
        look(volume, f"chmod 600 {FILE}; {damage}", user="0:0")
        assert secret.refresh() == [told]
        assert secret.up()["result"] == kept
        assert secret.refresh() == []
        with open_volume(volume, scratch.image("redis"), "test-kept") as files:
            assert files.read()[FILE].content == kept.encode()


def test_an_identity_is_kept_with_its_recipient(volume: str) -> None:
    inputs = {"volume": volume, "image": scratch.image("redis"), "file": "age.key"}
    first = Kept("KeptIdentity", inputs).up()
    assert str(pyrage.x25519.Identity.from_str(first["result"]).to_public()) == first["recipient"]
    again = Kept("KeptIdentity", inputs)
    assert again.up() == first
    assert again.refresh() == []


def test_a_given_secret_is_kept_where_there_is_none_and_never_takes_anothers_place(volume: str) -> None:
    inputs = {"volume": volume, "image": scratch.image("redis"), "file": FILE}
    given = Kept("KeptPassword", {**inputs, "given": "the passphrase of a lost machine"})
    assert given.up()["result"] == "the passphrase of a lost machine"
    assert Kept("KeptPassword", inputs).up()["result"] == "the passphrase of a lost machine"
    with pytest.raises(PlatformError, match=f"another {FILE} exists already") as told:
        Kept("KeptPassword", {**inputs, "given": "the passphrase of yet another"}).up()
    assert "passphrase of" not in str(told.value)
    with pytest.raises(PlatformError, match="is not an age identity") as told:
        Kept("KeptIdentity", {**inputs, "file": "age.key", "given": "no identity at all"}).up()
    assert "no identity at all" not in str(told.value)
