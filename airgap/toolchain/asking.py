"""Runs the Pulumi CLI for its answer, also while an update of the same stack writes the state."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from airgap.toolchain.environment import pulumi_environment
from airgap.toolchain.locate import real_pulumi
from airgap.toolchain.locks import clear_dead_locks
from airgap.toolchain.pulumi_failures import HALF_WRITTEN
from core.waiting import looks

_SECONDS = 10.0


def ask(root: Path, *arguments: str, stdin: str = "", variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """How the command ended, with its output as text. It never asks for anything. `variables` are set besides the project's own.

    Is repeated for some seconds where the state was just being written, which did nothing; what a killed run left of it is removed.
    """
    command = [str(real_pulumi()), *arguments, "--non-interactive"]
    environment = {**pulumi_environment(root), **(variables or {})}
    for again in looks(_SECONDS):
        done = subprocess.run(command, cwd=root, env=environment, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode == 0 or not again or not HALF_WRITTEN.search(done.stderr):
            break
        # If the run that wrote it was killed, nobody will finish it.
        for line in clear_dead_locks(environment.get("PULUMI_BACKEND_URL", "")):
            print(line, file=sys.stderr, flush=True)
    return done
