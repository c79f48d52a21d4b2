"""The properties of `docker:index/remoteImage:RemoteImage`."""

from __future__ import annotations

from airgap.toolchain.docker_plugin.properties import Change, Property, ValueKind

IMAGE = (
    Property("name", ValueKind.TEXT, required=True),
    Property("build", ValueKind.OBJECT, unsupported="this plugin does not build images; build them first and give the name here"),
    Property("forceRemove", ValueKind.SWITCH, Change.RECORD),
    Property("keepLocally", ValueKind.SWITCH, Change.RECORD),
    Property("platform", ValueKind.TEXT),
    Property("pullTriggers", ValueKind.TEXT_SET),
    Property("triggers", ValueKind.TEXT_MAP),
)
