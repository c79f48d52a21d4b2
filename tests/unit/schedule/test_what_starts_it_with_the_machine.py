"""What is arranged for the machine's next start: with a crontab of the test's own, and with nothing at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.connections import ROOT
from monitor import signs
from schedule import boot, remembered, units
from tests.support.programs import running

# Keeps the table in a file, as crontab(1) does, and refuses whoever cron.deny names.
CRONTAB = """#!/bin/sh
table="$CRONTAB_FOLDER/table"
if [ -e "$CRONTAB_FOLDER/denied" ]; then echo "You (me) are not allowed to use this program (crontab)" >&2; exit 1; fi
case "$1" in
-l) if [ -e "$table" ]; then cat "$table"; else echo "no crontab for me" >&2; exit 1; fi ;;
-) cat > "$table" ;;
esac
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without systemd, with a crontab program and nothing in it."""
    monkeypatch.setattr(boot, "SYSTEMD_RUNS", tmp_path / "no systemd")
    monkeypatch.setattr("monitor.signs.LOCAL", tmp_path / "local")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "crontab").write_text(CRONTAB)
    (programs / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("CRONTAB_FOLDER", str(tmp_path))
    return tmp_path


def test_cron_starts_it_and_other_lines_stay(machine: Path) -> None:
    table = machine / "table"
    table.write_text("0 4 * * * somebody's own line\n")
    with running("cron", machine):
        assert "cron starts it" in boot.arrange("dev").message
        assert "cron starts it" in boot.arrange("dev").message
        boot.arrange("other")
    line = units.keeper_cron_line(ROOT, "dev")
    assert table.read_text().splitlines() == ["0 4 * * * somebody's own line", line, units.keeper_cron_line(ROOT, "other")]
    assert boot.remove("dev") == "its line in the crontab is removed"
    assert boot.remove("dev") == ""
    assert table.read_text().splitlines() == ["0 4 * * * somebody's own line", units.keeper_cron_line(ROOT, "other")]


def test_a_cron_that_does_not_run_or_refuses_is_no_way_and_what_to_do_is_told(machine: Path) -> None:
    asleep = boot.arrange("dev").message
    assert asleep.startswith("nothing starts the schedule after a reboot (systemd is not the first process; cron is installed")
    assert "invoke schedule.start" in asleep
    (machine / "denied").touch()
    with running("cron", machine):
        assert "cron refuses: You (me) are not allowed" in boot.arrange("dev").message
    (machine / "bin/crontab").unlink()
    assert "there is no cron" in boot.arrange("dev").message
    assert not (machine / "table").exists()
    assert boot.remove("dev") == ""


def test_what_matters_of_the_environment_is_kept_for_the_next_start_and_no_secret_is(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "PULUMI_BACKEND_URL": "file:///srv/state",
        "PULUMI_CONFIG_PASSPHRASE_FILE": "/srv/passphrase",
        "PULUMI_CONFIG_PASSPHRASE": "hunter2",
        "DOCKER_HOST": "tcp://engine:2376",
        "CHRISTMAS_IMAGES": "registry/christmas",
        "https_proxy": "http://me:hunter2@proxy:3128",
        "no_proxy": "localhost",
        "XDG_RUNTIME_DIR": "/run/user/1",
        "SOME_OTHER": "hunter2",
    }
    # Nothing of the shell or process that the tests run in is among what is told.
    for name in [name for name in os.environ if name.startswith(("PULUMI_", "CHRISTMAS_", "DOCKER_"))]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with running("cron", machine):
        told = boot.arrange("dev").message
    assert "not saved, so unknown after a restart: PULUMI_CONFIG_PASSPHRASE, https_proxy" in told
    written = signs.folder_of("dev") / "environment.json"
    assert written.stat().st_mode & 0o077 == 0
    kept = json.loads(written.read_text())
    assert "hunter2" not in written.read_text()
    assert {"PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "DOCKER_HOST", "CHRISTMAS_IMAGES", "no_proxy", "PATH"} <= kept.keys()
    assert not kept.keys() & {"XDG_RUNTIME_DIR", "SOME_OTHER"}
    program = (
        "import os, sys; from pathlib import Path; from monitor import signs; signs.LOCAL = Path(sys.argv[1])\n"
        "from schedule import remembered; remembered.recall('dev'); print(os.environ['DOCKER_HOST'])"
    )
    bare = {"PATH": "/usr/bin", "DOCKER_HOST": "unix:///elsewhere"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(machine / "local")], cwd=ROOT, env=bare, capture_output=True, text=True, check=True
    )
    assert done.stdout == "tcp://engine:2376\n"
    boot.remove("dev")
    assert not written.exists()


def test_damage_to_what_was_kept_is_no_reason_not_to_start(machine: Path) -> None:
    before = dict(os.environ)
    folder = signs.folder_of("dev")
    folder.mkdir(parents=True)
    for damaged in ("", "[]", "{"):
        (folder / "environment.json").write_text(damaged)
        remembered.recall("dev")
    assert dict(os.environ) == before
