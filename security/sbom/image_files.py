"""Reads from an image's file system which parts it has, without running anything of it."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.container_files import unpacked
from core.docker_client import docker_host
from core.errors import PlatformError
from core.helper_containers import helper
from security.sbom.go_programs import ELF, BuildInfo, build_info
from security.sbom.python_packages import METADATA

if TYPE_CHECKING:
    from docker.models.images import Image

_STATUS = "var/lib/dpkg/status"
_STATUS_PARTS = "var/lib/dpkg/status.d/"
_RELEASES = ("etc/os-release", "usr/lib/os-release")
_COPYRIGHT = ("usr/share/doc/", "/copyright")
_SMALLEST_PROGRAM = 1 << 19
_PIECE = 1 << 20


@dataclass(slots=True)
class ImageFiles:
    """The texts that name an image's parts: `copyrights` by package, `programs` by path."""

    reference: str
    id: str
    layers: tuple[str, ...]
    status: list[str] = field(default_factory=list)
    release: str = ""
    copyrights: dict[str, str] = field(default_factory=dict)
    python: list[str] = field(default_factory=list)
    programs: dict[str, BuildInfo] = field(default_factory=dict)


def read(reference: str) -> ImageFiles:
    """Read an image that the engine has. Raises PlatformError if it has none of that name, or can't be asked."""
    import docker.errors

    with docker_host() as host:
        try:
            image = host.images.get(reference)
            files = ImageFiles(
                reference,
                str(image.id),
                tuple(image.attrs.get("RootFS", {}).get("Layers") or ()),
            )
            with _file_system(image) as archive:
                for entry in archive:
                    _look(archive, entry, files)
        except docker.errors.ImageNotFound as error:
            raise PlatformError(
                what=f"there is no image {reference}",
                where="the Docker engine",
                next_step="invoke images builds this checkout's; or pull it",
            ) from error
        except docker.errors.DockerException as error:
            raise PlatformError(
                what=f"the image {reference} can't be read: {type(error).__name__}", where="the Docker engine", next_step="invoke doctor"
            ) from error
    return files


@contextmanager
def _file_system(image: Image) -> Iterator[tarfile.TarFile]:
    """All files of an image, of a container that is made of it, never started, and removed."""
    with helper(str(image.id), "sbom") as container:
        pieces: Any = container.export(_PIECE)  # of bytes, which its types call text
        with unpacked(pieces) as archive:
            yield archive


def _look(archive: tarfile.TarFile, entry: tarfile.TarInfo, files: ImageFiles) -> None:
    path = entry.name.removeprefix("./")
    if not entry.isfile():
        return
    if path == _STATUS or path.startswith(_STATUS_PARTS):
        files.status.append(_text(archive, entry))
    elif path in _RELEASES:
        files.release = files.release or _text(archive, entry)
    elif path.startswith(_COPYRIGHT[0]) and path.endswith(_COPYRIGHT[1]):
        files.copyrights[path.split("/")[3]] = _text(archive, entry)
    elif path.endswith(METADATA):
        files.python.append(_text(archive, entry))
    elif entry.mode & 0o111 and entry.size >= _SMALLEST_PROGRAM and (opened := archive.extractfile(entry)):
        head = opened.read(len(ELF))
        if head == ELF and (info := build_info(head + opened.read())):
            files.programs[f"/{path}"] = info


def _text(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    opened = archive.extractfile(entry)
    return opened.read().decode(errors="replace") if opened else ""
