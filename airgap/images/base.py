"""The base image of every Dockerfile: pulled if a registry answers, else bootstrapped from Debian's packages.

Imported under the name in the Dockerfiles, so that an ordinary `FROM debian:…-slim` works either way.
"""

from __future__ import annotations

import concurrent.futures
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from airgap.images.apt_sources import mirror_lines
from airgap.images.catalog import BASE_IMAGE, UPSTREAM_BASE
from airgap.images.versions import DEBIAN_SUITE, REFRESHED
from airgap.setup.debian import apt_install
from airgap.toolchain.exclusive import exclusively
from airgap.toolchain.locate import cache_folder
from core import temporary
from core.errors import PlatformError
from core.labels import BASE_LABEL, PROJECT_LABEL
from core.progress import Progress

if TYPE_CHECKING:
    import docker

"""A label of base images that were bootstrapped here: the value of `REFRESHED` at that time."""

_PULL_SECONDS = 90.0
_REGISTRY_SECONDS = 15.0

# Debian's own slim image leaves these out too: documentation (but not licences) and translations.
_SLIM = (
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)


def ensure_base(client: docker.DockerClient, progress: Progress) -> None:
    """Make sure that the engine has the base image: its own, a pulled one, or one bootstrapped here.

    An image that was bootstrapped before the last change of `REFRESHED` is made again; one from elsewhere is used unchanged.
    Raises PlatformError if it can neither be pulled nor bootstrapped.
    """
    if base_is_ready(client):
        return
    with exclusively(cache_folder() / "images" / "base.lock", progress, "makes the base image"):
        if not base_is_ready(client) and not _pull(client, progress):
            _bootstrap(client, progress)


def base_is_ready(client: docker.DockerClient) -> bool:
    """Whether `ensure_base` has nothing to do."""
    import docker.errors

    try:
        labels: dict[str, str] = client.images.get(BASE_IMAGE).labels
    except docker.errors.ImageNotFound:
        return False
    return labels.get(BASE_LABEL, REFRESHED) == REFRESHED


def _pull(client: docker.DockerClient, progress: Progress) -> bool:
    import docker.errors

    progress.status(f"asking the registry for {UPSTREAM_BASE}")
    # The engine resolves and connects; if packets are dropped instead of refused, only our own timeout ends the wait.
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=1)
    try:
        pool.submit(client.images.get_registry_data, UPSTREAM_BASE).result(_REGISTRY_SECONDS)
        pulled = pool.submit(client.images.pull, UPSTREAM_BASE).result(_PULL_SECONDS)
    except (docker.errors.DockerException, OSError, TimeoutError):
        return False
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    name, _, tag = BASE_IMAGE.rpartition(":")
    return bool(pulled.tag(name, tag))


def _bootstrap(client: docker.DockerClient, progress: Progress) -> None:
    lines = mirror_lines(DEBIAN_SUITE)
    progress.log(f"no registry gives {BASE_IMAGE}: bootstrapping it from Debian's packages (half a minute)")
    mmdebstrap = _ensure_mmdebstrap(progress)
    folder = cache_folder() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    # Through a file: Docker would import an empty or cut-off stream as well as a complete one.
    with temporary.folder("base", folder) as draft:
        archive = draft / "base.tar"
        progress.status(f"bootstrapping {BASE_IMAGE}")
        _run_mmdebstrap(bootstrap_command(mmdebstrap, archive, lines))
        progress.status(f"importing {BASE_IMAGE}")
        changes = ['CMD ["bash"]', f"LABEL {BASE_LABEL}={REFRESHED}", f"LABEL {PROJECT_LABEL}=christmas"]
        name, _, tag = BASE_IMAGE.rpartition(":")
        _import(client, archive, name, tag, changes)


def bootstrap_command(mmdebstrap: str, archive: Path, sources: Sequence[str]) -> tuple[str, ...]:
    """Return the command that writes the base image's file system to `archive`, from apt `sources` in one-line style."""
    return (
        mmdebstrap,
        "--quiet",
        "--variant=minbase",
        '--aptopt=Acquire::Languages "none"',
        *_proxy_options(),
        *_SLIM,
        # Otherwise every container of the image would have the same machine id.
        '--customize-hook=rm -f "$1/etc/machine-id" "$1/var/lib/dbus/machine-id"',
        '--customize-hook=find "$1/var/log" -type f -delete',
        DEBIAN_SUITE,
        str(archive),
        *sources,
    )


def _proxy_options() -> list[str]:
    # mmdebstrap reads only the keys of the machine's apt configuration.
    outcome = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=False)
    prefixes = ("Acquire::http::Proxy ", "Acquire::https::Proxy ")
    return [f"--aptopt={line.rstrip(';')}" for line in outcome.stdout.splitlines() if line.startswith(prefixes)]


def _ensure_mmdebstrap(progress: Progress) -> str:
    program = shutil.which("mmdebstrap")
    if program:
        return program
    apt_install(["mmdebstrap"], progress, "mmdebstrap, which bootstraps the base image, is missing", recommended=False)
    return shutil.which("mmdebstrap") or "mmdebstrap"


def _run_mmdebstrap(command: Sequence[str]) -> None:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, errors = process.communicate()
    except BaseException:
        # On SIGTERM it unmounts and removes its unfinished root, which a kill would leave behind.
        process.terminate()
        process.wait()
        raise
    if process.returncode != 0:
        last = "\n    ".join(errors.strip().splitlines()[-10:])
        raise PlatformError(
            f"The base image {BASE_IMAGE} can't be bootstrapped.",
            where=f"mmdebstrap, exit code {process.returncode}; its last words:\n    {last}",
            next_step="check that `apt-get update` works on this machine, then run the same command again",
        )


def _import(client: docker.DockerClient, archive: Path, name: str, tag: str, changes: list[str]) -> None:
    import docker.errors

    try:
        answer = str(client.api.import_image_from_file(str(archive), repository=name, tag=tag, changes=changes))
    except docker.errors.APIError as error:
        answer = str(error.explanation or error)
    if '"status":"sha256:' not in answer:
        raise PlatformError(
            f"Docker refused the bootstrapped base image {name}:{tag}.",
            where=f"docker import: {answer.strip()}",
            next_step="free room where Docker keeps its images (`docker system df`), then run the same command again",
        )
