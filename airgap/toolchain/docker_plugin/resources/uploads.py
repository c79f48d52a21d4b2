"""Files that are copied into a container before it starts."""

from __future__ import annotations

import base64
import grp
import pwd
from pathlib import Path, PurePosixPath
from typing import Any

from airgap.toolchain.docker_plugin.context import Call
from airgap.toolchain.docker_plugin.engine import failing_as
from airgap.toolchain.docker_plugin.errors import DockerPluginError
from core.container_files import FileToPut, packed

_SOURCES = ("content", "contentBase64", "source")


def problems(uploads: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the problems of uploads before anything is made: path of the input, and reason."""
    faults: list[tuple[str, str]] = []
    for index, upload in enumerate(uploads):
        where = f"uploads[{index}]"
        full = [name for name in _SOURCES if upload.get(name) not in (None, "")]
        named = [name for name in _SOURCES if name in upload]
        if len(full) > 1:
            faults.append((where, f"gives {' and '.join(f'`{name}`' for name in full)}; only one of them can fill `{upload.get('file')}`"))
        elif not named:
            faults.append((where, f"gives nothing to put into `{upload.get('file')}`: set one of `content`, `contentBase64`, `source`"))
    return faults


def unreachable(inputs: dict[str, Any]) -> list[str]:
    """Return why files can't be written to their target: a read-only root file system.

    The official plugin finds this out only when it creates the container, so it is not a failed check.
    """
    files = [upload["file"] for upload in inputs.get("uploads") or []] if inputs.get("readOnly") is True else []
    return [
        f"`{file}` cannot be uploaded, because `readOnly` makes the root file system read-only; "
        "bind a file of the host there instead, or put it into a volume"
        for file in files
        if isinstance(file, str) and _volume_of(file, inputs) is None
    ]


def upload_all(call: Call, container: str, inputs: dict[str, Any]) -> None:
    """Copy the files into the container, running or not.

    Raises DockerPluginError with the file that can't be read or written.
    """
    for upload in inputs.get("uploads") or []:
        # Through the volume's own path, a file reaches its volume even if the root is read-only.
        root = _volume_of(upload["file"], inputs) or "/"
        with failing_as(f"file `{upload['file']}` could not be put into container `{inputs['name']}`"):
            call.engine.client.put_archive(container, root, packed([_file(upload, PurePosixPath(upload["file"]).relative_to(root))]))


def _volume_of(file: str, inputs: dict[str, Any]) -> str | None:
    """Return the mount path of the innermost writable volume that contains the file."""
    mounted = [item.get("containerPath") for item in inputs.get("volumes") or [] if not item.get("readOnly")]
    mounted += [item.get("target") for item in inputs.get("mounts") or [] if item.get("type") != "tmpfs" and not item.get("readOnly")]
    holding = [path for path in mounted if isinstance(path, str) and PurePosixPath(file).is_relative_to(path) and file != path]
    return max(holding, key=len, default=None)


def _file(upload: dict[str, Any], name: PurePosixPath) -> FileToPut:
    return FileToPut(
        str(name),
        _content(upload),
        int(upload["permissions"], 8) if upload.get("permissions") else 0o744 if upload.get("executable") else 0o644,
        _number(upload.get("owner"), lambda owner: pwd.getpwnam(owner).pw_uid, "user"),
        _number(upload.get("group"), lambda group: grp.getgrnam(group).gr_gid, "group"),
    )


def _content(upload: dict[str, Any]) -> bytes:
    if upload.get("source"):
        source = Path(upload["source"]).expanduser()
        try:
            return source.read_bytes()
        except OSError as error:
            raise DockerPluginError(
                f"the file to put at `{upload['file']}` cannot be read: {error.strerror or error}",
                where=str(source),
                next_step="check `source` of the upload; a relative path starts at the program's directory",
            ) from None
    if upload.get("contentBase64"):
        return base64.b64decode(upload["contentBase64"])
    return str(upload.get("content") or "").encode()


def _number(name: str | None, look_up: Any, kind: str) -> int:
    if not name:
        return 0
    if name.isdecimal():
        return int(name)
    try:
        return int(look_up(name))
    except KeyError:
        raise DockerPluginError(
            f"this machine has no {kind} named `{name}`, so an upload cannot be given to it", next_step=f"give the {kind}'s number instead"
        ) from None
