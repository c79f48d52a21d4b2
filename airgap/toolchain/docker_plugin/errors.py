"""What can go wrong inside the plugin, as the engine has to tell it apart."""

from __future__ import annotations

from typing import Any

from core.errors import PlatformError


class DockerPluginError(PlatformError):
    """A resource could not be worked on; the message names it and says what to do."""


class CancelledByUserError(DockerPluginError):
    """The user interrupted the run while this resource was being waited for."""


class NotReadyError(DockerPluginError):
    """The resource exists but never became what was asked for.

    The engine records it with its partial state, so that the next `pulumi up` finishes it instead of making a second one.
    """

    def __init__(self, what: str, *, resource_id: str, outputs: dict[str, Any], where: str = "", next_step: str = "") -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.resource_id = resource_id
        self.outputs = outputs
