"""Containers: creates, starts and waits for them; corrects drift; stops them with a grace time."""

from __future__ import annotations

from typing import Any, ClassVar

from airgap.toolchain.docker_plugin.checking import Failure
from airgap.toolchain.docker_plugin.context import Call
from airgap.toolchain.docker_plugin.diffing import Difference
from airgap.toolchain.docker_plugin.engine import failing_as
from airgap.toolchain.docker_plugin.errors import CancelledByUserError, DockerPluginError, NotReadyError
from airgap.toolchain.docker_plugin.properties import Change
from airgap.toolchain.docker_plugin.resources import container_life as life
from airgap.toolchain.docker_plugin.resources import container_make as make
from airgap.toolchain.docker_plugin.resources import container_view as view
from airgap.toolchain.docker_plugin.resources import uploads
from airgap.toolchain.docker_plugin.resources.base import Found, Resource
from airgap.toolchain.docker_plugin.resources.container_check import problems
from airgap.toolchain.docker_plugin.resources.image import find_image
from airgap.toolchain.docker_plugin.resources.marker import mark, mark_of
from airgap.toolchain.docker_plugin.tables.container import CONTAINER

_DEFAULT_GRACE = 10
"""Docker's own seconds between asking and killing; without a setting the official plugin kills at once, which harms databases."""


