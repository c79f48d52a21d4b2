"""Backup sets have the audit's lines: proven, and given back to a machine that lost them."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from backup import audit_lines
from backup.audited import recover_lines, show_verdict
from backup.make import make
from backup.sets.model import Manifest, SetKind
from backup.verify import verify
from core.errors import PlatformError
from infra.connections import Platform
from security.audit.chain import Chain, event_of
from security.audit.events import Event
from tests.support.scratch_platform import ScratchPlatform


@pytest.fixture(scope="module")
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


@pytest.mark.exhaustive
def test_sets_have_the_audit_and_give_it_back_to_a_machine_that_lost_it(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full set has all, an incremental one what came since; the next set of a machine without the audit brings it back first."""
    folder, chain = tmp_path / "sets", Chain(tmp_path / "audit" / "stack")
    folder.mkdir()
    for module in ("backup.audit_lines", "backup.audited"):
        monkeypatch.setattr(f"{module}.folder_of", lambda _stack: chain.folder)
    monkeypatch.setattr("backup.sets.folders.folder_of", lambda _stack: folder)

    def collected(count: int) -> list[str]:
        with chain.adding():
            chain.add([Event(f"2026-11-29T12:00:{number:02}.000Z", "redis", "api", "", "get", "x", "done") for number in range(count)], {})
        return [line["hash"] for line in chain.lines()]

    def made(kind: SetKind) -> Manifest:
        manifest = make(platform, kind=kind, stores=["redis"], folder=folder)
        assert manifest is not None
        assert manifest.audit is not None
        return manifest

    def verified() -> list[str]:
        return [fault for verdict in verify(platform, every=True, folder=folder) for fault in verdict.faults]

    collected(20)
    full = made("full")
    lines = collected(5)
    incremental = made("incremental")
    assert full.audit is not None
    assert incremental.audit is not None
    assert (full.audit.after, full.audit.number, incremental.audit.after, incremental.audit.number) == (0, 20, 20, 25)
    assert not [line for line in lines if line.encode() in (folder / full.id / "audit" / "lines.jsonl.age").read_bytes()]
    assert verified() == []
    assert show_verdict(platform.stack, as_json=False) == 0
    assert f"up to number 25 are those that set {incremental.id} was signed with" in capsys.readouterr().out

    # The machine is lost: the new one has begun an audit of its own.
    shutil.rmtree(chain.folder)
    strange = collected(3)
    assert show_verdict(platform.stack, as_json=False) == 2
    later = made("full")
    after = [line["hash"] for line in chain.lines()]
    assert after[:25] == lines
    (note, *added) = list(chain.lines())[25:]
    assert (note["action"], note["outcome"], len(added)) == ("recover the audit", "lost", 3)
    assert show_verdict(platform.stack, as_json=False) == 0
    assert later.audit is not None
    assert (later.audit.after, later.audit.number) == (0, 29)
    assert verified() == []
    (aside,) = [path for path in chain.folder.parent.iterdir() if path != chain.folder]
    assert [line["hash"] for line in Chain(aside).lines()] == strange

    # Lines are changed, and all that follow written anew: found by the sets, which have the true ones.
    forged = list(chain.lines())
    shutil.rmtree(chain.folder)
    with chain.adding():
        chain.add([dataclasses.replace(event_of(line), account="somebody else") for line in forged], {})
    assert show_verdict(platform.stack, as_json=False) == 2
    assert f"from set {later.id}" in recover_lines(platform, "")
    assert [line["hash"] for line in chain.lines()][:29] == [line["hash"] for line in forged]
    assert show_verdict(platform.stack, as_json=False) == 0


def test_lines_that_are_not_those_of_the_signature_are_a_fault_of_the_set(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The audit was changed before the set was made: the set keeps it as it is, and says so."""
    folder, chain = tmp_path / "sets", Chain(tmp_path / "audit" / "stack")
    folder.mkdir()
    monkeypatch.setattr("backup.audit_lines.folder_of", lambda _stack: chain.folder)
    with chain.adding():
        chain.add([Event(f"2026-11-29T12:00:{number:02}.000Z", "redis", "api", "", "get", "x", "done") for number in range(9)], {})
    (file,) = chain.files()
    file.write_text(file.read_text().replace('"api"', '"rag"', 1))
    made = make(platform, kind="full", stores=["redis"], folder=folder)
    assert made is not None
    (verdict,) = verify(platform, folder=folder)
    assert verdict.faults == ("audit: line 1 (number 1): its content was changed",)
    with pytest.raises(PlatformError, match=f"the audit in set {made.id} is not whole"):
        audit_lines.bring_back(platform, folder)
