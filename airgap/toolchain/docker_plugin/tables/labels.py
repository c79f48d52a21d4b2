"""The labels that networks, volumes and containers share."""

from __future__ import annotations

from airgap.toolchain.docker_plugin.properties import Kind, Property

LABEL_FIELDS = (Property("label", Kind.TEXT, required=True), Property("value", Kind.TEXT, required=True))
