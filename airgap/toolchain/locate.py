"""Finds the Pulumi CLI. Standard library only and fast, because every `pulumi` command of this project runs it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from hashlib import sha256
from pathlib import Path

from core.disk import write_whole
from core.errors import PlatformError

CLI_VERSION = (3, 259, 0)
"""The version to build without an official one, and the oldest accepted official one: this project is tested with it."""

GO_FOLDER = Path(__file__).with_name("go")
"""The Go module that pins the CLI and its dependencies."""

LEFT_OUT = GO_FOLDER / "left_out"
"""The replacement files of left-out packages, below the path of their module."""

LEFT_OUT_OF_CLI = ("gocloud.dev", "github.com/pulumi/pulumi/pkg/v3")

LANGUAGE_HOST = "pulumi-language-python"
DOCKER_PLUGIN = "pulumi-resource-docker"


def cache_folder() -> Path:
    """Return the folder for files worth keeping between clones that can be made again: `$XDG_CACHE_HOME/christmas`, or in ~/.cache.

    If that can't be written (a read-only home, or none), it is `.christmas/cache` of this clone.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification of XDG_CACHE_HOME requires ignoring relative paths.
    folder = (Path(base) if Path(base).is_absolute() else Path(os.path.expanduser("~/.cache"))) / "christmas"  # noqa: PTH111 - never raises
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if folder.is_absolute() and os.access(existing, os.W_OK | os.X_OK):
        return folder
    return Path(__file__).absolute().parents[2] / ".christmas" / "cache"


def built_folder() -> Path:
    """Return the folder of the CLI built from these sources, existing or not. Its name changes with every input.

    Inside, it has the layout of an official installation: `bin/pulumi` with its helpers beside it.
    """
    inputs = sha256(f"{sys.platform} {os.uname().machine} {CLI_VERSION}".encode())
    for name in ("go.mod", "go.sum", "pulumi-language-python.sh"):
        inputs.update((GO_FOLDER / name).read_bytes())
    inputs.update(left_out_hash(*LEFT_OUT_OF_CLI).encode())
    return cache_folder() / "toolchain" / f"pulumi-{inputs.hexdigest()[:16]}"


def left_out_files(module: str) -> list[Path]:
    """Return the replacement files for left-out parts of a Go module, in a fixed order."""
    return sorted(path for path in (LEFT_OUT / module).rglob("*.go"))


def left_out_hash(*modules: str) -> str:
    """Return a hash over the replacement files of some modules, with their names."""
    digest = sha256()
    for path in (path for module in modules for path in left_out_files(module)):
        digest.update(f"{path.relative_to(LEFT_OUT).as_posix()} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def real_pulumi() -> Path:
    """Return the Pulumi CLI: the official one on PATH if it is new enough, else the built one.

    Raises PlatformError if there is neither.
    """
    official = official_pulumi()
    if official is not None:
        return official
    built = built_folder() / "bin" / "pulumi"
    if built.is_file():
        return built
    raise PlatformError(
        "The Pulumi CLI is missing.",
        where=f"neither {version_text(CLI_VERSION)} or newer on PATH, nor {built}",
        next_step="run `make up`, which builds it (or only: .venv/bin/python -m airgap.toolchain.cli)",
    )


def official_pulumi() -> Path | None:
    """Return the first `pulumi` on PATH that is not a wrapper of this project and new enough, or None."""
    for candidate in on_path("pulumi"):
        if not is_wrapper(candidate) and (cli_version(candidate) or (0,)) >= CLI_VERSION:
            return candidate
    return None


def on_path(name: str) -> list[Path]:
    """Return every executable of that name on PATH, first match first."""
    programs = []
    for folder in os.get_exec_path():
        candidate = Path(folder, name)
        if folder and os.access(candidate, os.X_OK) and candidate.is_file():
            programs.append(candidate)
    return programs


def is_wrapper(path: Path) -> bool:
    """Whether an executable is this project's `pulumi` console script, of this clone or another one."""
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError:
        return False
    return head.startswith(b"#!") and b"airgap.toolchain.wrapper" in head


def cli_version(pulumi: Path) -> tuple[int, ...] | None:
    """Return a Pulumi CLI's version, or None if it prints none.

    Asking takes a tenth of a second, so the answer is cached as long as the file stays the same.
    """
    try:
        info = pulumi.stat()
    except OSError:
        return None
    key = sha256(f"{pulumi.resolve()} {info.st_size} {info.st_mtime_ns}".encode()).hexdigest()[:16]
    remembered = cache_folder() / "toolchain" / f"version-{key}"
    try:
        answer = remembered.read_text()
    except OSError:
        answer = _ask_version(pulumi)
        if answer:
            _remember(remembered, answer)
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", answer)
    return tuple(int(part) for part in match.groups()) if match else None


def version_text(version: tuple[int, ...]) -> str:
    """Return `v3.259.0` for (3, 259, 0)."""
    return "v" + ".".join(map(str, version))


def _ask_version(pulumi: Path) -> str:
    import subprocess  # takes as long to import as everything else here, and is rarely needed

    # Even this writes a log; a separate home keeps it out of the user's.
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1", "PULUMI_HOME": str(cache_folder() / "toolchain" / "home")}
    try:
        outcome = subprocess.run([pulumi, "version"], env=environment, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return outcome.stdout.strip()


def _remember(file: Path, answer: str) -> None:
    # An unwritable cache costs a tenth of a second each time, no more.
    with contextlib.suppress(OSError):
        write_whole(file, answer)
