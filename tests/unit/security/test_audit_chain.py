"""The audit's chain: what is added stays, what is changed or removed is found, and a run that is cut off costs and doubles nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PlatformError
from security.audit.chain import EMPTY, Chain, Head, Verdict, verify_lines
from security.audit.events import Event
from security.audit.export import export
from security.audit.recovered import recover

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def event(number: int, action: str = "login") -> Event:
    return Event(f"2026-11-29T12:00:{number % 60:02}.000000000Z", "postgresql", "api", "10.0.0.9", action, "database", "done", str(number))


def add(chain: Chain, *events: Event, at: str = "x", now: datetime = NOW) -> None:
    with chain.adding():
        chain.add(events, {"postgresql": at}, now)


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Three days of it."""
    made = Chain(tmp_path / "audit")
    for day in range(3):
        for batch in range(3):
            add(made, *(event(batch * 4 + each) for each in range(4)), at=f"{day}-{batch}", now=NOW + timedelta(days=day))
    return made


def test_what_was_added_is_read_in_order_and_is_good(chain: Chain) -> None:
    assert [line["number"] for line in chain.lines()] == list(range(1, 37))
    verdict = chain.verify({"set": chain.head()})
    assert (verdict.lines, verdict.faults) == (36, ())
    assert verdict.head == chain.head()
    assert chain.positions() == {"postgresql": "2-2"}


def test_an_empty_audit_is_good_and_has_no_head(tmp_path: Path) -> None:
    assert Chain(tmp_path).head() == EMPTY
    assert Chain(tmp_path).verify().faults == ()


def rewritten(chain: Chain, file: int, change: Callable[[list[str]], list[str]]) -> None:
    path = chain.files()[file]
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


CHANGES: dict[str, tuple[int, Callable[[list[str]], list[str]]]] = {
    "a word": (1, lambda lines: [*lines[:5], lines[5].replace("api", "app"), *lines[6:]]),
    "the outcome of the last line": (2, lambda lines: [*lines[:-1], lines[-1].replace('"done"', '"denied"')]),
    "a line removed": (0, lambda lines: [*lines[:3], *lines[4:]]),
    "two lines exchanged": (1, lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]]),
    "a line twice": (1, lambda lines: [*lines[:3], *lines[2:]]),
    "the first line removed": (0, lambda lines: lines[1:]),
    "a line that is none": (1, lambda lines: [*lines[:2], "nothing\n", *lines[2:]]),
    "the end cut off": (2, lambda lines: lines[:-4]),
    "a whole day emptied": (1, lambda _lines: []),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found(chain: Chain, change: str) -> None:
    anchor = chain.head()
    rewritten(chain, *CHANGES[change])
    assert chain.verify({"20261201-000000-full-0001": anchor}).faults


def test_a_chain_that_was_written_anew_as_a_whole_is_found_by_the_sets(chain: Chain, tmp_path: Path) -> None:
    anchor = chain.head()
    other = Chain(tmp_path / "other")
    forged = [{name: line[name] for name in Event.__dataclass_fields__} | {"account": "app"} for line in chain.lines()]
    add(other, *(Event(**each) for each in forged), at="2-2")
    assert other.verify().faults == ()
    (fault,) = other.verify({"20261201-000000-full-0001": anchor}).faults
    assert "20261201-000000-full-0001" in fault


