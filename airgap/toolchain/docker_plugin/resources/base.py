"""The common base of all resources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from airgap.toolchain.docker_plugin.checking import Failure
from airgap.toolchain.docker_plugin.context import Call
from airgap.toolchain.docker_plugin.diffing import Difference, adopt_computed
from airgap.toolchain.docker_plugin.properties import ABSENT, Property, ValueKind, fill, is_empty, same, visible
from airgap.toolchain.plugin.wire import UNKNOWN


@dataclass(frozen=True)
class Found:
    """A resource's present state."""

    id: str
    outputs: dict[str, Any]
    inputs: dict[str, Any]


class Resource(ABC):
    """One type of resource."""

    type: ClassVar[str]
    properties: ClassVar[tuple[Property, ...]]
    outputs: ClassVar[tuple[str, ...]]
    """Outputs that are not inputs, besides `id`."""
    autonamed: ClassVar[bool] = True
    """If the program gives no name, one is made from the resource's."""
    delete_first: ClassVar[bool] = False
    """A replacement always deletes before it creates; otherwise only if the name is fixed."""

    def check(self, inputs: dict[str, Any]) -> list[Failure]:
        """Return the problems of inputs that are valid separately (secrets opened)."""
        del inputs
        return []

    @abstractmethod
    def create(self, call: Call, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Make the resource, or take over one from an interrupted run; return its id and outputs."""

    @abstractmethod
    def read(self, call: Call, resource_id: str, inputs: dict[str, Any], state: dict[str, Any]) -> Found | None:
        """Return the resource's present state, or None if it's gone; without inputs it is being imported."""

    @abstractmethod
    def delete(self, call: Call, resource_id: str, state: dict[str, Any]) -> None:
        """Remove the resource; ignore a missing one."""

    def update(self, call: Call, resource_id: str, state: dict[str, Any], inputs: dict[str, Any], changed: Difference) -> dict[str, Any]:
        """Change the resource in place; return its outputs."""
        del call, changed
        return {**state, **self.recorded(inputs, refreshed=False), "id": resource_id}

    def preview(self, call: Call, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the outputs of creating it, as far as they can be known; nothing is made."""
        del call
        outputs = self.recorded(inputs, refreshed=False)
        chosen = {prop.name for prop in self.properties if prop.computed and not prop.silent and prop.name not in inputs}
        return {**outputs, **dict.fromkeys((*sorted(chosen), *self.outputs), UNKNOWN)}

    def recorded(self, inputs: dict[str, Any], *, refreshed: bool) -> dict[str, Any]:
        """Return the outputs that follow from the inputs alone."""
        return self.shown({}, inputs, refreshed=refreshed)

    def shown(self, actual: dict[str, Any], inputs: dict[str, Any], *, refreshed: bool) -> dict[str, Any]:
        """Return the outputs: Docker's values, in the program's own spelling if that means the same.

        A property that `actual` lacks can't be read from Docker, and keeps the program's value.
        """
        outputs: dict[str, Any] = {}
        for prop in self.properties:
            want, have = inputs.get(prop.name), actual.get(prop.name)
            if prop.name not in actual:
                value = want
            elif want is None:
                value = None if prop.silent or is_empty(have) or have == 0 else have
            else:
                if isinstance(want, list) and prop.fields:
                    want = adopt_computed(prop, have, want)
                value = want if same(prop, want, have) else have
            shown = fill(prop, _plain(value), refreshed=refreshed)
            if shown is not ABSENT:
                outputs[prop.name] = shown
        return outputs

    def drifted(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        """Return the inputs, with Docker's value for each one that differs."""
        result = dict(inputs)
        for prop in self.properties:
            want, have = inputs.get(prop.name), outputs.get(prop.name)
            if prop.name in inputs and want is not UNKNOWN:
                if isinstance(want, list) and prop.fields:
                    want = adopt_computed(prop, have, want)
                if not same(prop, want, have):
                    result[prop.name] = trimmed(prop, have)
        changed = {name for name in inputs if result[name] is not inputs[name]}
        result["__defaults"] = [name for name in inputs.get("__defaults", []) if name not in changed]
        return {name: value for name, value in result.items() if value is not None}

    def importable(self, outputs: dict[str, Any]) -> dict[str, Any]:
        """Return the inputs that would make the resource in its present state."""
        inputs: dict[str, Any] = {}
        for prop in self.properties:
            value = outputs.get(prop.name)
            if not is_empty(value) and value not in (False, 0) and not prop.unsupported:
                inputs[prop.name] = trimmed(prop, value)
        return inputs


def trimmed(prop: Property, value: Any) -> Any:
    """Return an output as an input: without empty properties."""
    if isinstance(value, dict) and prop.kind is ValueKind.OBJECT:
        return _trimmed_object(prop.fields, value)
    if isinstance(value, list) and prop.kind in (ValueKind.OBJECTS, ValueKind.OBJECT_SET):
        return [_trimmed_object(prop.fields, item) for item in value]
    return value


def _trimmed_object(fields: tuple[Property, ...], value: dict[str, Any]) -> dict[str, Any]:
    needed = {
        field.name: trimmed(field, value.get(field.name))
        for field in fields
        if field.required or not (is_empty(value.get(field.name)) or value.get(field.name) in (False, 0))
    }
    return {**needed, "__defaults": []}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in visible(value).items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
