"""Files in a named Docker volume, accessed through a helper container that is never started.

Docker copies files to and from a container that was only created, its volumes included. So nothing runs, with any image.
"""

from __future__ import annotations

import contextlib
import io
import stat
import tarfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from core.errors import PlatformError
from core.patience import patience
from infra.provider.containers import engine
from infra.provider.wire_trouble import asked

if TYPE_CHECKING:
    from docker.models.containers import Container

_MOUNT = "christmas-files"  # not in any image, so Docker copies nothing into a new volume
# Several resources share one volume, and the engine handles them in parallel: each would take the other's helper for a leftover.
_ONE_AT_A_TIME: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
DIRECTORY_MODE = 0o700


@dataclass(frozen=True, slots=True)
class VolumeEntry:
    """A file or directory (content None) in the volume."""

    content: bytes | None
    mode: int
    uid: int
    gid: int


def exists(volume: str) -> bool:
    """Whether the volume exists."""
    from docker.errors import NotFound

    try:
        asked("looking it up", f"volume {volume}", lambda: engine().volumes.get(volume))
    except NotFound:
        return False
    return True


class VolumeFiles:
    """An open volume. Use `open_volume`."""

    def __init__(self, container_id: str, volume: str, image: str) -> None:
        self._container, self._volume, self._image = container_id, volume, image

    def read(self) -> dict[str, VolumeEntry]:
        """All entries, by relative path; the root is `.`."""

        def whole() -> bytes:
            parts, _ = engine().api.get_archive(self._container, f"/{_MOUNT}")
            return b"".join(parts)

        archive = io.BytesIO(asked("reading", f"volume {self._volume}", whole))
        entries: dict[str, VolumeEntry] = {}
        with tarfile.open(fileobj=archive) as tar:
            for member in tar:
                path = str(PurePosixPath(member.name).relative_to(_MOUNT))
                if member.isfile():
                    extracted = tar.extractfile(member)
                    content = extracted.read() if extracted else b""
                else:
                    content = None
                entries[path] = VolumeEntry(content, stat.S_IMODE(member.mode), member.uid, member.gid)
        return entries

    def write(self, entries: Mapping[str, VolumeEntry]) -> None:
        """Write these entries with their owners and modes, replacing older ones."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            # Directories come before their content.
            for path, entry in sorted(entries.items(), key=lambda item: (item[1].content is not None, item[0] != ".", item[0])):
                member = tarfile.TarInfo(_MOUNT if path == "." else f"{_MOUNT}/{path}")
                member.mode, member.uid, member.gid, member.mtime = entry.mode, entry.uid, entry.gid, int(time.time())
                if entry.content is None:
                    member.type = tarfile.DIRTYPE
                    tar.addfile(member)
                else:
                    member.size = len(entry.content)
                    tar.addfile(member, io.BytesIO(entry.content))
        packed = buffer.getvalue()
        asked("writing", f"volume {self._volume}", lambda: engine().api.put_archive(self._container, "/", packed))

    def remove(self, paths: list[str]) -> None:
        """Remove files and directories: Docker's copy can't, so the image's own `rm` does it, without a network."""
        from docker.types import Mount

        def remove() -> int:
            remover = engine().containers.create(
                self._image,
                entrypoint=["rm", "-rf", "--", *(f"/{_MOUNT}/{path}" for path in paths)],
                command=[],
                user="0:0",
                network_mode="none",
                mounts=[Mount(f"/{_MOUNT}", self._volume, no_copy=True)],
                labels=_labels(self._volume, ""),
                cap_drop=["ALL"],
                cap_add=["DAC_OVERRIDE"],
                security_opt=["no-new-privileges"],
            )
            try:
                remover.start()
                return int(remover.wait(timeout=patience(60))["StatusCode"])
            finally:
                remover.remove(force=True)

        code = asked("removing files", f"volume {self._volume}", remove)
        if code != 0:
            raise PlatformError(
                what=f"stale files could not be removed (rm ended with {code}): {', '.join(paths)}",
                where=f"volume {self._volume}, image {self._image}",
            )


def _labels(volume: str, stack: str) -> dict[str, str]:
    labels = {"com.christmas.project": "christmas", "com.christmas.helper": "files", "com.christmas.volume": volume}
    return labels | ({"com.christmas.stack": stack} if stack else {})


@contextlib.contextmanager
def open_volume(volume: str, image: str, stack: str) -> Iterator[VolumeFiles]:
    """The files of an existing volume, through a helper container of a local image. One at a time for each volume.

    Raises PlatformError if either is missing, or if the helper is removed.
    """
    from docker.errors import ImageNotFound, NotFound
    from docker.types import Mount

    if not exists(volume):  # Docker would create it, without our labels
        raise PlatformError(what=f"volume {volume} does not exist", where="the Docker engine", next_step="pulumi up --refresh")

    def make() -> Container:
        remove_leftovers(volume)  # from a killed run, or from a request whose answer was lost
        return engine().containers.create(
            image,
            entrypoint=["true"],
            command=[],
            network_mode="none",
            mounts=[Mount(f"/{_MOUNT}", volume, no_copy=True)],
            labels=_labels(volume, stack),
        )

    with _ONE_AT_A_TIME[volume]:
        try:
            helper = asked("opening", f"volume {volume}", make)
        except ImageNotFound:
            raise PlatformError(
                what=f"image {image} does not exist here", where=f"volume {volume}", next_step="build or pull it: `make up` does both"
            ) from None
        try:
            yield VolumeFiles(str(helper.id), volume, image)
        except NotFound as error:
            raise PlatformError(
                what="the helper container was removed while in use", where=f"volume {volume}", next_step="run it again"
            ) from error
        finally:
            with contextlib.suppress(NotFound):
                asked("closing", f"volume {volume}", lambda: helper.remove(force=True))


def remove_leftovers(volume: str) -> None:
    """Remove helper containers of this volume that a killed run left behind."""
    from docker.errors import NotFound

    filters: dict[str, str | list[str] | bool] = {"label": ["com.christmas.helper=files", f"com.christmas.volume={volume}"]}
    for leftover in engine().containers.list(all=True, filters=filters, ignore_removed=True):
        with contextlib.suppress(NotFound):
            leftover.remove(force=True)
