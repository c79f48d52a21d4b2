"""Makes the virtual environment, then hands over to `commands.make_targets` inside it. Runs on a bare Python, without any library.

`python3 airgap/setup/bootstrap.py COMMAND [OPTIONS]`: the commands are those of `commands.make_targets`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
MINIMUM = (3, 11)

if __name__ == "__main__" and sys.version_info < MINIMUM:
    # Before anything is imported that an old Python could not read.
    for _minor in (13, 12, 11, 14):
        _newer = shutil.which("python3.%d" % _minor)  # noqa: UP031 - this line is for old interpreters
        if _newer:
            os.execv(_newer, [_newer, *sys.argv])  # noqa: S606
    sys.exit(
        "error: Python %d.%d or newer is needed; this is %s.\n" % (*MINIMUM, sys.version.split()[0])  # noqa: UP031
        + "  next:  install it (on Debian 12 or newer: apt-get install python3 python3-venv) and run `make up PYTHON=/path/to/python3`"
    )

sys.path.insert(0, str(ROOT))

from airgap.errors import PlatformError  # noqa: E402
from airgap.setup.debian import apt_install, is_debian  # noqa: E402
from airgap.setup.progress import Progress  # noqa: E402
from airgap.setup.runner import Step, run_steps  # noqa: E402

_LOCKS = {"runtime": ROOT / "requirements" / "runtime.txt", "dev": ROOT / "requirements" / "dev.txt"}


def is_installed(lock: str) -> bool:
    """Tell whether the environment holds what the lock file says: its stamp is written last and names the very inputs."""
    try:
        return _stamp_file(lock).read_text() == _stamp(lock) and (VENV / "bin" / "python").exists()
    except OSError:
        return False


def install(lock: str, progress: Progress) -> None:
    """Bring the environment to what the lock file says; cut off anywhere, the next call goes on. Raises PlatformError."""
    _make_environment(progress)
    _stamp_file(lock).unlink(missing_ok=True)
    requirements = _LOCKS[lock]
    total = sum("==" in line for line in requirements.read_text().splitlines())
    _pip(progress, f"installing {total} locked packages", "--require-hashes", "--no-deps", "--requirement", str(requirements), total=total)
    _pip(progress, "installing the project itself", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    _stamp_file(lock).write_text(_stamp(lock))


def _make_environment(progress: Progress) -> None:
    python = VENV / "bin" / "python"
    if python.exists() and _succeeds(str(python), "-c", f"import sys, pip; sys.exit(sys.version_info < {MINIMUM})"):
        return
    if not _succeeds(sys.executable, "-c", "import ensurepip, venv"):
        _install_venv_module(progress)
    progress.status(f"making the virtual environment with {sys.executable}")
    outcome = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        words = (outcome.stderr or outcome.stdout).strip().splitlines()[-5:]
        raise PlatformError(
            f"{sys.executable} can't make a virtual environment.",
            where="\n    ".join([str(VENV), *words]),
            next_step="repair what it names, or take another Python: `make up PYTHON=/path/to/python3`",
        )


def _install_venv_module(progress: Progress) -> None:
    package = f"python3.{sys.version_info.minor}-venv"
    if not is_debian() or not sys.executable.startswith("/usr/bin/"):
        raise PlatformError(
            f"{sys.executable} lacks the modules `venv` and `ensurepip`.",
            where="the Python that set-up was started with",
            next_step="install them from where this Python came, or take another one: `make up PYTHON=/path/to/python3`",
        )
    apt_install([package], progress, "Python's `venv` module is missing")


def _pip(progress: Progress, doing: str, *arguments: str, total: int = 0) -> None:
    progress.status(doing)
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    seen = 0
    words: list[str] = []
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        try:
            for line in process.stdout or ():
                words = [*words[-14:], line.rstrip()]
                if line.startswith(("Collecting ", "Requirement already satisfied")) and total:
                    seen += 1
                    progress.count(seen, total, line.split()[1].split("==")[0] if line.startswith("C") else "packages")
                elif line.startswith("Installing collected packages"):
                    progress.status("unpacking them")
            code = process.wait()
        except BaseException:
            process.terminate()
            raise
    if code != 0:
        errors = [line for line in words if line.startswith("ERROR")] or words[-5:]
        raise PlatformError(
            f"pip failed while {doing}.",
            where="\n    ".join([str(VENV), *errors]),
            next_step="check that pip reaches its package index, then run the same command again: it goes on from here",
        )


def _stamp(lock: str) -> str:
    digest = sha256(sys.version.encode())
    for file in (_LOCKS[lock], ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _stamp_file(lock: str) -> Path:
    return VENV / f".christmas-{lock}"


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> None:
    """Bring the environment up to date, then become `python -m commands.make_targets` in it; come back only by SystemExit."""
    signal.signal(signal.SIGTERM, _interrupt)
    command = arguments[0] if arguments else "help"
    lock = "dev" if command in {"test", "lint"} else "runtime"
    # What `make test` installs includes what `make up` does.
    ready = is_installed(lock) or (lock == "runtime" and is_installed("dev"))
    if not ready or command == "up":
        step = Step(
            "Python environment",
            f"the locked dependencies in {VENV.relative_to(ROOT)}",
            run=lambda progress: install(lock, progress),
            done=lambda: ready,
        )
        code = run_steps([step], again=f"make {command}", debug="--debug" in arguments)
        if code != 0:
            sys.exit(code)
    python = str(VENV / "bin" / "python")
    os.chdir(ROOT)
    os.execv(python, [python, "-m", "commands.make_targets", *arguments])  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