@given(cut=st.integers(min_value=1, max_value=3000))
def test_a_batch_that_is_cut_off_anywhere_is_added_whole_by_the_next_run(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    chain = Chain(tmp_path_factory.mktemp("audit"))
    add(chain, event(1), event(2), at="first")
    size = chain.files()[0].stat().st_size
    noted = (chain.folder / "positions.json").read_bytes()
    add(chain, *(event(each) for each in range(3, 9)), at="second")
    whole = chain.files()[0].stat().st_size
    cut_at = min(whole - 1, size + cut)
    os.truncate(chain.files()[0], cut_at)
    (chain.folder / "positions.json").write_bytes(noted)  # written after the lines
    assert chain.positions() == {"postgresql": "first"}
    assert chain.verify().faults == ()
    add(chain, *(event(each) for each in range(3, 9)), at="second")
    assert [line["session"] for line in chain.lines()] == [str(each) for each in range(1, 9)]
    assert chain.verify().faults == ()


def test_lines_that_were_added_before_a_crash_are_not_read_again(chain: Chain) -> None:
    noted = (chain.folder / "positions.json").read_bytes()
    add(chain, event(50), at="later")
    (chain.folder / "positions.json").write_bytes(noted)
    assert chain.positions() == {"postgresql": "later"}


def test_a_clock_that_is_set_back_does_not_break_the_order(chain: Chain) -> None:
    add(chain, event(51), now=NOW - timedelta(days=9))
    assert chain.verify().faults == ()
    assert len(chain.files()) == 3


def test_old_days_go_and_the_chain_says_so(chain: Chain) -> None:
    anchors = {"old": chain.head()}
    assert chain.prune(timedelta(days=365), NOW) == 0
    assert chain.prune(timedelta(days=1), NOW + timedelta(days=2, hours=1)) == 1
    assert len(chain.files()) == 2
    assert chain.verify(anchors).faults == ()
    chain.files()[0].unlink()
    assert chain.verify(anchors).faults


def test_a_full_disk_adds_nothing_and_says_so(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    before = chain.head()
    written = os.write

    def full(descriptor: int, content: bytes) -> int:
        written(descriptor, bytes(content)[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(PlatformError, match="No space left") as caught:
        add(chain, event(60), now=NOW + timedelta(days=2))
    monkeypatch.undo()
    assert "make room" in (caught.value.next_step or "")
    assert chain.head() == before
    assert chain.verify().faults == ()


def test_writers_from_several_processes_take_turns(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from security.audit.chain import Chain; from security.audit.events import Event\n"
        "chain = Chain(Path(sys.argv[1]))\n"
        "for number in range(20):\n"
        "    with chain.adding():\n"
        "        refused = Event('2026-11-29T12:00:00.000000000Z', 'redis', 'api', '', 'login', 'server', 'denied', sys.argv[2])\n"
        "        chain.add([refused] * 2, {})\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(each)]) for each in range(3)]
    assert [each.wait() for each in running] == [0, 0, 0]
    verdict = Chain(tmp_path).verify()
    assert (verdict.lines, verdict.faults) == (120, ())


def test_evidence_is_checked_without_the_platform(chain: Chain, tmp_path: Path) -> None:
    target = tmp_path / "evidence.tar.gz"
    anchors = {"20261201-000000-full-0001": chain.head()}
    assert export(chain, target, NOW - timedelta(days=1), NOW + timedelta(days=1), anchors) == 36
    with pytest.raises(PlatformError, match="already"):
        export(chain, target, NOW - timedelta(days=1), NOW, anchors)
    folder = tmp_path / "elsewhere"
    with tarfile.open(target) as archive:
        archive.extractall(folder, filter="data")

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-I", "proof.py"], cwd=folder, capture_output=True, text=True, check=False)

    assert check().returncode == 0
    lines = (folder / "lines.jsonl").read_text()
    (folder / "lines.jsonl").write_text(lines.replace("10.0.0.9", "10.0.0.8", 1))
    assert check().returncode != 0
    (folder / "lines.jsonl").write_text("".join(line for place, line in enumerate(lines.splitlines(keepends=True)) if place != 7))
    assert check().returncode != 0
    assert json.loads((folder / "anchors.json").read_text())


def test_no_line_of_that_time_is_said(chain: Chain, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="no line of that time"):
        export(chain, tmp_path / "none.tar.gz", NOW - timedelta(days=9), NOW - timedelta(days=8), {})


def test_a_collection_cut_off_after_one_whose_positions_were_not_noted_doubles_nothing(chain: Chain) -> None:
    noted = (chain.folder / "positions.json").read_bytes()
    add(chain, event(50), event(51), at="second", now=NOW + timedelta(days=2))
    add(chain, event(52), event(53), at="third", now=NOW + timedelta(days=2))
    file = chain.files()[-1]
    os.truncate(file, file.stat().st_size - 20)
    (chain.folder / "positions.json").write_bytes(noted)
    assert chain.positions() == {"postgresql": "second"}
    add(chain, event(52), event(53), at="third", now=NOW + timedelta(days=2))
    assert [each.session for each in chain.after(36)] == ["50", "51", "52", "53"]
    assert chain.verify().faults == ()


@pytest.mark.parametrize("damage", [b"nothing\n", b"\0\0\0\n", b'{"left": \n{"a"'])
def test_a_damaged_end_stays_for_verify_to_find_and_stops_no_collection(chain: Chain, damage: bytes) -> None:
    with chain.files()[-1].open("ab") as file:
        file.write(damage)
    add(chain, event(50), at="later", now=NOW + timedelta(days=2))
    assert [each.session for each in chain.after(36)] == ["50"]
    assert chain.positions() == {"postgresql": "later"}
    assert any("can't be read" in fault for fault in chain.verify().faults)


def copied(chain: Chain, begin: int = 0) -> list[bytes]:
    return [line for file in chain.files() for line in file.read_bytes().splitlines(keepends=True)][begin:]


def test_lines_in_a_set_are_proven_as_the_chain_is(chain: Chain) -> None:
    whole, head = copied(chain), chain.head()
    assert verify_lines(whole, None) == Verdict(len(whole), head, ())
    middle = json.loads(whole[9])
    later = list(chain.raw(Head(middle["number"], middle["hash"]), head))
    assert later == whole[10:]
    assert verify_lines(later, Head(middle["number"], middle["hash"])).faults == ()
    assert verify_lines(later, None).faults
    assert verify_lines(later, Head(middle["number"], "0" * 64)).faults
    assert verify_lines(whole[:5] + whole[6:], None).faults
    assert chain.has(head)
    assert not chain.has(Head(head.number, middle["hash"]))


@pytest.mark.parametrize("here", [0, 4])
def test_an_audit_that_came_back_goes_on_with_what_was_written_meanwhile(chain: Chain, tmp_path: Path, here: int) -> None:
    lines, head = copied(chain), chain.head()
    other = Chain(tmp_path / "new" / "audit")
    if here:
        add(other, *(event(number, "drop table") for number in range(here)), at="new")
    found = recover(other.folder, lines, head, "20261201-000000-full-0001", NOW)
    assert (found.lines, found.added) == (len(lines), here)
    assert other.verify({"20261201-000000-full-0001": head}).faults == ()
    assert copied(other)[: len(lines)] == lines
    assert [json.loads(line)["action"] for line in copied(other, len(lines))] == ["recover the audit", *["drop table"] * here]
    # Where the logs are read on: by what this machine knew, else by what the lost one did.
    assert other.positions() == {"postgresql": "new" if here else "2-2"}
    assert (found.aside is None) == (here == 0)
    add(other, event(1))
    assert other.verify().faults == ()


def test_lines_that_end_otherwise_change_nothing(chain: Chain, tmp_path: Path) -> None:
    other = Chain(tmp_path / "new" / "audit")
    add(other, event(1))
    before = copied(other)
    with pytest.raises(PlatformError, match="end with another one"):
        recover(other.folder, copied(chain)[:-1], chain.head(), "20261201-000000-full-0001", NOW)
    assert copied(other) == before


@pytest.mark.parametrize(("expected", "outcome"), [(True, "done"), (False, "lost")])
def test_only_a_new_machine_gets_its_audit_back_without_an_anomaly(chain: Chain, tmp_path: Path, *, expected: bool, outcome: str) -> None:
    new = Chain(tmp_path / "new")
    recover(new.folder, copied(chain), chain.head(), "20261201-000000-full-0001", NOW, expected=expected)
    assert [json.loads(line)["outcome"] for line in new.raw(EMPTY, new.head())][-1] == outcome


def test_a_recovery_killed_between_its_last_two_steps_is_completed(chain: Chain, tmp_path: Path) -> None:
    lines, head = copied(chain), chain.head()
    other = Chain(tmp_path / "new" / "audit")
    add(other, event(1, "drop table"))
    recover(other.folder, lines, head, "20261201-000000-full-0001", NOW)
    other.folder.rename(other.folder.with_name("audit.new"))
    recover(other.folder, lines, head, "20261201-000000-full-0001", NOW + timedelta(hours=1))
    assert [each["action"] for each in other.lines()].count("drop table") == 1
    assert other.verify({"20261201-000000-full-0001": head}).faults == ()
