"""Files in a named Docker volume, accessed through a helper container that is never started.

Docker copies files to and from a container that was only created, its volumes included. So nothing runs, with any image.
"""

from __future__ import annotations

import contextlib
import stat
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from airgap.toolchain.plugin.messages import Severity
from core.container_files import FileToPut, packed, pieces_of, unpacked
from core.docker_client import docker_client
from core.docker_retries import with_retries
from core.errors import PlatformError
from core.helper_containers import helper, make_helper, outcome
from core.labels import PROJECT_LABEL, STACK_LABEL, with_labels
from core.patience import patience
from infra.provider.kind import Call, Values

if TYPE_CHECKING:
    from docker.models.containers import Container

_HELPER, _VOLUME = "com.christmas.helper", "com.christmas.volume"
_MOUNT = "christmas-files"  # not in any image, so Docker copies nothing into a new volume
# Several resources share one volume, and the engine handles them in parallel: each would take the other's helper for a leftover.
_ONE_AT_A_TIME: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
DIRECTORY_MODE = 0o700
_SECRET_MODE = 0o400


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
        with_retries("looking it up", f"volume {volume}", lambda: docker_client().volumes.get(volume))
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
            parts, _ = docker_client().api.get_archive(self._container, f"/{_MOUNT}")
            return b"".join(parts)

        entries: dict[str, VolumeEntry] = {}
        with unpacked(iter([with_retries("reading", f"volume {self._volume}", whole)])) as archive:
            for member in archive:
                path = str(PurePosixPath(member.name).relative_to(_MOUNT))
                content = b"".join(pieces_of(archive, member)) if member.isfile() else None
                entries[path] = VolumeEntry(content, stat.S_IMODE(member.mode), member.uid, member.gid)
        return entries

    def write(self, entries: Mapping[str, VolumeEntry]) -> None:
        """Write these entries with their owners and modes, replacing older ones."""
        # Directories come before their content.
        ordered = sorted(entries.items(), key=lambda item: (item[1].content is not None, item[0] != ".", item[0]))
        files = [
            FileToPut(_MOUNT if path == "." else f"{_MOUNT}/{path}", entry.content, entry.mode, entry.uid, entry.gid)
            for path, entry in ordered
        ]
        with_retries(
            "writing", f"volume {self._volume}", lambda: docker_client().api.put_archive(self._container, "/", b"".join(packed(files)))
        )

    def secret(self, file: str) -> str | None:
        """A file's content; None if it is missing or empty."""
        entry = self.read().get(file)
        return entry.content.decode() if entry and entry.content else None

    def keep_secret(self, file: str, secret: str, stored: str | None = None) -> None:
        """Write a file that only root of the Docker host can read, unless it has that content already."""
        if secret != stored:
            self.write({".": VolumeEntry(None, DIRECTORY_MODE, 0, 0), file: VolumeEntry(secret.encode(), _SECRET_MODE, 0, 0)})

    def remove(self, paths: list[str]) -> None:
        """Remove files and directories: Docker's copy can't, so the image's own `rm` does it, without a network."""

        def remove() -> int:
            command = ["rm", "-rf", "--", *(f"/{_MOUNT}/{path}" for path in paths)]
            options = {**_options(self._volume, ""), "entrypoint": command, "user": "0:0", "cap_add": ["DAC_OVERRIDE"]}
            with helper(self._image, "files", **options) as remover:
                return outcome(remover, patience(60)).code

        code = with_retries("removing files", f"volume {self._volume}", remove)
        if code != 0:
            raise PlatformError(
                what=f"stale files could not be removed (rm ended with {code}): {', '.join(paths)}",
                where=f"volume {self._volume}, image {self._image}",
            )


def _options(volume: str, stack: str) -> dict[str, Any]:
    from docker.types import Mount

    named = {PROJECT_LABEL: "christmas", _HELPER: "files", _VOLUME: volume} | ({STACK_LABEL: stack} if stack else {})
    return {"labels": named, "mounts": [Mount(f"/{_MOUNT}", volume, no_copy=True)]}


@contextlib.contextmanager
def open_volume(volume: str, image: str, stack: str) -> Iterator[VolumeFiles]:
    """The files of an existing volume, through a helper container of a local image. One at a time for each volume.

    Raises PlatformError if either is missing, or if the helper is removed.
    """
    from docker.errors import ImageNotFound, NotFound

    if not exists(volume):  # Docker would create it, without our labels
        raise PlatformError(what=f"volume {volume} does not exist", where="the Docker engine", next_step="pulumi up --refresh")

    def make() -> Container:
        remove_leftovers(volume)  # from a killed run, or from a request whose answer was lost
        return make_helper(image, "files", **_options(volume, stack))

    with _ONE_AT_A_TIME[volume]:
        try:
            container = with_retries("opening", f"volume {volume}", make)
        except ImageNotFound:
            raise PlatformError(
                what=f"image {image} does not exist here", where=f"volume {volume}", next_step="build or pull it: `make up` does both"
            ) from None
        try:
            yield VolumeFiles(str(container.id), volume, image)
        except NotFound as error:
            raise PlatformError(
                what="the helper container was removed while in use", where=f"volume {volume}", next_step="run it again"
            ) from error
        finally:
            with contextlib.suppress(NotFound):
                with_retries("closing", f"volume {volume}", lambda: container.remove(force=True, v=True))


def remove_leftovers(volume: str) -> None:
    """Remove helper containers of this volume that a killed run left behind."""
    from docker.errors import NotFound

    filters = with_labels(f"{_HELPER}=files", f"{_VOLUME}={volume}")
    for leftover in docker_client().containers.list(all=True, filters=filters, ignore_removed=True):
        with contextlib.suppress(NotFound):
            leftover.remove(force=True)


def compare_secret(call: Call, state: Values, inputs: Values, judged: Callable[[str], list[str]]) -> Values:
    """The recorded secret with what is wrong with the kept file `file` of `volume`; `judged` says that of its content."""
    stored = None
    if exists(inputs["volume"]):
        try:
            with open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
                stored = volume.secret(inputs["file"])
        except PlatformError as error:
            call.log(Severity.WARNING, f"the kept {inputs['file']} could not be compared: {error}")
            return state
    return {"result": state["result"], "drift": ["the kept file is missing"] if stored is None else judged(stored)}
