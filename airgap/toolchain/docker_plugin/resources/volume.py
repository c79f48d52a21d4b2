"""Volumes. Data is never lost: an existing one is taken over, and one in use is never removed."""

from __future__ import annotations

from typing import Any, ClassVar

from airgap.toolchain.docker_plugin.codecs import LABELS
from airgap.toolchain.docker_plugin.context import Call
from airgap.toolchain.docker_plugin.engine import explanation, failing_as
from airgap.toolchain.docker_plugin.errors import DockerPluginError
from airgap.toolchain.docker_plugin.resources.base import Found, Resource
from airgap.toolchain.docker_plugin.tables.volume import VOLUME


class Volume(Resource):
    """`docker:index/volume:Volume`; its id is its name."""

    type: ClassVar[str] = "docker:index/volume:Volume"
    properties = VOLUME
    outputs: ClassVar[tuple[str, ...]] = ("mountpoint",)

    def create(self, call: Call, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Make the volume, or take over an existing one with its data."""
        name = inputs["name"]
        labels = LABELS.encode(inputs.get("labels") or [])
        existing = _inspect(call, name)
        if existing is not None:
            _refuse_other_kind(existing, inputs)
            if (existing.get("Labels") or {}) != labels:
                call.warn(
                    f"volume `{name}` exists already: it is taken over with the data in it, and keeps the labels it was made with, "
                    "as Docker cannot change them"
                )
            volume = existing
        else:
            with failing_as(f"volume `{name}` could not be created"):
                volume = dict(
                    call.engine.client.create_volume(
                        name, driver=inputs.get("driver") or "local", driver_opts=inputs.get("driverOpts") or {}, labels=labels
                    )
                )
        return name, self._outputs(volume, inputs, refreshed=False)

    def read(self, call: Call, resource_id: str, inputs: dict[str, Any], state: dict[str, Any]) -> Found | None:
        """Return the volume as it is."""
        volume = _inspect(call, resource_id)
        if volume is None:
            return None
        if not inputs:
            outputs = self._outputs(volume, {}, refreshed=True)
            outputs["labels"] = LABELS.decode(volume.get("Labels"))
            return Found(resource_id, outputs, self.importable(outputs))
        if state and LABELS.encode(state.get("labels") or []) != (volume.get("Labels") or {}):
            call.warn(
                f"volume `{resource_id}` has other labels than recorded. Docker cannot change a volume's labels, and replacing it "
                "would delete its data, so it stays as it is"
            )
        outputs = self._outputs(volume, {**inputs, "labels": state.get("labels", inputs.get("labels"))}, refreshed=True)
        return Found(resource_id, outputs, self.drifted(inputs, outputs))

    def delete(self, call: Call, resource_id: str, state: dict[str, Any]) -> None:
        """Remove the volume, unless a container uses it."""
        from docker.errors import APIError, NotFound

        del state

        with failing_as(f"volume `{resource_id}` could not be removed"):
            try:
                call.engine.client.remove_volume(resource_id)
            except NotFound:
                return
            except APIError as error:
                if error.status_code != 409:
                    raise
                users = call.engine.client.containers(all=True, filters={"volume": resource_id})
                names = ", ".join(f"`{item['Names'][0].lstrip('/')}`" for item in users if item.get("Names")) or explanation(error)
                raise DockerPluginError(
                    f"volume `{resource_id}` is still used by {names}, so it was not removed",
                    next_step="remove the containers that use it (docker rm -f NAME), then run this again",
                ) from None

    def _outputs(self, volume: dict[str, Any], inputs: dict[str, Any], *, refreshed: bool) -> dict[str, Any]:
        actual = {"name": volume["Name"], "driver": volume.get("Driver"), "driverOpts": volume.get("Options")}
        return {**self.shown(actual, inputs, refreshed=refreshed), "mountpoint": volume.get("Mountpoint"), "id": volume["Name"]}


def _inspect(call: Call, name: str) -> dict[str, Any] | None:
    from docker.errors import NotFound

    with failing_as(f"volume `{name}` could not be looked up"):
        try:
            return dict(call.engine.client.inspect_volume(name))
        except NotFound:
            return None


def _refuse_other_kind(existing: dict[str, Any], inputs: dict[str, Any]) -> None:
    name = inputs["name"]
    requested = {"driver": inputs.get("driver") or "local", "options": inputs.get("driverOpts") or {}}
    present = {"driver": existing.get("Driver"), "options": existing.get("Options") or {}}
    if requested != present:
        raise DockerPluginError(
            f"a volume named `{name}` exists already, but of another kind: driver {present['driver']} with options {present['options']}, "
            f"where driver {requested['driver']} with options {requested['options']} is asked for",
            next_step=f"keep its data elsewhere and remove it (docker volume rm {name}), or give this one another name",
        )
