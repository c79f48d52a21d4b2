"""The labels that networks, volumes and containers share."""

from __future__ import annotations

from airgap.toolchain.docker_plugin.properties import Property, ValueKind

LABEL_FIELDS = (Property("label", ValueKind.TEXT, required=True), Property("value", ValueKind.TEXT, required=True))