class Container(Resource):
    """`docker:index/container:Container`; its id is Docker's."""

    type: ClassVar[str] = "docker:index/container:Container"
    properties = CONTAINER
    outputs: ClassVar[tuple[str, ...]] = ("bridge", "containerLogs", "exitCode", "networkDatas")
    delete_first: ClassVar[bool] = True

    def check(self, inputs: dict[str, Any]) -> list[Failure]:
        """Return the problems of the inputs in combination."""
        return [Failure(path, f"`{path}` {reason}") for path, reason in problems(inputs)]

    def preview(self, call: Call, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the outputs of creating it; warn of anything that will fail."""
        for reason in uploads.unreachable(inputs):
            call.warn(f"container `{inputs['name']}`: {reason}")
        return super().preview(call, inputs)

    def create(self, call: Call, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Make the container and start it; takes over a container from an interrupted run."""
        container = make.make(call, inputs)
        logs = None
        if inputs.get("start"):
            try:
                life.start(call, container, inputs)
            except DockerPluginError:
                make.discard(call, container)
                raise
            logs = self._settle(call, container["Id"], inputs)
        return container["Id"], self._outputs(call, container["Id"], inputs, {"containerLogs": logs}, refreshed=False)

    def read(self, call: Call, resource_id: str, inputs: dict[str, Any], state: dict[str, Any]) -> Found | None:
        """Return the container's present state; one that was made again by hand with the same name counts as this one."""
        container = life.inspect(call, resource_id)
        if container is None and state.get("name"):
            container = life.inspect(call, state["name"])
            present_mark = mark_of(container) if container is not None else None
            if present_mark is not None and present_mark.owner != mark(call.urn, {}).owner:
                return None  # another stack's; create reports that
        if container is None:
            return None
        if not inputs:
            outputs = self._outputs(call, container["Id"], {}, state, refreshed=True)
            return Found(container["Id"], outputs, self._imported(call, outputs))
        outputs = self._outputs(call, container["Id"], inputs, state, refreshed=True)
        return Found(container["Id"], outputs, self.drifted(inputs, outputs))

    def update(self, call: Call, resource_id: str, state: dict[str, Any], inputs: dict[str, Any], changed: Difference) -> dict[str, Any]:
        """Change in place what Docker can change, and start the container if it isn't running."""
        stuck = sorted(name for name, prop in changed.properties.items() if prop.change is Change.STUCK)
        if stuck:
            raise DockerPluginError(
                f"container `{inputs['name']}`: Docker cannot change {', '.join(f'`{name}`' for name in stuck)} of a container that exists",
                next_step="let the program ask for a replacement: "
                f"ResourceOptions(replace_on_changes={stuck}, delete_before_replace=True);\nor once: pulumi up --replace '{call.urn}'",
            )
        container = life.inspect(call, resource_id)
        if container is None:
            raise DockerPluginError(
                f"container `{inputs['name']}` is gone: something else removed it", next_step="make it again with: pulumi up --refresh"
            )
        make.change(
            call, container, {name: inputs.get(name) for name, prop in changed.properties.items() if prop.change is Change.UPDATE}, inputs
        )
        logs = state.get("containerLogs")
        if inputs.get("start") and inputs.get("mustRun"):
            if not container["State"]["Running"]:
                life.start(call, container, inputs)
            logs = self._settle(call, resource_id, inputs) or logs
        return self._outputs(call, resource_id, inputs, {**state, "containerLogs": logs}, refreshed=False)

    def delete(self, call: Call, resource_id: str, state: dict[str, Any]) -> None:
        """Stop the container with its grace time, then remove it."""
        name = state.get("name", resource_id)
        container = life.inspect(call, resource_id)
        if container is None:
            return
        if container["State"]["Running"]:
            life.stop(call, resource_id, name, state.get("destroyGraceSeconds") or state.get("stopTimeout") or _DEFAULT_GRACE)
        make.remove(call, resource_id, name, volumes=state.get("removeVolumes") is not False)

    def _settle(self, call: Call, container_id: str, inputs: dict[str, Any]) -> str | None:
        """Wait for the program's condition; return the log if the container was attached to."""
        name = inputs["name"]
        try:
            if inputs.get("attach"):
                return make.attach(call, container_id, inputs)
            problem = None
            if inputs.get("wait"):
                problem = life.wait_healthy(call, container_id, name, call.timeout or inputs["waitTimeout"])
            elif inputs.get("mustRun"):
                problem = life.wait_running(call, container_id, name, inputs["containerReadRefreshTimeoutMilliseconds"] / 1000)
        except CancelledByUserError:
            problem = f"container `{name}` is not ready: the wait was interrupted"
        if problem is not None:
            raise NotReadyError(
                problem,
                resource_id=container_id,
                outputs=self._outputs(call, container_id, inputs, {}, refreshed=False),
                next_step=f"it stays as it is (docker logs {name}); fix the cause, then `pulumi up` continues from here",
            )
        return None

    def _outputs(self, call: Call, container_id: str, inputs: dict[str, Any], state: dict[str, Any], *, refreshed: bool) -> dict[str, Any]:
        container = life.inspect(call, container_id)
        if container is None:  # `rm`: it has ended already
            return {**state, **self.recorded(inputs, refreshed=refreshed), "id": container_id}
        image = find_image(call, container["Image"])
        with failing_as(f"container `{container_id[:12]}` could not be read"):
            actual = view.actual(container, image, inputs)
        if actual["memorySwap"] == -1 and not call.engine.limits_swap:
            actual["memorySwap"] = inputs.get("memorySwap", -1)
        outputs = self.shown(actual, inputs or _unread(state), refreshed=refreshed)
        if refreshed and not container["State"]["Running"] and outputs.get("mustRun") and outputs.get("start"):
            outputs["mustRun"] = False  # as the official plugin reports a stopped container; the difference makes `up` start it
        return {**outputs, **view.outputs_only(container), "containerLogs": state.get("containerLogs"), "id": container_id}

    def _imported(self, call: Call, outputs: dict[str, Any]) -> dict[str, Any]:
        """Return inputs without values from the image or from Docker."""
        inputs = self.importable(outputs)
        image = find_image(call, outputs["image"]) or {}
        inherited = create_inherited(image, outputs)
        return {name: value for name, value in inputs.items() if inherited.get(name) != value}


def _unread(state: dict[str, Any]) -> dict[str, Any]:
    return {prop.name: state.get(prop.name, prop.default) for prop in CONTAINER if prop.change is Change.RECORD}


def create_inherited(image: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a container that nobody asked for: from its image and from the engine."""
    config = image.get("Config") or {}
    return {
        "command": config.get("Cmd"),
        "entrypoints": config.get("Entrypoint"),
        "user": config.get("User"),
        "workingDir": config.get("WorkingDir"),
        "hostname": outputs["id"][:12],
        "stopSignal": config.get("StopSignal"),
        "platform": "linux",
        "ipcMode": "private",
        "runtime": "runc",
        "shmSize": 64,
        "logDriver": "json-file",
        "networkMode": "bridge" if outputs.get("networkMode") == "default" else None,
    }
