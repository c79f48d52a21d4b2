"""Both lock files have a wheel for every Python that is promised, whichever of them runs here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from airgap.setup.installer import PINNED_UV, ensure_uv, uv_environment
from core.progress import SilentProgress
from tests.support.cases import in_make_test


@pytest.mark.parametrize("lock", ["runtime", "dev"])
@pytest.mark.parametrize("version", in_make_test(["3.11", "3.12", "3.13", "3.14"], 0))
def test_every_locked_package_has_a_wheel(version: str, lock: str, tmp_path: Path) -> None:
    command = [str(ensure_uv(SilentProgress())), "pip", "install", "--dry-run", "--python", sys.executable, "--python-version", version]
    command += ["--target", str(tmp_path), "--only-binary", ":all:", "--no-deps", "--require-hashes"]
    command += ["--requirement", str(PINNED_UV.with_name(f"{lock}.txt"))]
    done = subprocess.run(command, env=uv_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Would install" in done.stderr
