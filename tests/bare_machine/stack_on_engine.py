"""A stack on an engine of a test's own, and what a user types there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.bare_machine.engine import Engine
from tests.support.checking import ASKED_AGAIN

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"


class Stack:
    """Runs the commands of a user who has set DOCKER_HOST."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.name = f"test-engine-{os.getpid()}"
        state = folder / "state"
        state.mkdir()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "CHRISTMAS_", "DOCKER_"))}
        self.environment |= {
            "DOCKER_HOST": engine.url,
            "CHRISTMAS_STACK": self.name,
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests' own",
        }

    def begin(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a program of the environment in the engine's network; its lines come as they are printed."""
        return subprocess.Popen(
            self.engine.command(str(BIN / program), *arguments),
            cwd=ROOT,
            env=self.environment | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def check(self) -> str:
        """What `check` tells: no critical finding, nothing unknown. A warning is for whoever runs the platform to weigh."""
        for _ in range(ASKED_AGAIN):
            done = self.run("invoke", "check", allowed=(0, 1, 3))
            if not re.search("^unknown ", done, re.MULTILINE):
                return done
        raise AssertionError(done)

    def run(self, program: str, *arguments: str, allowed: tuple[int, ...] = (0,)) -> str:
        """Run a program of the environment in the engine's network and return its output."""
        done = subprocess.run(
            self.engine.command(str(BIN / program), *arguments),
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )
        assert done.returncode in allowed, f"{program} {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr
