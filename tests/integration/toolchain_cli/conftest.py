"""A clone in miniature: this project's toolchain around a program of a few lines, run by the real CLI with the real language host."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from airgap.toolchain.locate import built_folder, cache_folder, real_pulumi
from tests.support import waiting
from tests.support.waiting import PATIENCE

PROJECT = Path(__file__).parents[3]

PROGRAM = """
import os
import pulumi

config = pulumi.Config()
print("running in", os.getcwd())
pulumi.export("greeting", config.get("greeting") or "hello")
pulumi.export("token", pulumi.Output.secret("s3cret-token"))
pulumi.ComponentResource("tiny:index:Thing", config.get("name") or "thing")
"""

_PASSED_ON = ("LANG", "LC_ALL", "TZ")


@dataclass
class Clone:
    """A folder that looks to Pulumi and to the wrapper like a clone of this project."""

    root: Path
    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def program(self) -> Path:
        return self.root / "app" / "__main__.py"

    @property
    def state(self) -> Path:
        return self.root / ".christmas" / "state"

    def environment(self, **variables: str) -> dict[str, str]:
        """Nothing of the machine's own Pulumi settings; the CLI's cache is shared, because building it takes minutes."""
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {
            **passed_on,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(cache_folder().parent),
            "PYTHONPATH": str(self.root),
            **self.variables,
            **variables,
        }

    def pulumi(self, *arguments: str, folder: Path | None = None, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        """Type `pulumi ARGUMENTS` in a folder of the clone and return what came of it."""
        outcome = subprocess.run(
            [str(Path(sys.executable).with_name("pulumi")), *arguments],
            cwd=folder or self.root,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if check:
            assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        return outcome

    def start(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start `pulumi ARGUMENTS` in a session of its own, as a terminal would, writing all output to `log`."""
        with log.open("wb") as output:
            return subprocess.Popen(
                [str(Path(sys.executable).with_name("pulumi")), *arguments],
                cwd=self.root,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@pytest.fixture(scope="session", autouse=True)
def cli() -> Path:
    """The real CLI; without one there is nothing to test, and its error says how to get it."""
    return real_pulumi()


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone without any stack."""
    root, home = tmp_path / "clone", tmp_path / "home"
    for folder in (root / "app" / "sub", home):
        folder.mkdir(parents=True)
    (root / "airgap").symlink_to(PROJECT / "airgap")
    (root / ".venv").symlink_to(sys.prefix)
    (root / "Pulumi.yaml").write_text("name: tiny\nruntime: {name: python, options: {virtualenv: .venv}}\nmain: app\n")
    (root / "app" / "__main__.py").write_text(PROGRAM)
    return Clone(root, home)


@pytest.fixture
def stack(clone: Clone) -> Clone:
    """A clone whose stack `dev` is there and selected, but not yet up."""
    clone.pulumi("stack", "init", "dev")
    return clone


@pytest.fixture
def executor() -> Path:
    """What starts user programs beside our own language host."""
    return built_folder() / "bin" / "pulumi-language-python-exec"


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds."""
    return lambda condition: waiting.wait_for(condition, "what the test waits for")  # type: ignore[return-value]
