"""The properties of `docker:index/volume:Volume`."""

from __future__ import annotations

from airgap.toolchain.docker_plugin.properties import Kind, Property
from airgap.toolchain.docker_plugin.tables.labels import LABEL_FIELDS

VOLUME = (
    Property("name", Kind.TEXT, required=True),
    Property("cluster", Kind.OBJECT, unsupported="cluster volumes need a Docker swarm, which this plugin does not manage"),
    Property("driver", Kind.TEXT, computed=True),
    Property("driverOpts", Kind.TEXT_MAP, refreshed={}),
    Property("labels", Kind.OBJECT_SET, fields=LABEL_FIELDS, created=[], refreshed=[]),
)
