"""Build missing images: `python -m airgap.images.build [SERVICE…]`.

With `--context FOLDER` nothing is built: the folder gets everything for an ordinary `docker build` of that one service.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from airgap.images.artifacts import prepare
from airgap.images.base import ensure_base
from airgap.images.build_log import BuildLog
from airgap.images.catalog import (
    BASE_IMAGE,
    FOLDER,
    KNOWN,
    REPOSITORY,
    SERVICES,
    build_command,
    context_files,
    image_reference,
    inputs_hash,
    source_folder,
)
from airgap.images.versions import IMAGES
from airgap.setup import expected
from airgap.toolchain.exclusive import exclusively
from airgap.toolchain.locate import cache_folder
from core.errors import PlatformError
from core.labels import INPUTS_LABEL
from core.progress import Progress, SilentProgress
from core.room import require_room

if TYPE_CHECKING:
    import docker

"""A label of every image built here: the hash that is also in its tag."""

# Docker passes these into builds by itself if they are given, and keeps them out of the image's history.
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def ensure_images(services: Iterable[str] | None = None, progress: Progress | None = None) -> dict[str, str]:
    """Build the missing images of `services` (by default those of every stack) and return each service's image reference.

    A tag appears only once its image is complete. Raises PlatformError if Docker can't be reached, something can't be
    fetched, the disk is full or a Dockerfile fails; finished images stay, and the next call continues after them.
    """
    chosen = _known(services)
    progress = SilentProgress() if progress is None else progress
    client = _connect()
    try:
        missing = _missing(client, chosen)
        if missing:
            for service in missing:
                lock = cache_folder() / "images" / f"build-{REPOSITORY.replace('/', '-')}-{service}.lock"
                with exclusively(lock, progress, f"builds the image of {service}"):
                    if _missing(client, [service]):
                        build_image(client, service, progress)
    finally:
        client.close()
    return {service: image_reference(service) for service in chosen}


def missing_images(services: Iterable[str] | None = None) -> list[str]:
    """Return the services whose present image the engine lacks. Raises PlatformError without an engine."""
    client = _connect()
    try:
        return _missing(client, _known(services))
    finally:
        client.close()


def build_image(client: docker.DockerClient, service: str, progress: Progress, *, folder: Path = FOLDER) -> str:
    """Build one service's image from the Dockerfile below `folder`, even if it exists, and return its reference.

    Raises PlatformError with the failed line of the Dockerfile and its last output.
    """
    reference = f"{image_reference(service).rpartition(':')[0]}:{IMAGES[service].tag}-{inputs_hash(service, folder)}"
    require_room(_docker_folder(client), expected.IMAGE_BYTES[service], f"building {reference}")
    artifacts = prepare(service, progress)
    ensure_base(client, progress)
    progress.status(f"building {reference}")
    with tempfile.TemporaryFile(dir=_scratch()) as context:
        _pack(service, artifacts, folder, context)
        context.seek(0)
        image = _run_build(client, service, reference, context, progress, folder)
    name, _, tag = reference.rpartition(":")
    client.api.tag(image, name, tag)
    progress.log(f"built {reference}")
    return reference


def write_context(service: str, target: Path, progress: Progress) -> list[str]:
    """Fill the new folder `target` with the files for the service's Dockerfile; return the `docker build` command for it."""
    artifacts = prepare(service, progress)
    for path in context_files(service):
        copy = target / path.relative_to(source_folder(service))
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for name, source in artifacts.items():
        copy = target / "artifacts" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    arguments = [option for name, value in _arguments(service).items() for option in ("--build-arg", f"{name}={value}")]
    return ["docker", "build", "--tag", image_reference(service), *arguments, str(target)]


