"""The Pulumi CLI: the installed official one, else one built from its Go module.

`python -m airgap.toolchain.cli` makes sure that there is one and prints its path.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from airgap.setup import expected
from airgap.setup.take_over import record
from airgap.toolchain.exclusive import exclusively
from airgap.toolchain.go_build import GoProgram, compile_program, fetch_modules, module_folder
from airgap.toolchain.go_toolchain import ensure_go
from airgap.toolchain.locate import (
    CLI_VERSION,
    GO_FOLDER,
    LANGUAGE_HOST,
    LEFT_OUT_OF_CLI,
    built_folder,
    cli_version,
    official_pulumi,
    version_text,
)
from core.errors import PlatformError
from core.progress import Progress, show_progress
from core.room import require_room

SDK = "github.com/pulumi/pulumi/sdk/v3"
PROGRAM = GoProgram(
    title="the Pulumi CLI",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    changed=LEFT_OUT_OF_CLI,
    linker=f"-s -w -X {SDK}/go/common/version.Version={version_text(CLI_VERSION)}",
)
MINIMUM_GO = (1, 25, 11)  # required by the CLI's own go.mod

# Files of the Python SDK that belong beside the CLI: the starter of user programs, and the host of dynamic providers.
_SDK_FILES = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")


def pulumi_is_ready() -> bool:
    """Whether `ensure_pulumi` has nothing to do."""
    return _built().is_file() or official_pulumi() is not None


def ensure_pulumi(progress: Progress) -> Path:
    """Return the path of the Pulumi CLI, building it first if there is none.

    The result appears in one step: an interrupted build leaves nothing half done, and the next one reuses
    what Go has downloaded and compiled. Raises PlatformError if it can't be built.
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


def fetch_pulumi_modules(progress: Progress) -> None:
    """Download the modules for `ensure_pulumi`, without compiling. Raises PlatformError if that fails."""
    if not pulumi_is_ready():
        fetch_modules(PROGRAM, ensure_go(progress, MINIMUM_GO), progress)


def _built() -> Path:
    return built_folder() / "bin" / "pulumi"


def _build_into(folder: Path, progress: Progress) -> None:
    _remove_drafts(folder)
    required = version_text(CLI_VERSION)
    progress.log(f"no Pulumi CLI {required} or newer on PATH: building it from its Go module, 4 to 10 minutes the first time")
    go = ensure_go(progress, MINIMUM_GO)
    started_before = any(folder.parent.glob("pulumi.started"))
    require_room(folder.parent, expected.CLI_RESUMED_BYTES if started_before else expected.CLI_BYTES, "building the Pulumi CLI")
    (folder.parent / "pulumi.started").touch()
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.draft.") as temporary:
        draft = Path(temporary) / "bin"
        draft.mkdir()
        compile_program(PROGRAM, go, draft / "pulumi", progress)
        _add_sdk_files(go, draft)
        built = cli_version(draft / "pulumi")
        if built != CLI_VERSION:
            raise PlatformError(
                f"The Pulumi CLI was built, but its version is {version_text(built) if built else 'unknown'} instead of {required}.",
                where=str(draft / "pulumi"),
                next_step="run `go clean -cache` and `make up` again; if it fails again, report it with this message",
            )
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)  # it has no `pulumi`, so nobody uses it
        folder.mkdir()
        draft.replace(folder / "bin")
        record(folder)
    (folder.parent / "pulumi.started").unlink(missing_ok=True)


def _remove_drafts(folder: Path) -> None:
    """Remove the remains of killed builds. The lock is held, so none of them is running."""
    for draft in folder.parent.glob(f"{folder.name}.draft.*"):
        shutil.rmtree(draft, ignore_errors=True)


def _add_sdk_files(go: Path, folder: Path) -> None:
    sdk = module_folder(go, SDK)
    for name in _SDK_FILES:
        target = folder / Path(name).name
        shutil.copyfile(sdk / name, target)
        target.chmod(0o755)
    launcher = folder / LANGUAGE_HOST
    shutil.copyfile(GO_FOLDER / f"{LANGUAGE_HOST}.sh", launcher)
    launcher.chmod(0o755)


def main() -> int:
    """Make sure that there is a CLI and print its path, with the progress on standard error."""
    from core.runner import INTERRUPTED, report_failure

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
