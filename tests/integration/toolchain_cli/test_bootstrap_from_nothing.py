"""The bootstrap on a clone without a virtual environment: a real one is made, from a short lock taken out of the real one."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE

PROJECT = Path(__file__).parents[3]

# What the project's own installation needs, so that the rest of the lock need not be fetched for a test.
PACKAGES = ("editables", "hatchling", "packaging", "pathspec", "pluggy", "trove-classifiers")

# The interpreter that a user would start set-up with, not the one of this virtual environment.
PYTHON = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")


def _lock_of(*names: str) -> str:
    entries = re.split(r"\n(?=\S)", (PROJECT / "requirements" / "runtime.txt").read_text())
    chosen = [entry for entry in entries if entry.split("==")[0] in names]
    assert len(chosen) == len(names)
    return "\n".join(chosen) + "\n"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A clone with the real bootstrap, a short lock, and one step in place of those that build images for minutes."""
    root = tmp_path / "clone"
    (root / "requirements").mkdir(parents=True)
    for room in ("airgap", "core", "christmas"):
        shutil.copytree(PROJECT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "requirements" / "uv.txt", root / "requirements")
    (root / "commands").mkdir()
    for name in ("__init__.py", "make_targets.py"):
        shutil.copy(PROJECT / "commands" / name, root / "commands")
    (root / "commands" / "bring_up.py").write_text(
        "import sys\nfrom core.runner import Step\n\n\ndef refuse_early():\n    pass\n\n\ndef up_steps():\n"
        "    return [Step('interpreter', 'a test looks', run=lambda progress: sys.prefix)]\n"
    )
    (root / "requirements" / "runtime.txt").write_text(_lock_of(*PACKAGES))
    (root / "requirements" / "dev.txt").write_text(_lock_of(*PACKAGES, "pyyaml"))
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n[project]\nname = "bare"\nversion = "1"\n'
        '[tool.hatch.build]\ndev-mode-dirs = ["."]\n[tool.hatch.build.targets.wheel]\npackages = ["airgap", "core", "christmas"]\n'
    )
    shutil.copy(PROJECT / "Makefile", root)
    return root


# What a `make test` around this test hands down is its own.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name not in {"ARGS", "PYTHON", "MFLAGS"} and not name.startswith("MAKE")
}


def _make(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments, f"PYTHON={PYTHON}"],
        cwd=root,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_up_makes_the_environment_once_and_runs_the_steps_in_it(bare: Path) -> None:
    # What is left of an environment whose Python has been removed since.
    (bare / ".venv" / "bin").mkdir(parents=True)
    (bare / ".venv" / "bin" / "python").symlink_to("/nonexistent/python")
    first = _make(bare, "up")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "installing 6 locked packages" in first.stdout
    assert re.search(r"^interpreter … done in [\d.]+ s: " + re.escape(str(bare / ".venv")) + "$", first.stdout, re.MULTILINE)
    look = [str(bare / ".venv/bin/python"), "-c", "import airgap; print(airgap.__file__)"]
    installed = subprocess.run(look, cwd=bare.parent, capture_output=True, text=True, check=True)
    assert installed.stdout.strip() == str(bare / "airgap" / "__init__.py")

    second = _make(bare, "up")
    assert second.returncode == 0
    assert re.search(r"^Python environment … done in [\d.]+ s \(cached\)$", second.stdout, re.MULTILINE)

    (bare / "requirements" / "runtime.txt").write_text(_lock_of(*PACKAGES, "pyyaml"))
    third = _make(bare, "up")
    assert "installing 7 locked packages" in third.stdout
    subprocess.run([bare / ".venv/bin/python", "-c", "import yaml"], check=True)


@pytest.mark.exhaustive
def test_an_installation_that_is_cut_off_is_completed_by_the_next(bare: Path, wait_for: Callable[[Callable[[], bool]], None]) -> None:
    process = subprocess.Popen(
        [PYTHON, "airgap/setup/bootstrap.py", "up"],
        cwd=bare,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for((bare / ".venv" / "bin" / "python").exists)
    os.killpg(process.pid, signal.SIGINT)
    said, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, said + errors
    assert "`make up` continues from here" in said
    assert not (bare / ".venv" / ".christmas-runtime").exists()
    assert _make(bare, "up").returncode == 0
    assert (bare / ".venv" / ".christmas-runtime").exists()


def test_a_lock_that_does_not_match_is_refused_in_one_message(bare: Path) -> None:
    lock = bare / "requirements" / "runtime.txt"
    lock.write_text(re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, lock.read_text()))
    outcome = _make(bare, "up")
    assert outcome.returncode != 0
    assert "uv failed while installing 6 locked packages" in outcome.stderr
    assert "Hash mismatch" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_the_help_lists_every_target() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[1] for line in shown.splitlines()] == [
        "help",
        "up",
        "machine",
        "doctor",
        "down",
        "test",
        "test-all",
        "lint",
        "release",
        "docs",
        "mutants",
        "clean-tests",
    ]
