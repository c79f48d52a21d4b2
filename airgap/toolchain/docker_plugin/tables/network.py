"""The properties of `docker:index/network:Network`."""

from __future__ import annotations

from airgap.toolchain.docker_plugin.properties import Kind, Property
from airgap.toolchain.docker_plugin.tables.labels import LABEL_FIELDS

NETWORK = (
    Property("name", Kind.TEXT, required=True),
    Property("attachable", Kind.SWITCH, created=False, refreshed=False),
    Property("driver", Kind.TEXT, computed=True),
    Property("ingress", Kind.SWITCH, created=False, refreshed=False),
    Property("internal", Kind.SWITCH, computed=True, created=False, refreshed=False),
    Property(
        "ipamConfigs",
        Kind.OBJECT_SET,
        computed=True,
        whole=True,
        created=[],
        refreshed=[],
        fields=(
            Property("auxAddress", Kind.TEXT_MAP, refreshed={}),
            Property("gateway", Kind.TEXT, computed=True, created="", refreshed=""),
            Property("ipRange", Kind.TEXT, created="", refreshed=""),
            Property("subnet", Kind.TEXT, created="", refreshed=""),
        ),
    ),
    Property("ipamDriver", Kind.TEXT, default="default"),
    Property("ipamOptions", Kind.TEXT_MAP, computed=True, refreshed={}),
    Property("ipv6", Kind.SWITCH, created=False, refreshed=False),
    Property("labels", Kind.OBJECT_SET, fields=LABEL_FIELDS, created=[], refreshed=[]),
    Property("options", Kind.TEXT_MAP, computed=True, created={}, refreshed={}),
)
