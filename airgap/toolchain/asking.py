"""Runs the Pulumi CLI for its answer, also while an update of the same stack writes the state."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from airgap.toolchain.environment import pulumi_environment
from airgap.toolchain.locate import real_pulumi
from core.waiting import looks

_SECONDS = 10.0
# A state in a folder has its attributes in a file beside it, which Pulumi's storage library empties before it writes it anew. Whoever
# looks in that moment finds nothing.
_HALF_WRITTEN = re.compile(r"failed to load checkpoint: (unexpected )?(EOF|end of JSON input)")


def ask(root: Path, *arguments: str, stdin: str = "", variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """How the command ended, with its output as text. It never asks for anything. `variables` are set besides the project's own.

    Is repeated for some seconds where the state was just being written: nothing was done then.
    """
    command = [str(real_pulumi()), *arguments, "--non-interactive"]
    environment = {**pulumi_environment(root), **(variables or {})}
    for again in looks(_SECONDS):
        done = subprocess.run(command, cwd=root, env=environment, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode == 0 or not again or not _HALF_WRITTEN.search(done.stderr):
            break
    return done
