"""The Pulumi CLI: the official one where it is installed, else built from its Go module.

`python -m airgap.toolchain.cli` ensures that there is one and prints its path.
"""

from __future__ import annotations

import collections
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from airgap.errors import PlatformError
from airgap.setup import expected
from airgap.setup.progress import Progress, show_progress
from airgap.setup.room import require_room
from airgap.toolchain.exclusive import exclusively
from airgap.toolchain.go_toolchain import ensure_go, go_environment
from airgap.toolchain.locate import CLI_VERSION, GO_FOLDER, LANGUAGE_HOST, built_folder, cli_version, official_pulumi, version_text

PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK = "github.com/pulumi/pulumi/sdk/v3"
MINIMUM_GO = (1, 25, 11)  # what the CLI's own go.mod asks for

# Files of the Python SDK that belong beside the CLI: what starts a user's program, and the host of dynamic providers.
_SDK_FILES = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")


def pulumi_is_ready() -> bool:
    """Tell whether `ensure_pulumi` has nothing to do."""
    return _built().is_file() or official_pulumi() is not None


def ensure_pulumi(progress: Progress) -> Path:
    """Return the path of the Pulumi CLI, building it first where there is none.

    The result appears in one step: a build that is cut off leaves nothing half done, and the next one goes on with
    what Go has already downloaded and compiled. Raises PlatformError where it can't be built.
    """
    official = official_pulumi()
    if official is not None:
        return official
    if not _built().is_file():
        folder = built_folder()
        with exclusively(folder.with_name("pulumi.lock"), progress, "builds the Pulumi CLI"):
            if not _built().is_file():
                _build_into(folder, progress)
    return _built()


def _built() -> Path:
    return built_folder() / "bin" / "pulumi"


def _build_into(folder: Path, progress: Progress) -> None:
    _remove_drafts(folder)
    wanted = version_text(CLI_VERSION)
    progress.log(f"no Pulumi CLI {wanted} or newer on PATH: building it from its Go module, 4 to 10 minutes the first time")
    go = ensure_go(progress, MINIMUM_GO)
    environment = go_environment(go)
    started_before = any(folder.parent.glob("pulumi.started"))
    require_room(folder.parent, expected.CLI_RESUMED_BYTES if started_before else expected.CLI_BYTES, "building the Pulumi CLI")
    (folder.parent / "pulumi.started").touch()
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.draft.") as temporary:
        draft = Path(temporary) / "bin"
        draft.mkdir()
        packages = _count_packages(go, environment, progress)
        _compile(go, environment, draft / "pulumi", packages, progress)
        _add_sdk_files(go, environment, draft)
        built = cli_version(draft / "pulumi")
        if built != CLI_VERSION:
            raise PlatformError(
                f"The Pulumi CLI was built, but its version is {version_text(built) if built else 'unknown'} instead of {wanted}.",
                where=str(draft / "pulumi"),
                next_step="run `go clean -cache` and `make up` again; if it stays so, report it with this message",
            )
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)  # without `pulumi` in it, so nobody uses it
        folder.mkdir()
        draft.replace(folder / "bin")
    (folder.parent / "pulumi.started").unlink(missing_ok=True)


def _remove_drafts(folder: Path) -> None:
    """Remove what builds left behind that were killed. The lock is held, so none of them is alive."""
    for draft in folder.parent.glob(f"{folder.name}.draft.*"):
        shutil.rmtree(draft, ignore_errors=True)


def _count_packages(go: Path, environment: dict[str, str], progress: Progress) -> int:
    progress.status("downloading the CLI's Go modules")
    listing = _run_go([str(go), "list", "-mod=readonly", "-deps", PACKAGE], environment, progress)
    return len(listing)


def _compile(go: Path, environment: dict[str, str], target: Path, packages: int, progress: Progress) -> None:
    progress.status("compiling the Pulumi CLI")
    stamp = f"-s -w -X {SDK}/go/common/version.Version={version_text(CLI_VERSION)}"
    command = [str(go), "build", "-mod=readonly", "-trimpath", "-v", "-ldflags", stamp, "-o", str(target), PACKAGE]
    _run_go(command, environment, progress, packages=packages)


def _run_go(command: list[str], environment: dict[str, str], progress: Progress, *, packages: int = 0) -> list[str]:
    """Run a go command in the pinned module, telling its progress, and return the lines of its standard output."""
    output: list[str] = []
    recent: collections.deque[str] = collections.deque(maxlen=15)
    compiled = downloaded = 0
    with (
        tempfile.TemporaryFile("w+") as listing,
        subprocess.Popen(command, cwd=GO_FOLDER, env=environment, stdout=listing, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            for line in process.stderr or ():
                text = line.rstrip()
                recent.append(text)
                if text.startswith("go: downloading "):
                    downloaded += 1
                    progress.count(downloaded, 0, f"modules, {text.split()[2]}")
                elif packages and "/" in text and " " not in text:
                    compiled += 1
                    progress.count(compiled, packages, "packages")
            code = process.wait()
        except BaseException:
            # Ctrl-C reaches go as well, but SIGTERM and errors of our own do not.
            process.terminate()
            raise
        listing.seek(0)
        output = listing.read().splitlines()
    if code != 0:
        raise PlatformError(
            "The Pulumi CLI can't be built from its Go module.",
            where=" ".join(command[:2]) + f" {PACKAGE}, exit code {code}; its last words:\n    " + "\n    ".join(recent),
            next_step="check that Go reaches its module proxy (`go env GOPROXY`), then run `make up` again: it goes on where it stopped",
        )
    return output


def _add_sdk_files(go: Path, environment: dict[str, str], folder: Path) -> None:
    outcome = subprocess.run(
        [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", SDK],
        cwd=GO_FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in _SDK_FILES:
        target = folder / Path(name).name
        shutil.copyfile(Path(outcome.stdout.strip()) / name, target)
        target.chmod(0o755)
    launcher = folder / LANGUAGE_HOST
    shutil.copyfile(GO_FOLDER / f"{LANGUAGE_HOST}.sh", launcher)
    launcher.chmod(0o755)


def main() -> int:
    """Ensure the CLI and print its path, with the progress on standard error."""
    from airgap.setup.runner import INTERRUPTED, report_failure

    try:
        with show_progress("Pulumi CLI") as progress:
            path = ensure_pulumi(progress)
    except KeyboardInterrupt:
        print("Interrupted. What is compiled is kept; run it again to go on.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        return report_failure(error, doing="the Pulumi CLI", debug="--debug" in sys.argv)
    print(os.fspath(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
