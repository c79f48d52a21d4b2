"""Rules for networks, volumes and images, and the allowed kinds of resources."""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.labels import PROJECT_LABEL, STACK_LABEL
from infra.policy.containers import IMAGE, says_nothing
from infra.policy.inputs import UNKNOWN, Properties

_NETWORK = {"name", "driver", "ipamConfigs", "ipamDriver", "labels", "internal"}
_VOLUME = {"name", "driver", "labels"}
_REMOTE_IMAGE = {"name", "keepLocally", "forceRemove", "platform", "pullTriggers", "triggers"}
_KINDS = re.compile(
    r"docker:index/(?:container:Container|network:Network|volume:Volume|remoteImage:RemoteImage)|christmas:\w+:\w+|pulumi:\w+:\w+"
)


def kinds(kind: str) -> Iterable[str]:
    """Refuse a kind of resource without rules: it might be a command on the host."""
    if not _KINDS.fullmatch(kind):
        yield f"{kind} is not an allowed kind of resource"


def network(properties: Properties) -> Iterable[str]:
    """Refuse networks that reach beyond this host."""
    yield from _only(properties, _NETWORK, "a network")
    if properties.get("driver") not in (None, "", "bridge", UNKNOWN):
        yield f"driver must be bridge, not {properties['driver']}"


def volume(properties: Properties) -> Iterable[str]:
    """Refuse volumes that are really something else."""
    if not says_nothing(properties.get("driverOpts")):
        yield "driverOpts must be empty: volume driver options can mount the host, even Docker's socket"
    yield from _only(properties, {*_VOLUME, "driverOpts"}, "a volume")
    if properties.get("driver") not in (None, "", "local", UNKNOWN):
        yield f"driver must be local, not {properties['driver']}"


def remote_image(properties: Properties) -> Iterable[str]:
    """Refuse an image reference that can change."""
    yield from _only(properties, _REMOTE_IMAGE, "an image")
    if properties.get("name") is not UNKNOWN and not IMAGE.fullmatch(str(properties.get("name") or "")):
        yield "name must have a digest or a fixed tag: not latest, not empty"


def labels(properties: Properties) -> Iterable[str]:
    """Refuse resources that a clean-up would not find."""
    present = {label.get("label") for label in properties.get("labels") or [] if label is not UNKNOWN}
    for label in (PROJECT_LABEL, STACK_LABEL):
        if label not in present:
            yield f"the label {label} is missing, so clean-up would not find this"


def _only(properties: Properties, allowed: set[str], kind: str) -> Iterable[str]:
    for name, value in properties.items():
        if name not in allowed and not says_nothing(value):
            yield f"{name} is not an allowed property of {kind}"
