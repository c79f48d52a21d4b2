"""A lost machine, or a part of one: what docs/recovery.md says brings all back, on a second Docker engine with a home of its own."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.images.build import ensure_images
from tests.bare_machine.engine import Engine, newer_engine
from tests.bare_machine.lost_machine import PASSPHRASE, STACK, Machine

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The new machine's engine, with this project's images."""
    with newer_engine() as made:
        made.take_images(list(ensure_images().values()))
        yield made


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What no machine takes along when it is lost: a mounted folder, and a drawer for the kit."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def lost(clone: Path, elsewhere: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The first machine, in use, on this machine's own engine; a kit and a copy are elsewhere."""
    folder = tmp_path_factory.mktemp("first")
    machine = Machine.new(clone, folder)
    machine.environment["CHRISTMAS_SCHEDULE"] = "off"  # the tests want to be alone with it; the new machine keeps itself
    documents = folder / "documents"
    documents.mkdir()
    # Two passages: Weaviate 1.39 forgets an object that is alone in its index.
    (documents / "note.md").write_text("# 매매\n\nOrders are placed when two averages cross.\n\n# 위험\n\nA position risks one percent.\n")
    machine.lose_engine()  # of a run that was killed
    try:
        machine.set_places({"copies": {"nas": {"type": "local", "path": str(elsewhere / "copy")}}})
        machine.fill(documents)
        machine.invoke("accounts.rotate", "--keys")
        assert machine.findings()["backup.kit"].startswith("warning: no recovery kit was ever taken")
        machine.take_kit(elsewhere / "before-the-rotation.kit")
        assert "backup.kit" not in machine.findings()
        # Rows of before are sealed with a key that only the ring still has.
        machine.invoke("backup", "--full")
        machine.invoke("accounts.rotate", "--keys")
        assert "changed since: the ring of field keys" in machine.findings()["backup.kit"]
        machine.take_kit(elsewhere / "dev.kit")
        yield machine
    finally:
        machine.stop_schedule()
        machine.lose_engine()


def test_a_new_machine_has_everything_again_from_a_kit_and_a_copy(lost: Machine, engine: Engine, elsewhere: Path, tmp_path: Path) -> None:
    kit = elsewhere / "dev.kit"
    assert stat.S_IMODE(kit.stat().st_mode) == 0o600
    assert "the file exists" in lost.invoke("backup.kit", "--out", str(kit), allowed=(1,))
    lost.invoke("backup", "--incremental")
    before, profiles = lost.counts(), lost.profiles()
    assert profiles[0]["phone"]
    lost.stop_schedule()
    lost.docker("stop", *lost.docker("ps", "-q", "--filter", f"label=com.christmas.stack={STACK}"))

    kept = shutil.copytree(elsewhere / "copy", tmp_path / "copy")

    new = Machine.new(lost.fresh_clone(tmp_path / "fresh"), tmp_path / "new", engine)
    refused = new.invoke("up", "--kit", str(kit), "--passphrase-file", "-", stdin="not the passphrase of it\n", allowed=(1,))
    assert "the passphrase is wrong" in refused
    assert PASSPHRASE not in refused
    half = tmp_path / "half.kit"
    half.write_bytes(kit.read_bytes()[:-100])
    assert "damaged or cut off" in new.up_from(half, allowed=(1,))
    other = new.invoke("up", "--kit", str(kit), "--stack", "other", "--passphrase-file", "-", stdin=PASSPHRASE + "\n", allowed=(1,))
    assert f"it is the kit of stack {STACK}, not of other" in other
    assert not (new.clone / f"Pulumi.{STACK}.yaml").exists()

    assert f"stack {STACK} is up with its keys and passwords, and empty" in new.up_from(kit)
    assert new.findings()["backup.kit"].startswith("critical: the stack came up from a kit")
    assert "its data is not restored yet" in new.invoke("backup", allowed=(1,))
    # Asked for twice, it goes on; nothing is begun anew.
    assert "is up with its keys" in new.up_from(kit)
    assert "the first place is lost" in new.invoke("backup.restore", "--live")

    assert new.findings() == {}
    assert new.counts() == before
    assert new.profiles() == profiles
    assert re.findall(r"\d{8}-\d{6}-(full|incremental)", new.invoke("backup.list"))[-1] == "full"
    new.invoke("backup.verify", "--all")
    assert "has a state of stack" in new.up_from(kit, allowed=(1,))
    new.run("pulumi", "preview", "--refresh", "--expect-no-changes", "--non-interactive")
    new.stop_schedule()
    lost.docker("start", *lost.docker("ps", "-aq", "--filter", f"label=com.christmas.stack={STACK}"))
    lost.invoke("up")

    # The lost machine was only gone for a while: it must not write where the new one goes on.
    assert "has sets of another database or machine" in lost.invoke("backup", "--incremental", allowed=(0, 1))
    assert "has sets of another database or machine" in lost.findings()["backup.copies"]
    shutil.rmtree(elsewhere / "copy")
    shutil.move(kept, elsewhere / "copy")
    lost.invoke("backup", "--incremental")
    assert lost.findings() == {}


