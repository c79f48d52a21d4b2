"""The one installer of Python packages: uv, itself a wheel pinned by hash.

pip resolves for the Python that runs it, and old ones refuse a wheel for any other. uv resolves for the requested Python,
whichever one runs it. It does not read pip's configuration, so that is passed on here. Standard library only: the bootstrap uses it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from airgap.setup.debian import apt_install, is_debian
from airgap.setup.pip_settings import pip_settings
from airgap.setup.take_over import record
from airgap.toolchain.exclusive import exclusively
from airgap.toolchain.locate import cache_folder
from core import temporary
from core.errors import PlatformError
from core.progress import Progress

PINNED_UV = Path(__file__).resolve().parents[2] / "requirements" / "uv.txt"
_LAST_LINES = 12
_SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def ensure_uv(progress: Progress) -> Path:
    """Return the path of the pinned uv; fetches it into the cache with any pip if it is missing. Raises PlatformError."""
    folder = _uv_folder()
    uv = folder / "bin" / "uv"
    if not uv.is_file():
        with exclusively(folder.with_name("uv.lock"), progress, "fetches uv"):
            if not uv.is_file():
                with temporary.folder("uv", folder.parent) as draft:
                    _fetch_uv(draft, progress)
                    shutil.rmtree(folder, ignore_errors=True)
                    (draft / "target").replace(folder)
                record(folder)
    return uv


def uv_environment() -> dict[str, str]:
    """Return the environment for uv: the user's own UV_ variables, then pip's settings, then this project's cache."""
    environment = {**pip_settings().uv_variables(), **os.environ}
    environment.setdefault("UV_CACHE_DIR", str(cache_folder() / "uv"))
    environment.setdefault("UV_PYTHON_DOWNLOADS", "never")
    environment.setdefault("UV_LINK_MODE", "hardlink" if _on_one_file_system(cache_folder(), PINNED_UV) else "copy")
    if "SSL_CERT_FILE" not in environment and _SYSTEM_CERTIFICATES.is_file():
        environment.setdefault("UV_SYSTEM_CERTS", "1")
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"):
        environment.pop(name, None)
    return environment


def uv(progress: Progress, *arguments: str, doing: str) -> None:
    """Run one uv command; `doing` describes it. Raises PlatformError with uv's last words."""
    progress.status(doing)
    options = pip_settings().uv_options() if arguments[0] == "pip" else []
    process = subprocess.Popen(
        [str(ensure_uv(progress)), *arguments, *options, "--no-progress", "--color", "never"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=uv_environment(),
        cwd=PINNED_UV.parents[1],
    )
    try:
        output, _ = process.communicate()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if process.returncode != 0:
        raise PlatformError(
            f"uv failed while {doing}.",
            where="its last words:\n    " + "\n    ".join(output.strip().splitlines()[-_LAST_LINES:]),
            next_step="repair what it names (index, proxy and certificates are taken from pip's settings and from UV_ variables),\n"
            "then run the same command again: it continues from here",
        )


def fetch_wheels(requirements: Sequence[str], folder: Path, progress: Progress, *, doing: str, options: Sequence[str] = ()) -> None:
    """Unpack wheels into `folder`; each of `requirements` is one line with version and hashes. Raises PlatformError."""
    with tempfile.NamedTemporaryFile("w", dir=folder.parent, suffix=".txt") as file:
        file.write("\n".join(requirements))
        file.flush()
        wheels_only = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", file.name]
        uv(progress, "pip", "install", "--python", sys.executable, "--target", str(folder), *options, *wheels_only, doing=doing)


def _uv_folder() -> Path:
    return cache_folder() / "toolchain" / f"uv-{sha256(PINNED_UV.read_bytes()).hexdigest()[:16]}"


def _fetch_uv(draft: Path, progress: Progress) -> None:
    pip = _any_pip(draft, progress)
    progress.status("fetching uv, which installs all other packages (25 MB)")
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary", ":all:"]
    command += ["--require-hashes", "--target", str(draft / "target"), "--requirement", str(PINNED_UV)]
    environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore", "PIP_USER": "0"}
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, stdin=subprocess.DEVNULL)
    if outcome.returncode != 0 or not (draft / "target" / "bin" / "uv").is_file():
        raise PlatformError(
            "uv can't be fetched from the package index.",
            where="pip's last words:\n    " + "\n    ".join((outcome.stderr or outcome.stdout).strip().splitlines()[-5:]),
            next_step="check that pip reaches its package index (pip config list), then run the same command again",
        )


def _any_pip(draft: Path, progress: Progress) -> list[str]:
    """Return the command of a pip: this Python's, else that of an environment in `draft`, for which Debian has a package."""
    if _succeeds(sys.executable, "-m", "pip", "--version"):
        return [sys.executable, "-m", "pip"]
    if not _succeeds(sys.executable, "-c", "import ensurepip, venv"):
        _install_venv_module(progress)
    folder = draft / "pip"
    outcome = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise PlatformError(
            f"{sys.executable} has no pip and can't make a virtual environment.",
            where="\n    ".join((outcome.stderr or outcome.stdout).strip().splitlines()[-5:]),
            next_step="repair what it names, or take another Python: `make up PYTHON=/path/to/python3`",
        )
    return [str(folder / "bin" / "python"), "-m", "pip"]


def _install_venv_module(progress: Progress) -> None:
    if not is_debian() or not sys.executable.startswith("/usr/bin/"):
        raise PlatformError(
            f"{sys.executable} has neither `pip` nor the modules `venv` and `ensurepip`.",
            where="the Python that set-up was started with",
            next_step="install one of them from where this Python came, or take another one: `make up PYTHON=/path/to/python3`",
        )
    apt_install([f"python3.{sys.version_info.minor}-venv"], progress, "Python has no pip and no `venv` module")


def _on_one_file_system(first: Path, second: Path) -> bool:
    with contextlib.suppress(OSError):
        first.mkdir(parents=True, exist_ok=True)
        return first.stat().st_dev == second.stat().st_dev
    return False


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False
