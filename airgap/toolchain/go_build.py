"""Builds a program from its Go module: everything pinned by hash, and without the cloud SDKs that this project never calls.

`go/left_out/MODULE/PACKAGE/` has their replacement files. A `left_out.go` there replaces the whole package, a file with
another name the one of that name. Go accepts no overlay over its module cache, so each build copies the few modules concerned.
"""

from __future__ import annotations

import collections
import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from airgap.toolchain.go_toolchain import go_environment
from airgap.toolchain.locate import GO_FOLDER, LEFT_OUT, left_out_files
from core import temporary
from core.errors import PlatformError
from core.progress import Progress

# The compiler's garbage collector runs less often: a tenth to a fifth less processor time. The limit is per compiler and linker.
_COMPILER = {"GOGC": "400", "GOMEMLIMIT": "1500MiB"}
# The linker drops debug symbols anyway (`-s -w`); not making them saves a tenth of the processor time.
_NO_DEBUG_SYMBOLS = "-gcflags=all=-dwarf=false"
_NO_SOURCES = shutil.ignore_patterns("*_test.go", "testdata")


@dataclass(frozen=True)
class GoProgram:
    """A program to build, and its pins.

    `changed` are the modules with left-out packages. Without a `checksum`, `go/go.mod` and `go/go.sum` pin them and all others.
    With one it is the h1 line of the only module in `changed`, given as `module@version`, which is built with its own go.mod and go.sum.
    """

    title: str
    package: str
    changed: tuple[str, ...]
    linker: str = "-s -w"
    checksum: str = ""


def fetch_modules(program: GoProgram, go: Path, progress: Progress) -> None:
    """Download the program's modules, without compiling. Raises PlatformError if that fails."""
    with _module(program, go, progress) as folder:
        _list_packages(program, go, folder, progress)


def compile_program(program: GoProgram, go: Path, target: Path, progress: Progress) -> None:
    """Build the program into the file `target`; downloads missing modules. Raises PlatformError if that fails.

    An interrupted build continues where it stopped, because Go keeps compiled packages.
    """
    with _module(program, go, progress) as folder:
        packages = len(_list_packages(program, go, folder, progress))
        progress.status(f"compiling {program.title}")
        command = [
            "build",
            "-mod=readonly",
            "-trimpath",
            _NO_DEBUG_SYMBOLS,
            "-v",
            "-ldflags",
            program.linker,
            "-o",
            str(target),
            program.package,
        ]
        _run(program, go, command, folder, progress, packages=packages)


def module_folder(go: Path, module: str) -> Path:
    """Return the cache folder of a module that `go/go.mod` names, downloading it first if it is missing."""
    return Path(_download(go, [module], GO_FOLDER)[module]["Dir"])


@contextlib.contextmanager
def _module(program: GoProgram, go: Path, progress: Progress) -> Iterator[Path]:
    """Yield the folder of a main module to build the program in, with the left-out packages replaced."""
    progress.status(f"downloading the Go modules of {program.title}")
    with temporary.folder("go") as place:
        main = place / "main"
        main.mkdir()
        if program.checksum:
            (module,) = program.changed
            answer = _download(go, [module], main)[module]
            if answer["Sum"] != program.checksum:
                raise _wrong_module(module, answer["Sum"], program.checksum)
            _copy_module(Path(answer["Dir"]), module.partition("@")[0], main)
        else:
            for name in ("go.mod", "go.sum"):
                shutil.copyfile(GO_FOLDER / name, main / name)
            downloaded = _download(go, program.changed, main)
            with (main / "go.mod").open("a") as pins:
                for number, module in enumerate(program.changed):
                    _copy_module(Path(downloaded[module]["Dir"]), module, main.with_name(f"changed{number}"))
                    pins.write(f"\nreplace {module} => ../changed{number}\n")
        yield main


