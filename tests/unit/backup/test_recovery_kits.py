"""The recovery kit as a file: what goes in comes out, and nothing else passes for it."""

import json
import re
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup.kit import coverage, envelope, taking
from backup.kit.content import FORMAT, Keys, Kit, StackState, parse
from backup.kit.envelope import Readers, seal, unseal
from core.errors import PlatformError
from infra.backup_places import BackupAccess, LocalPlace
from infra.connections import AuthorityTurn, Credentials, Endpoint, Platform
from infra.provider.registry import MODULES, kind_named
from infra.stack_state import portable
from tests.support.identities import new_identity

PASSPHRASE = "correct horse battery staple"
SECRETS = ("the-repositorys-passphrase", "AGE-SECRET-KEY-1THEIDENTITY", "the-ring-of-keys", "the-states-passphrase")
KIT = Kit(
    project="christmas",
    stack="dev",
    made_at=datetime(2026, 11, 29, 8, tzinfo=UTC),
    made_by="somebody@somewhere",
    covers={"the ring of field keys": "0123456789abcdef"},
    keys=Keys(passphrase=SECRETS[0], identities=(SECRETS[1],), field_keys=SECRETS[2]),
    state=StackState(passphrase=SECRETS[3], settings="encryptionsalt: v1:x\n", deployment={"version": 3, "deployment": {}}),
)


def never() -> str:
    raise AssertionError("asked for a passphrase that is not needed")


@pytest.fixture(scope="module")
def identity() -> tuple[str, str]:
    return new_identity()


@pytest.fixture(scope="module")
def by_passphrase() -> bytes:
    return seal(KIT.plain(), Readers(passphrase=PASSPHRASE))


@pytest.fixture(scope="module")
def by_identity(identity: tuple[str, str]) -> bytes:
    return seal(KIT.plain(), Readers(recipients=(identity[1],)))


def test_what_goes_in_comes_out_again(by_passphrase: bytes, by_identity: bytes, identity: tuple[str, str]) -> None:
    for sealed in (by_passphrase, by_identity):
        assert not [secret for secret in SECRETS if secret.encode() in sealed]
    opened = unseal(by_passphrase, "a.kit", identities=(), passphrase=lambda: PASSPHRASE)
    assert parse(opened, "a.kit", "christmas") == KIT
    opened = unseal(by_identity, "a.kit", identities=(identity[0],), passphrase=never)
    assert parse(opened, "a.kit", "christmas") == KIT


def test_its_text_form_is_read_as_well(identity: tuple[str, str]) -> None:
    """Somebody may have it printed, or sent by mail."""
    import pyrage

    armoured = pyrage.encrypt(KIT.plain(), [pyrage.x25519.Recipient.from_str(identity[1])], armored=True)
    opened = unseal(armoured, "a.kit", identities=(identity[0],), passphrase=never)
    assert parse(opened, "a.kit", "christmas") == KIT


def test_no_secret_is_in_what_is_printed_of_it() -> None:
    shown = f"{KIT!r} {KIT} {Readers(passphrase=PASSPHRASE)!r}"
    assert {"Kit(", "Readers("} <= set(re.findall(r"\w+\(", shown))
    assert not [secret for secret in (*SECRETS, PASSPHRASE) if secret in shown]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.97, 1.0])
def test_a_changed_byte_and_a_cut_end_are_noticed(by_identity: bytes, identity: tuple[str, str], share: float) -> None:
    at = min(len(by_identity) - 1, int(len(by_identity) * share))
    changed = by_identity[:at] + bytes([by_identity[at] ^ 1]) + by_identity[at + 1 :]
    for damaged in (changed, by_identity[:at]):
        with pytest.raises(PlatformError, match=r"damaged or cut off|not an age file|not encrypted for|no identity|passphrase"):
            unseal(damaged, "a.kit", identities=(identity[0],), passphrase=lambda: PASSPHRASE)


