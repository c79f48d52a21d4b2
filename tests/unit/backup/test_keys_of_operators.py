"""What an operator keeps and gives: written once for its owner alone, and refused in words where it is no key."""

import json
from pathlib import Path

import pytest

from backup.operator import describe_keys, with_identity, write_keys
from backup.redis.files import with_passwords
from backup.sets import keys
from backup.sets.sealing import keyring_of
from core.errors import PlatformError
from infra.backup_places import BackupAccess
from infra.connections import Platform
from tests.support.identities import new_identity

OWN, RECIPIENT = new_identity()


def platform(**access: object) -> Platform:
    return Platform("s", {}, {}, Path("ca.pem"), {}, {}, "n", "embedded", "", backup=BackupAccess.model_validate(access))


def test_the_keys_are_written_once_for_their_owner_alone(tmp_path: Path) -> None:
    held = platform(passphrase="a passphrase of some length", identities=[OWN], recipients=[RECIPIENT])
    written = write_keys(held, str(tmp_path / "keys.json"))
    assert written.stat().st_mode & 0o777 == 0o600
    content = json.loads(written.read_text())
    assert (content["passphrase"], content["identity"], content["recipients"]) == (held.backup.passphrase, OWN, [RECIPIENT])
    with pytest.raises(PlatformError, match="the file exists"):
        write_keys(held, str(written))
    shown = f"{held!r} {held.backup!r} {describe_keys(held)}"
    assert OWN not in shown
    assert held.backup.passphrase not in shown
    assert RECIPIENT in shown


def test_an_identity_file_is_read_as_age_writes_it(tmp_path: Path) -> None:
    other, _ = new_identity()
    (tmp_path / "key.txt").write_text(f"# created: today\n# public key: age1…\n{other}\n")
    held = platform(identities=[OWN], recipients=[RECIPIENT])
    assert keyring_of(with_identity(held, str(tmp_path / "key.txt"))).identities == (OWN, other)
    assert with_identity(held, "") is held
    (tmp_path / "none.txt").write_text("age1something\n")
    for path, message in (("none.txt", "holds no age identity"), ("gone.txt", "can't be read")):
        with pytest.raises(PlatformError, match=message):
            with_identity(held, str(tmp_path / path))


def test_a_stack_of_an_earlier_version_is_told_to_come_up_again() -> None:
    for ask in (keyring_of, keys.repository_passphrase):
        with pytest.raises(PlatformError, match="stack s has no") as told:
            ask(platform())
        assert "invoke up" in told.value.next_step


def test_an_acl_gets_the_passwords_of_today() -> None:
    acl = "user default off\nuser admin on sanitize-payload #aaaa ~* +@all\nuser api on #bbbb ~session:* +get\n"
    changed = with_passwords(acl, {"admin": "new"}).splitlines()
    assert changed[0] == "user default off"
    assert "#aaaa" not in changed[1]
    assert changed[1].startswith("user admin #11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437 on")
    assert changed[2] == "user api on #bbbb ~session:* +get"
