"""Bare machines for tests: bootstrapped once for each run, and a fresh layer for each test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airgap.toolchain.locate import real_pulumi
from tests.bare_machine.machine import CLONE, Machine, bootstrap

SUITES = ("bookworm", "trixie")
"""Debian 12 and 13, which the README promises."""
NewMachine = Callable[[str], Machine]


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clone as somebody would have it: what git knows or would take, and nothing that was made here."""
    folder = tmp_path_factory.mktemp("clone")
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=CLONE, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, names.split("\0")):
        if (CLONE / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CLONE / name, folder / name)
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """The root file system of a suite; bootstrapped when it is first asked for, gone after the run."""
    paths: dict[str, Path] = {}

    def root(suite: str) -> Path:
        if suite not in paths:
            folder = tmp_path_factory.mktemp(suite) / "root"
            bootstrap(suite, folder)
            paths[suite] = folder
        return paths[suite]

    yield root
    for folder in paths.values():
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def machine(roots: Callable[[str], Path], clone: Path, tmp_path: Path) -> Iterator[NewMachine]:
    """Make a bare machine of a suite. The clone lies in /srv/clone, read only; a Pulumi CLI, which takes minutes to build, on PATH."""
    machines: list[Machine] = []

    def new(suite: str) -> Machine:
        installed = Path(real_pulumi()).resolve().parent
        one = Machine(suite, roots(suite), tmp_path / f"machine-{len(machines)}", binds={"/srv/clone": clone, "/opt/pulumi": installed})
        machines.append(one)
        return one

    yield new
    for one in machines:
        shutil.rmtree(one.layer, ignore_errors=True)


@pytest.fixture(params=SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    """Each suite that the README promises."""
    return str(request.param)
