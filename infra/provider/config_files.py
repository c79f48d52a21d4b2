"""A service's files in its own volume: configuration, keys and passwords, readable only by that service."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from airgap.toolchain.plugin.messages import Severity
from airgap.toolchain.plugin.wire import UNKNOWN
from core.errors import PlatformError
from infra.provider import volumes
from infra.provider.declaration import Input, InVolume, Output, gives, takes
from infra.provider.kind import Call, PartialFailureError, ResourceKind, Values
from infra.provider.volumes import DIRECTORY_MODE, VolumeEntry


def _relative(files: dict[str, Any]) -> str | None:
    for path in files:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or str(PurePosixPath(path)) != path:
            return f"has {path!r}, which is not a plain relative path"
    return None


def fingerprint(key: str, files: dict[str, str], uid: int, gid: int, mode: int) -> str:
    """A keyed hash of the files: without the key nobody can test guesses of their content against it."""
    declared = json.dumps([files, uid, gid, mode], sort_keys=True, ensure_ascii=False)
    return hmac.new(bytes.fromhex(key), declared.encode(), hashlib.sha256).hexdigest()


def expected_entries(files: dict[str, str], uid: int, gid: int, mode: int) -> dict[str, VolumeEntry]:
    """The files with their directories, including the volume's root."""
    entries = {path: VolumeEntry(content.encode(), mode, uid, gid) for path, content in files.items()}
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents} | {"."}
    return entries | {folder: VolumeEntry(None, DIRECTORY_MODE, uid, gid) for folder in folders}


def compare(real: dict[str, VolumeEntry], expected: dict[str, VolumeEntry]) -> list[str]:
    """The differences, in words without content."""
    findings: list[str] = []
    for path in sorted(real.keys() | expected.keys()):
        present, declared = real.get(path), expected.get(path)
        if declared is None:
            findings.append(f"{path} is not declared")
        elif present is None:
            findings.append(f"{path} is missing")
        elif present.content != declared.content:
            findings.append(f"{path} has other content")
        elif (present.uid, present.gid, present.mode) != (declared.uid, declared.gid, declared.mode):
            findings.append(
                f"{path} is {present.uid}:{present.gid} {present.mode:04o}, not {declared.uid}:{declared.gid} {declared.mode:04o}"
            )
    return findings


class ConfigFiles(InVolume):
    """Exactly these files in a volume, 0400 and owned by the service; the volume's root becomes 0700. Without the resource they stay.

    `fingerprint` changes with the declared files and reveals nothing of them; `written_at` changes whenever something was written,
    also by a repair. A running service loads changes through a Reload that follows its container in the program.
    """

    uid: Input[int]
    gid: Input[int]
    files: Input[Mapping[str, Input[str]]] = takes(secret=True, rule=_relative)
    mode: Input[int] = takes(default=0o400, rule=lambda mode: None if 0 < mode <= 0o777 else "is not a file mode")
    # What the service reads at each use: a change of it alone is nothing to load. Without a default: older stacks see no change.
    read_anew: Input[Sequence[Input[str]]] | None = None
    fingerprint: Output[str] = gives()
    fingerprint_key: Output[str] = gives(secret=True)
    written_at: Output[str] = gives()
    drift: Output[list[str]] = gives()


class ConfigFilesKind(ResourceKind):
    """Writes them whole."""

    declared = ConfigFiles

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        del inputs
        if state is None or changed - {"image"}:
            return {
                "fingerprint": UNKNOWN,
                "fingerprint_key": (state or {}).get("fingerprint_key", UNKNOWN),
                "written_at": UNKNOWN,
                "drift": [],
            }
        return state

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        key = secrets.token_hex(32)
        return inputs["volume"], self._fill(call, {"fingerprint_key": key}, {}, inputs)

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        try:
            return self._fill(call, state, old.get("files", {}), inputs)
        except PlatformError as error:
            raise PartialFailureError(state, error) from error

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        if not volumes.exists(inputs["volume"]):
            return None
        try:
            with volumes.open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
                real = volume.read()
        except PlatformError as error:
            call.log(Severity.WARNING, f"the files could not be compared: {error}")
            return state
        return state | {"drift": compare(real, self._expected(inputs))}

    @staticmethod
    def _expected(inputs: Values) -> dict[str, VolumeEntry]:
        return expected_entries(inputs["files"], inputs["uid"], inputs["gid"], inputs["mode"])

    def _fill(self, call: Call, state: Values, before: Values, inputs: Values) -> Values:
        files, expected = inputs["files"], self._expected(inputs)
        # Also what a killed run has written and not recorded: the service was told nothing of it.
        changed = {path for path in before.keys() | files.keys() if before.get(path) != files.get(path)}
        written_at = state.get("written_at")
        with volumes.open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
            real = volume.read()
            if differing := {path for path in real.keys() | expected.keys() if real.get(path) != expected.get(path)}:
                stale = sorted(real.keys() - expected.keys())
                # Remove a file in the place of a directory first, and the other way round.
                stale += [
                    path for path in expected.keys() & real.keys() if (real[path].content is None) != (expected[path].content is None)
                ]
                if stale:
                    volume.remove(stale)
                volume.write(expected)
        if written_at is None or (changed | differing) - set(inputs.get("read_anew") or []):
            written_at = datetime.now(UTC).isoformat()
        key = state["fingerprint_key"]
        return {
            "fingerprint": fingerprint(key, inputs["files"], inputs["uid"], inputs["gid"], inputs["mode"]),
            "fingerprint_key": key,
            "written_at": written_at,
            "drift": [],
        }
