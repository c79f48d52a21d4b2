"""What networks, volumes and images may say, and which kinds of resources there may be."""

from __future__ import annotations

import re
from collections.abc import Iterable

from infra.policy.containers import IMAGE, says_nothing
from infra.policy.inputs import UNKNOWN, Properties

_NETWORK = {"name", "driver", "ipamConfigs", "ipamDriver", "labels", "internal"}
_VOLUME = {"name", "driver", "labels"}
_REMOTE_IMAGE = {"name", "keepLocally", "forceRemove", "platform", "pullTriggers", "triggers"}
_KINDS = re.compile(
    r"docker:index/(?:container:Container|network:Network|volume:Volume|remoteImage:RemoteImage)|christmas:\w+:\w+|pulumi:\w+:\w+"
)


def kinds(kind: str) -> Iterable[str]:
    """Refuse a kind of resource that no rule knows: a command on the host would be one."""
    if not _KINDS.fullmatch(kind):
        yield f"{kind} is not among the kinds of resources that this platform is made of"


def network(properties: Properties) -> Iterable[str]:
    """Refuse networks that reach beyond this host."""
    yield from _only(properties, _NETWORK, "a network")
    if properties.get("driver") not in (None, "", "bridge", UNKNOWN):
        yield f"driver must be bridge, not {properties['driver']}"


def volume(properties: Properties) -> Iterable[str]:
    """Refuse volumes that are something else in truth."""
    if not says_nothing(properties.get("driverOpts")):
        yield "driverOpts must be empty: options of a volume's driver can mount the host, Docker's socket too"
    yield from _only(properties, {*_VOLUME, "driverOpts"}, "a volume")
    if properties.get("driver") not in (None, "", "local", UNKNOWN):
        yield f"driver must be local, not {properties['driver']}"


def remote_image(properties: Properties) -> Iterable[str]:
    """Refuse an image that may be another one tomorrow."""
    yield from _only(properties, _REMOTE_IMAGE, "an image")
    if properties.get("name") is not UNKNOWN and not IMAGE.fullmatch(str(properties.get("name") or "")):
        yield "name must have a digest or a tag that stays: not latest, and not nothing"


def labels(properties: Properties) -> Iterable[str]:
    """Refuse what clean-up would not find."""
    present = {each.get("label") for each in properties.get("labels") or [] if each is not UNKNOWN}
    for label in ("com.christmas.project", "com.christmas.stack"):
        if label not in present:
            yield f"the label {label} is missing, so clean-up would not find this"


def _only(properties: Properties, allowed: set[str], kind: str) -> Iterable[str]:
    for name, value in properties.items():
        if name not in allowed and not says_nothing(value):
            yield f"{name} is not among what {kind} may say"
