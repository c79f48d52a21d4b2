"""The properties of `docker:index/volume:Volume`."""

from __future__ import annotations

from airgap.toolchain.docker_plugin.properties import Property, ValueKind
from airgap.toolchain.docker_plugin.tables.labels import LABEL_FIELDS

VOLUME = (
    Property("name", ValueKind.TEXT, required=True),
    Property("cluster", ValueKind.OBJECT, unsupported="cluster volumes need a Docker swarm, which this plugin does not manage"),
    Property("driver", ValueKind.TEXT, computed=True),
    Property("driverOpts", ValueKind.TEXT_MAP, refreshed={}),
    Property("labels", ValueKind.OBJECT_SET, fields=LABEL_FIELDS, created=[], refreshed=[]),
)