def _copy_module(source: Path, module: str, target: Path) -> None:
    # Without modes: everything in Go's cache is read-only. Folders stay writable because Python makes them.
    shutil.copytree(source, target, ignore=_NO_SOURCES, copy_function=shutil.copyfile, dirs_exist_ok=True)
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    for file in left_out_files(module):
        place = target / file.relative_to(LEFT_OUT / module)
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.name == "left_out.go":
            for other in (path for path in place.parent.iterdir() if path.is_file()):
                other.unlink()
        shutil.copyfile(file, place)


def _list_packages(program: GoProgram, go: Path, folder: Path, progress: Progress) -> list[str]:
    return _run(program, go, ["list", "-mod=readonly", "-deps", program.package], folder, progress)


def _download(go: Path, modules: Sequence[str], folder: Path) -> dict[str, dict[str, str]]:
    """Return Go's information about each downloaded and verified module: its `Dir`, its `Sum`."""
    command = [str(go), "mod", "download", "-json", *modules]
    outcome = subprocess.run(command, cwd=folder, env=go_environment(go), capture_output=True, text=True, check=False)
    answers = _json_values(outcome.stdout)
    failed = next((answer["Error"] for answer in answers if "Error" in answer), "")
    if failed or len(answers) != len(modules):
        last = failed or (outcome.stderr.strip().splitlines() or ["go printed nothing"])[-1]
        raise PlatformError(
            f"The Go module {' or '.join(modules)} can't be downloaded.",
            where=f"go mod download: {last}",
            next_step="check that Go reaches its module proxy (`go env GOPROXY`), then run the same command again",
        )
    return dict(zip(modules, answers, strict=True))


def _json_values(text: str) -> list[dict[str, str]]:
    decoder, values = json.JSONDecoder(), []
    text = text.strip()
    with contextlib.suppress(json.JSONDecodeError):
        while text:
            value, end = decoder.raw_decode(text)
            values.append(value)
            text = text[end:].lstrip()
    return values


def _wrong_module(module: str, actual: str, expected: str) -> PlatformError:
    return PlatformError(
        f"The Go module {module} is not the one that this project was tested with.",
        where=f"its checksum is {actual}, {expected} is expected",
        next_step="don't build it: find out who changed it between its authors and you (module proxy, mirror)",
    )


def _run(program: GoProgram, go: Path, arguments: Sequence[str], folder: Path, progress: Progress, *, packages: int = 0) -> list[str]:
    """Run a go command, report its progress, and return the lines of its standard output."""
    recent: collections.deque[str] = collections.deque(maxlen=15)
    tell = _teller(progress, packages)
    environment = go_environment(go) | _COMPILER
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen([go, *arguments], cwd=folder, env=environment, stdout=output, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            for line in process.stderr or ():
                recent.append(line.rstrip())
                tell(recent[-1])
            code = process.wait()
        except BaseException:
            # Ctrl-C reaches go as well, but SIGTERM and our own errors do not.
            process.terminate()
            raise
        output.seek(0)
        lines = output.read().splitlines()
    if code != 0:
        raise PlatformError(
            f"{program.title[:1].upper()}{program.title[1:]} can't be built from its Go module.",
            where=f"go {arguments[0]} {program.package}, exit code {code}; its last words:\n    " + "\n    ".join(recent),
            next_step="check that Go reaches its module proxy (`go env GOPROXY`), then run the same command again (it resumes)",
        )
    return lines


def _teller(progress: Progress, packages: int) -> Callable[[str], None]:
    """Return a function that counts the modules and packages in the lines of go's standard error."""
    counts: collections.Counter[str] = collections.Counter()

    def tell(line: str) -> None:
        if line.startswith("go: downloading "):
            counts["downloaded"] += 1
            progress.count(counts["downloaded"], 0, f"modules, {line.split()[2]}")
        elif packages and line and " " not in line:
            counts["compiled"] += 1
            progress.count(min(counts["compiled"], packages), packages, "packages")

    return tell
