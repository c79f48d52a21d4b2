"""The plugin's errors, in the classes that the engine distinguishes."""

from __future__ import annotations

from typing import Any

from core.errors import PlatformError


class DockerPluginError(PlatformError):
    """An operation on a resource failed; the message names the resource and the next step."""


class CancelledByUserError(DockerPluginError):
    """The user interrupted the run while it waited for this resource."""


class NotReadyError(DockerPluginError):
    """The resource exists but did not become ready.

    The engine records it with its partial state, so that the next `pulumi up` finishes it instead of making a second one.
    """

    def __init__(self, what: str, *, resource_id: str, outputs: dict[str, Any], where: str = "", next_step: str = "") -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.resource_id = resource_id
        self.outputs = outputs