def _run_build(client: docker.DockerClient, service: str, reference: str, context: IO[bytes], progress: Progress, folder: Path) -> str:
    import docker.errors

    dockerfile = source_folder(service, folder) / "Dockerfile"
    log = BuildLog(dockerfile.read_text())
    where = "/".join(source_folder(service).parts[-3:]) + "/Dockerfile"
    try:
        events = client.api.build(
            fileobj=context,
            custom_context=True,
            buildargs={**_arguments(service), **_proxies()},
            labels={INPUTS_LABEL: reference.rpartition("-")[2]},
            rm=True,
            forcerm=True,
            decode=True,
        )
        for event in events:
            if log.take(event):
                progress.status(f"building {reference}")
                progress.count(log.step, log.steps, "steps")
    except (docker.errors.DockerException, OSError) as error:
        raise PlatformError(
            f"The image {reference} can't be built: the connection to the Docker engine broke.",
            where=f"{log.position(where)}: {error}",
            next_step=f"check that Docker still runs (`docker info`), then run `{build_command(service)}`",
        ) from error
    if log.failure or not log.image:
        output = "\n    ".join(log.tail(20))
        raise PlatformError(
            f"The image {reference} can't be built: {log.failure or 'Docker ended without saying why'}",
            where=f"{log.position(where)}; its last output:\n    {output}",
            next_step=f"{log.advice()}, then run `{build_command(service)}`",
        )
    return log.image


def _pack(service: str, artifacts: dict[str, Path], folder: Path, context: IO[bytes]) -> None:
    """Write the build context as a tar archive, with owners and times independent of this machine, so that Docker's cache hits."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if "__pycache__" in member.name:
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = 0
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    with tarfile.open(fileobj=context, mode="w") as archive:
        top = source_folder(service, folder)
        for path in _with_folders(context_files(service, folder), top):
            archive.add(path, arcname=path.relative_to(top).as_posix(), recursive=False, filter=plain)
        for name, path in artifacts.items():
            archive.add(path, arcname=f"artifacts/{name}", filter=plain)


def _with_folders(files: list[Path], top: Path) -> list[Path]:
    """Return the files preceded by their folders, whose mode Docker would otherwise choose."""
    folders = {parent for path in files for parent in path.parents if parent.is_relative_to(top) and parent != top}
    return [*sorted(folders), *files]


def _arguments(service: str) -> dict[str, str]:
    return {"BASE_IMAGE": BASE_IMAGE, **IMAGES[service].arguments}


def _proxies() -> dict[str, str]:
    return {name: os.environ[name] for name in _PROXY_VARIABLES if os.environ.get(name)}


def _known(services: Iterable[str] | None) -> list[str]:
    names = list(SERVICES if services is None else services)
    unknown = [service for service in names if service not in KNOWN]
    if unknown:
        raise PlatformError(f"There is no image {unknown[0]!r}.", where="airgap/images", next_step=f"name one of {', '.join(KNOWN)}")
    return names


def _missing(client: docker.DockerClient, services: Sequence[str]) -> list[str]:
    import docker.errors

    absent = []
    for service in services:
        try:
            client.images.get(image_reference(service))
        except docker.errors.ImageNotFound:
            absent.append(service)
    return absent


def _connect() -> docker.DockerClient:
    import docker.errors

    from core import docker_client

    try:
        client = docker_client.connect(timeout=600)
        client.ping()
    except docker.errors.DockerException as error:
        raise PlatformError(
            "The Docker engine can't be reached, so its images can't be seen or built.",
            where=str(error),
            next_step="start it (`make up` does, or `sudo service docker start`) and check that you may use it (`docker info`)",
        ) from error
    return client


def _docker_folder(client: docker.DockerClient) -> Path:
    # If the engine runs elsewhere, its folder says nothing about this machine's disk.
    folder = Path(str(client.info().get("DockerRootDir") or "/"))
    return folder if folder.exists() else Path(tempfile.gettempdir())


def _scratch() -> Path:
    folder = cache_folder() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Build missing images, or write one service's build context, and print the references or the command."""
    from core.runner import INTERRUPTED, report_failure, show_progress

    parser = argparse.ArgumentParser(prog="python -m airgap.images.build", description="Build the services' images that are missing.")
    parser.add_argument("services", nargs="*", metavar="SERVICE", help=f"of {', '.join(KNOWN)}; {', '.join(SERVICES)} unless given")
    parser.add_argument(
        "--context", type=Path, metavar="FOLDER", help="build nothing, write one service's build context into this new folder"
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback when something fails")
    options = parser.parse_args(arguments)
    if options.context is not None and len(options.services) != 1:
        parser.error("--context wants exactly one service")
    try:
        with show_progress("images") as progress:
            if options.context is not None:
                services = _known(options.services)
                lines = [" ".join(write_context(services[0], options.context, progress))]
            else:
                lines = list(ensure_images(options.services or None, progress).values())
    except KeyboardInterrupt:
        print("Interrupted. Finished images are kept; run it again to go on.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        return report_failure(error, doing="building images", debug=options.debug)
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
