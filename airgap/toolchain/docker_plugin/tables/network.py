"""The properties of `docker:index/network:Network`."""

from __future__ import annotations

from airgap.toolchain.docker_plugin.properties import Property, ValueKind
from airgap.toolchain.docker_plugin.tables.labels import LABEL_FIELDS

NETWORK = (
    Property("name", ValueKind.TEXT, required=True),
    Property("attachable", ValueKind.SWITCH, created=False, refreshed=False),
    Property("driver", ValueKind.TEXT, computed=True),
    Property("ingress", ValueKind.SWITCH, created=False, refreshed=False),
    Property("internal", ValueKind.SWITCH, computed=True, created=False, refreshed=False),
    Property(
        "ipamConfigs",
        ValueKind.OBJECT_SET,
        computed=True,
        whole=True,
        created=[],
        refreshed=[],
        fields=(
            Property("auxAddress", ValueKind.TEXT_MAP, refreshed={}),
            Property("gateway", ValueKind.TEXT, computed=True, created="", refreshed=""),
            Property("ipRange", ValueKind.TEXT, created="", refreshed=""),
            Property("subnet", ValueKind.TEXT, created="", refreshed=""),
        ),
    ),
    Property("ipamDriver", ValueKind.TEXT, default="default"),
    Property("ipamOptions", ValueKind.TEXT_MAP, computed=True, refreshed={}),
    Property("ipv6", ValueKind.SWITCH, created=False, refreshed=False),
    Property("labels", ValueKind.OBJECT_SET, fields=LABEL_FIELDS, created=[], refreshed=[]),
    Property("options", ValueKind.TEXT_MAP, computed=True, created={}, refreshed={}),
)
