"""The properties of `docker:index/remoteImage:RemoteImage`."""

from __future__ import annotations

from airgap.toolchain.docker_plugin.properties import Change, Kind, Property

IMAGE = (
    Property("name", Kind.TEXT, required=True),
    Property("build", Kind.OBJECT, unsupported="this plugin does not build images; build them first and give the name here"),
    Property("forceRemove", Kind.SWITCH, Change.RECORD),
    Property("keepLocally", Kind.SWITCH, Change.RECORD),
    Property("platform", Kind.TEXT),
    Property("pullTriggers", Kind.TEXT_SET),
    Property("triggers", Kind.TEXT_MAP),
)