@pytest.mark.exhaustive
def test_a_wrong_key_is_told_from_damage(by_passphrase: bytes, by_identity: bytes) -> None:
    with pytest.raises(PlatformError, match="the passphrase is wrong"):
        unseal(by_passphrase, "a.kit", identities=(), passphrase=lambda: "another passphrase")
    with pytest.raises(PlatformError, match="damaged or cut off"):
        unseal(by_passphrase[:-20], "a.kit", identities=(), passphrase=lambda: PASSPHRASE)
    with pytest.raises(PlatformError, match="not encrypted for this identity"):
        unseal(by_identity, "a.kit", identities=(new_identity()[0],), passphrase=never)
    with pytest.raises(PlatformError, match="no identity was given"):
        unseal(by_identity, "a.kit", identities=(), passphrase=never)
    with pytest.raises(PlatformError, match="not an age file"):
        unseal(b"PK\x03\x04 some other file", "a.kit", identities=(), passphrase=never)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"kit": FORMAT + 1}, "of a later version", id="newer"),
        pytest.param({"kit": FORMAT - 1}, "of an earlier version", id="older"),
        pytest.param({"project": "easter"}, "a kit of project easter", id="of-another-project"),
        pytest.param({"keys": {"passphrase": "secret-x"}}, "does not fit its format: keys.identities", id="keys-are-missing"),
        pytest.param({"further": 1}, "does not fit its format: further", id="more-than-is-known"),
        pytest.param({"kit": "x"}, "is not a kit", id="no-number"),
    ],
)
def test_another_version_and_another_content_are_refused(change: dict[str, object], told: str) -> None:
    plain = json.dumps({**json.loads(KIT.plain()), **change}).encode()
    with pytest.raises(PlatformError, match=told) as refused:
        parse(plain, "a.kit", "christmas")
    assert not [secret for secret in (*SECRETS, "secret-x") if secret in str(refused.value)]


def test_what_is_no_kit_at_all_is_refused() -> None:
    for plain in (b"", b"[]", b'"kit"', b"\xff\xfe", b'{"kit": null}'):
        with pytest.raises(PlatformError, match="is not a kit"):
            parse(plain, "a.kit", "christmas")


def test_the_file_is_its_owners_alone_and_never_replaces_another(tmp_path: Path) -> None:
    target = tmp_path / "dev.kit"
    left = tmp_path / f".dev.kit.0000{taking._DRAFT}"
    left.write_bytes(b"half of one that a killed run left")
    taking.write(target, b"first")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with pytest.raises(PlatformError, match="the file exists"):
        taking.write(target, b"second")
    assert target.read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["dev.kit"]
    with pytest.raises(PlatformError, match="can't be written; nothing is left of it"):
        taking.write(tmp_path / "not/there.kit", b"third")


