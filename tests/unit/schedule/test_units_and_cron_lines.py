"""The units and lines for a machine's own scheduler, read as the machine would read them."""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from core.errors import PlatformError
from core.yielding import NICE
from schedule import task, units
from schedule.units import Clone

ROOT = Path(__file__).parents[3]
ODD = '/srv/a clone/50% "done"/it\'s'


def clone_at(root: Path) -> Clone:
    invoke = root / ".venv/bin/invoke"
    invoke.parent.mkdir(parents=True)
    invoke.write_text('#!/bin/sh\nprintf \'%s\\n\' "$PWD" "$@"\n')
    invoke.chmod(0o755)
    return Clone(root, invoke, "root")


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    written = units.write_systemd(clone_at(tmp_path / "a clone"), "dev", tmp_path / "units")
    assert sorted(each.name for each in written) == [
        f"christmas-{work}-dev.{kind}"
        for work in ("audit", "backup", "check", "drill", "rotation", "upkeep")
        for kind in ("service", "timer")
    ]
    for path in written:
        parsed = configparser.RawConfigParser(strict=False)
        parsed.optionxform = str  # type: ignore[assignment,method-assign]
        parsed.read(path)
        assert "Unit" in parsed
        assert ("Timer" in parsed) == path.name.endswith(".timer")
        # As every run in a session of its own gives way, and as the document says.
        assert parsed.get("Service", "Nice", fallback=str(NICE)) == str(NICE)
        assert ("Nice" in path.read_text()) == path.name.endswith(".service")
    assert f"(`nice` {NICE} for their whole session" in (ROOT / "docs" / "backup.md").read_text("utf-8")
    if analyze := shutil.which("systemd-analyze"):
        done = subprocess.run([analyze, "verify", *map(str, written)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_paths_are_quoted_as_systemd_wants_it() -> None:
    clone = Clone(Path(ODD), Path(ODD) / "bin/invoke", "somebody")
    text = units.systemd(clone, "dev")["christmas-backup-dev.service"]
    assert 'WorkingDirectory=/srv/a clone/50%% "done"/it\'s\n' in text
    assert 'ExecStart="/srv/a clone/50%% \\"done\\"/it\'s/bin/invoke" schedule.run --once --only backup --stack dev\n' in text
    assert "User=somebody\n" in text


def test_a_cron_line_runs_from_a_path_with_spaces_and_percent_signs(tmp_path: Path) -> None:
    root = tmp_path / "a clone, 50% done"
    clone = clone_at(root)
    (root / ".christmas").mkdir()
    lines = [line for line in units.cron(clone, "dev").splitlines() if line[0] in "*0123456789"]
    assert [" ".join(line.split(" ")[:5]) for line in lines] == [
        "*/5 * * * *",
        "1-59/5 * * * *",
        "17 * * * *",
        "3-59/15 * * * *",
        "4-59/5 * * * *",
        "8-59/15 * * * *",
    ]
    for line in lines:
        # cron takes the backslash off a percent sign and hands the rest to sh.
        assert re.search(r"(?<!\\)%", line) is None
        command = line.split(" ", 5)[5].replace("\\%", "%")
        subprocess.run(["sh", "-c", command], check=True, cwd="/")
    told = (root / ".christmas/schedule-dev.log").read_text().split("\n")
    assert told[0] == str(root)
    assert told[1:7] == ["schedule.run", "--once", "--only", "backup", "--stack", "dev"]


@pytest.mark.parametrize("system", [True, False], ids=["system", "user"])
def test_systemd_takes_the_keepers_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: bool) -> None:
    clone = clone_at(tmp_path / "a clone, 50% done")
    monkeypatch.setattr("sys.prefix", str(clone.root / ".venv"))
    (clone.root / ".venv/bin/python").symlink_to("/bin/true")
    path = tmp_path / units.keeper_name(clone.root, "dev")
    path.write_text(units.keeper_unit(clone, "dev", system=system))
    text = path.read_text()
    assert f"RestartPreventExitStatus={units.HELD}\n" in text
    assert ("WantedBy=multi-user.target" in text, "docker.service" in text) == (system, system)
    if analyze := shutil.which("systemd-analyze"):
        command = [analyze, "verify", *([] if system else ["--user"]), str(path)]
        # A user's systemd wants a folder of theirs, also to look at one file.
        runtime = tmp_path / "run"
        runtime.mkdir(mode=0o700)
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)})
        assert (done.returncode, done.stderr) == (0, "")


def test_two_clones_with_a_stack_of_one_name_have_units_of_their_own(tmp_path: Path) -> None:
    names = {units.keeper_name(root, stack) for root in (tmp_path / "a", tmp_path / "b") for stack in ("dev", "prod")}
    assert len(names) == 4


def test_the_cron_line_of_a_keeper_runs_from_a_path_with_spaces_and_percent_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = clone_at(tmp_path / "a clone, 50% done")
    monkeypatch.setattr("sys.prefix", str(clone.root / ".venv"))
    monkeypatch.setattr("monitor.signs.LOCAL", clone.root / ".christmas")
    (clone.root / ".venv/bin/python").symlink_to(clone.invoke)
    (clone.root / ".christmas/schedule/dev").mkdir(parents=True)
    line = units.keeper_cron_line(clone.root, "dev")
    assert line.endswith(units.mark(clone.root, "dev"))
    assert re.search(r"(?<!\\)%", line) is None
    when, command = line.replace("\\%", "%").split(" ", 1)
    assert when == "@reboot"
    subprocess.run(["sh", "-c", command], check=True, cwd="/")
    told = (clone.root / ".christmas/schedule/dev/log").read_text().split("\n")
    assert told[:5] == [str(clone.root), "-m", "schedule.keeper", "--after-boot", "dev"]


@pytest.mark.parametrize(
    "switches",
    [
        {"only": "restore"},
        {"once": True, "cron": True},
        {"write_to": "/tmp/units"},
        {"systemd": True, "only": "drill"},
    ],
    ids=["unknown-work", "two-ways", "write-what", "units-of-one"],
)
def test_switches_that_do_not_fit_together_are_refused(switches: dict[str, object]) -> None:
    given = {"only": "", "write_to": "", "once": False, "systemd": False, "cron": False, **switches}
    with pytest.raises(PlatformError):
        task.run("dev", **given)  # type: ignore[arg-type]
