"""Gives an empty data volume to the user of its service."""

from __future__ import annotations

from infra.provider import volumes
from infra.provider.declaration import Input, InVolume
from infra.provider.kind import Call, ResourceKind, Values
from infra.provider.volumes import DIRECTORY_MODE, VolumeEntry

# At its first mount Docker gives an empty volume the owner of the image's directory; a volume with a file is left unchanged.
_MARKER = ".christmas-owner"


class VolumeOwner(InVolume):
    """The owner of a data volume's root directory; nothing else in the volume is read, changed or removed.

    Our own images have directories with the right owner; others may run as root and have none.
    """

    uid: Input[int]
    gid: Input[int]


class VolumeOwnerKind(ResourceKind):
    """Sets the owner, and leaves a mark."""

    declared = VolumeOwner

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        uid, gid = inputs["uid"], inputs["gid"]
        with volumes.open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
            volume.write(
                {".": VolumeEntry(None, DIRECTORY_MODE, uid, gid), _MARKER: VolumeEntry(f"{uid}:{gid}\n".encode(), 0o400, uid, gid)}
            )
        return inputs["volume"], {}

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        if (old.get("uid"), old.get("gid")) != (inputs["uid"], inputs["gid"]):
            self.create(call, inputs)
        return state