def test_nothing_is_left_where_there_is_no_room(tmp_path: Path) -> None:
    """A file may have a thousand bytes here, as on a disk that is full but for them."""
    program = (
        "import resource, sys, pathlib\n"
        "from backup.kit import taking\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "taking.write(pathlib.Path(sys.argv[1]), bytes(100_000))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "dev.kit")], capture_output=True, text=True, check=False)
    assert "can't be written; nothing is left of it" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_passphrases_come_from_a_file_and_are_long_enough(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text(f"{PASSPHRASE}\nanother line\n")
    assert envelope.new_passphrase(str(file)) == envelope.known_passphrase(str(file)) == PASSPHRASE
    file.write_text("short\n")
    with pytest.raises(PlatformError, match="fewer than 12 characters"):
        envelope.new_passphrase(str(file))
    file.write_text("\n")
    with pytest.raises(PlatformError, match="its first line is empty"):
        envelope.known_passphrase(str(file))
    with pytest.raises(PlatformError, match="can't be read"):
        envelope.known_passphrase(str(tmp_path / "missing"))


def platform(**changes: object) -> Platform:
    access = BackupAccess(passphrase="p" * 20, identities=("AGE-SECRET-KEY-1X",), recipients=("age1own", "age1operator"))
    known: dict[str, object] = {
        "stack": "dev",
        "endpoints": {"postgres": Endpoint("127.0.0.1", 5432, "timescaledb", 5432)},
        "accounts": {"api": Credentials("secret-pg", "secret-redis", "secret-weaviate")},
        "ca_file": Path("/nowhere"),
        "containers": {},
        "volumes": {},
        "network": "",
        "embedding_profile": "embedded",
        "embedding_key": "",
        "field_keys": "secret-ring",
        "backup": access,
    }
    return Platform(**{**known, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        pytest.param({"field_keys": "another ring"}, "the ring of field keys", id="field-keys-rotated"),
        pytest.param({"accounts": {"api": Credentials("new", "secret-redis", "w")}}, "the accounts' passwords", id="account-rotated"),
        pytest.param(
            {"backup": platform().backup.model_copy(update={"copies": {"nas": LocalPlace(path="/mnt/nas")}})},
            "the places of backups",
            id="copy-added",
        ),
        pytest.param(
            {"authority": AuthorityTurn(1, KIT.made_at, former=False, former_signs=False), "ca_file": Path(__file__)},
            "the certificates' authority",
            id="ca-rotated",
        ),
    ],
)
def test_what_was_changed_since_is_named(changes: dict[str, object], part: str) -> None:
    taken = coverage.Taken(KIT.made_at, "a passphrase", "dev.kit", coverage.covers(platform()))
    assert coverage.changed(taken, coverage.covers(platform())) == []
    assert coverage.changed(taken, coverage.covers(platform(**changes))) == [part]


def test_weaviates_keys_are_not_a_kits_business() -> None:
    """No server takes a key that it has not made, so a new machine has new ones in any case."""
    other = platform(accounts={"api": Credentials("secret-pg", "secret-redis", "another")})
    assert coverage.covers(other) == coverage.covers(platform())


def test_the_record_of_a_kit_has_fingerprints_and_no_keys(tmp_path: Path) -> None:
    assert coverage.read(tmp_path) is None
    taken = coverage.Taken(KIT.made_at, "a passphrase", "dev.kit", coverage.covers(platform()))
    coverage.record(tmp_path, taken)
    assert coverage.read(tmp_path) == taken
    (record,) = tmp_path.iterdir()
    assert "secret" not in record.read_text().lower()
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    record.write_text("{")
    with pytest.raises(PlatformError, match="record of the last kit can't be read"):
        coverage.read(tmp_path)


def test_a_kit_is_never_for_the_stacks_own_key_alone() -> None:
    assert taking.readers_of(platform(), (), "").recipients == ("age1operator",)
    with pytest.raises(PlatformError, match="stack's own key"):
        taking.readers_of(platform(), ("age1own",), "")
    with pytest.raises(PlatformError, match="not both"):
        taking.readers_of(platform(), ("age1operator",), "a file")


def resource(kind: str, name: str, parent: str = "", **more: object) -> dict[str, object]:
    return {"urn": f"urn:pulumi:dev::christmas::{kind}::{name}", "type": kind, **({"parent": parent} if parent else {}), **more}


def test_of_the_state_moves_what_belongs_to_no_engine() -> None:
    stack = resource("pulumi:pulumi:Stack", "christmas-dev", outputs={"endpoints": {}})
    provider = resource("pulumi:providers:christmas", "default")
    component = resource("christmas:infra:TimescaleDb", "timescaledb", str(stack["urn"]))
    volume = resource("docker:index/volume:Volume", "keys", str(component["urn"]))
    kept = resource(
        "christmas:index:KeptPassword",
        "backup-repository",
        str(component["urn"]),
        outputs={"result": "x", "drift": []},
        dependencies=[volume["urn"]],
        propertyDependencies={"volume": [volume["urn"]], "file": None},
    )
    role = resource("christmas:index:PostgresRole", "api-role", str(component["urn"]), dependencies=[kept["urn"]])
    exported = {"version": 3, "deployment": {"resources": [stack, provider, component, volume, kept, role], "pending_operations": [{}]}}
    moved = portable(exported)["deployment"]
    assert [each["urn"] for each in moved["resources"]] == [each["urn"] for each in (stack, provider, component, kept)]
    known = {each["urn"] for each in moved["resources"]}
    for each in moved["resources"]:
        named = [each.get("parent", stack["urn"]), *each.get("dependencies", ())]
        named += [urn for urns in each.get("propertyDependencies", {}).values() for urn in urns]
        assert set(named) <= known
    assert "pending_operations" not in moved
    assert "outputs" not in moved["resources"][0]
    assert moved["resources"][-1]["outputs"]["drift"]


def test_every_kind_moves_in_a_kit_unless_it_is_an_engines() -> None:
    """A kind that is forgotten would be made anew on the new machine: another CA, another turn of a rotation."""
    exported = {"deployment": {"resources": [{"urn": name, "type": f"christmas:index:{name}"} for name in MODULES]}}
    moved = {resource["urn"] for resource in portable(exported)["deployment"]["resources"]}
    chosen_here = {"PortBlock", "SubnetBlock"}
    on_an_engine = {name for name in MODULES if {"container", "volume", "endpoint"} & kind_named(name).inputs.keys()}
    kept_in_volumes = {"KeptPassword", "KeptIdentity", "FieldKeys"}
    assert moved == MODULES.keys() - chosen_here - (on_an_engine - kept_in_volumes)