def test_only_the_passphrase_is_lost(lost: Machine, elsewhere: Path) -> None:
    passphrase = lost.clone / ".christmas/passphrase"
    known = passphrase.read_text()
    passphrase.unlink()
    assert "invoke up --kit FILE" in lost.invoke("check", allowed=(1, 2, 3))
    assert "the passphrase is back" in lost.up_from(elsewhere / "dev.kit")
    assert passphrase.read_text() == known
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    assert lost.profiles()


def test_only_the_state_is_lost_and_the_data_stays_where_it_is(lost: Machine, elsewhere: Path) -> None:
    before, profiles = lost.counts(), lost.profiles()
    shutil.rmtree(lost.clone / ".christmas/state")
    assert "is up again with its keys, passwords and data" in lost.up_from(elsewhere / "dev.kit")
    assert (lost.counts(), lost.profiles()) == (before, profiles)
    assert lost.findings() == {}


def test_only_the_volumes_are_lost(lost: Machine) -> None:
    lost.invoke("backup", "--incremental")
    before, profiles = lost.counts(), lost.profiles()
    lost.lose_engine()
    lost.invoke("up", "--refresh")
    assert "PostgreSQL is empty, but " in lost.invoke("backup", allowed=(1,))
    lost.invoke("backup.restore", "--live")
    assert (lost.counts(), lost.profiles()) == (before, profiles)
    assert lost.findings() == {}


def test_a_kit_of_before_the_rotation_leaves_what_came_after_to_the_ring_that_is_kept(lost: Machine, elsewhere: Path) -> None:
    """Its ring lacks the newest key. Where the volume of keys is there, both are put together."""
    profiles = lost.profiles()
    shutil.rmtree(lost.clone / ".christmas/state")
    lost.up_from(elsewhere / "before-the-rotation.kit")
    assert lost.profiles() == profiles
    assert "backup.kit" in lost.findings()


def test_another_stacks_kit_touches_nothing(lost: Machine, elsewhere: Path) -> None:
    """Two stacks of one name: the second one's state is lost, and the first one's kit is taken for its own."""
    lost.lose_engine()
    lost.lose_folder()
    lost.invoke("up")
    shutil.rmtree(lost.clone / ".christmas/state")
    (lost.clone / ".christmas/passphrase").unlink()
    (lost.clone / f"Pulumi.{STACK}.yaml").unlink()
    running = lost.docker("ps", "-q", "--filter", f"label=com.christmas.stack={STACK}")
    assert "with other keys than the kit's" in lost.up_from(elsewhere / "dev.kit", allowed=(1,))
    assert lost.docker("ps", "-q", "--filter", f"label=com.christmas.stack={STACK}") == running
