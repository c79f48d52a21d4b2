"""Makes the virtual environment, then runs `commands.make_targets` inside it. Needs only a bare Python without libraries.

`python3 airgap/setup/bootstrap.py COMMAND [OPTIONS]`: the commands are those of `commands.make_targets`, and `doctor`, which is
`console.doctor` without any environment.
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
    # Before any import that an old Python could not parse.
    for _minor in (13, 12, 11, 14):
        _newer = shutil.which("python3.%d" % _minor)  # noqa: UP031 - this line is for old interpreters
        if _newer:
            os.execv(_newer, [_newer, *sys.argv])  # noqa: S606
    sys.stderr.write(
        "error: Python %d.%d or newer is needed; this is %s.\n" % (*MINIMUM, sys.version.split()[0])  # noqa: UP031
        + "  next:  install it (on Debian 12 or newer: apt-get install python3) and run `make up PYTHON=/path/to/python3`\n"
    )
    sys.exit(2 if sys.argv[1:2] == ["doctor"] else 1)  # the doctor's exit code for critical

sys.path.insert(0, str(ROOT))

from airgap.setup.announcement import announce  # noqa: E402
from airgap.setup.installer import uv  # noqa: E402
from airgap.toolchain.exclusive import exclusively  # noqa: E402
from core.errors import PlatformError  # noqa: E402
from core.progress import Progress  # noqa: E402
from core.runner import Step, report_failure, run_steps  # noqa: E402

_IMPORTED = (
    "alembic",
    "docker",
    "httpx",
    "invoke",
    "numpy",
    "obstore",
    "openai",
    "psycopg",
    "pulumi",
    "pulumi_docker",
    "pulumi_policy",
    "pyarrow",
    "redis",
    "rich",
    "sqlalchemy",
    "weaviate",
)
_LOCKS = {"runtime": ROOT / "requirements" / "runtime.txt", "dev": ROOT / "requirements" / "dev.txt"}


def is_installed(lock: str) -> bool:
    """Whether the environment matches the lock file: its stamp is written last and names the inputs."""
    try:
        return _stamp_file(lock).read_text() == _stamp(lock) and (VENV / "bin" / "python").exists()
    except OSError:
        return False


def install(lock: str, progress: Progress) -> None:
    """Bring the environment to exactly the lock file's state; after an interruption the next call continues. Raises PlatformError."""
    with exclusively(ROOT / ".christmas" / "environment.lock", progress, "installs the same environment"):
        if is_installed(lock):
            return
        python = str(VENV / "bin" / "python")
        if not _runs_this_version(python):
            arguments = ["venv", "--quiet", "--clear", "--force", "--no-project", "--python", sys.executable, str(VENV)]
            uv(progress, *arguments, doing=f"making the virtual environment with {sys.executable}")
        for stamp in _LOCKS:
            _stamp_file(stamp).unlink(missing_ok=True)
        total = sum("==" in line for line in _LOCKS[lock].read_text().splitlines())
        sync = ["pip", "sync", "--python", python, "--require-hashes", str(_LOCKS[lock])]
        uv(progress, *sync, doing=f"installing {total} locked packages")
        # From ROOT as `.`: in a path, uv would treat a # as a comment.
        project = ["pip", "install", "--python", python, "--no-deps", "--no-build-isolation", "--editable", "."]
        uv(progress, *project, doing="installing the project itself")
        progress.status("compiling what the tasks import")
        _compile_imports(python)
        _stamp_file(lock).write_text(_stamp(lock))


def _compile_imports(python: str) -> None:
    """Compile the tasks' imports to byte code, even if Python is set to write none.

    That takes a third of the time of compiling every package.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([python, "-c", f"import {', '.join(_IMPORTED)}"], env=environment, capture_output=True, check=False)


def _runs_this_version(python: str) -> bool:
    version_check = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    try:
        return subprocess.run([python, "-c", version_check], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _stamp(lock: str) -> str:
    digest = sha256(sys.version.encode())
    for file in (_LOCKS[lock], ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _stamp_file(lock: str) -> Path:
    return VENV / f".christmas-{lock}"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> None:
    """Bring the environment up to date, then become `python -m commands.make_targets` in it; returns only by SystemExit."""
    signal.signal(signal.SIGTERM, _interrupt)
    command = arguments[0] if arguments else "help"
    if command == "doctor":
        # In this Python, since the environment may be broken. The doctor needs no packages.
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "console.doctor", *arguments[1:]])  # noqa: S606 - no shell is the point
    lock = "dev" if command in {"test", "test-all", "lint", "mutants"} else "runtime"
    # What `make test` installs includes what `make up` does.
    ready = is_installed(lock) or (lock == "runtime" and is_installed("dev"))
    if command == "up":
        try:
            announce(ROOT, environment_ready=ready)
        except PlatformError as error:
            sys.exit(report_failure(error))
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
