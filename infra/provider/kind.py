"""A kind of resource: what is declared of it, and the five operations of the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airgap.toolchain.plugin.messages import Severity
from airgap.toolchain.plugin.urns import name_of, stack_of
from airgap.toolchain.plugin.wire import UNKNOWN, has_unknown
from core.container_commands import find_running
from infra.provider.declaration import DeclaredInput, Resource

if TYPE_CHECKING:
    from docker.models.containers import Container

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """The current request: its resource, and the engine's log."""

    urn: str
    log: Callable[[Severity, str], None]

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return name_of(self.urn)

    @property
    def stack(self) -> str:
        """The stack's name."""
        return stack_of(self.urn)

    def if_running(self, container: str, consequence: str, *, shown: str = "") -> Container | None:
        """The container, or None with a warning if it does not run: no reason to fail a refresh or a destroy."""
        running = find_running(container)
        if running is None:
            self.log(Severity.WARNING, f"{shown or f'container {container}'} does not run: {consequence}")
        return running


class PartialFailureError(Exception):
    """The cause stopped the operation after a first change: the engine keeps `outputs` and tries again at the next `up`."""

    def __init__(self, outputs: Values, cause: Exception) -> None:
        super().__init__(str(cause))
        self.outputs = outputs


class ResourceKind(ABC):
    """A kind of resource. Instances keep no state: the engine does.

    The methods get inputs that are checked, complete with defaults, and in plain text.
    """

    declared: ClassVar[type[Resource]]

    @property
    def name(self) -> str:
        """The kind's name: `christmas:index:NAME`."""
        return self.declared.__name__

    @property
    def inputs(self) -> Mapping[str, DeclaredInput]:
        """What it takes, by name."""
        return self.declared.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """What it gives."""
        return tuple(self.declared.outputs)

    def differences(self, state: Values, old: Values, new: Values) -> dict[str, str]:
        """Reasons for an update that no input shows: property to description. `state` is the last recorded outputs."""
        del old, new
        return {"drift": "what is there differs"} if state.get("drift") else {}

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:
        """The outputs that a preview can promise: by default the recorded ones, without drift."""
        del changed, inputs
        planned = {name: (state or {}).get(name, UNKNOWN) for name in self.outputs}
        if "drift" in planned:
            planned["drift"] = []
        return planned

    @abstractmethod
    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:
        """Make it, or take over an existing one; returns the id and the outputs."""

    @abstractmethod
    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:
        """Bring it to the inputs, whatever its state; returns the outputs."""

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:
        """The present outputs; None if it is gone."""
        del call, inputs
        return state

    def delete(self, call: Call, state: Values, inputs: Values) -> None:
        """Remove it; by default only the record is removed."""
        del call, state, inputs

    def check(self, inputs: Values) -> tuple[Values, list[str]]:
        """The inputs with defaults, and their problems. No message contains a value: it may be secret."""
        problems = [
            f"unknown input {name!r}; {self.name} takes {', '.join(sorted(self.inputs))}"
            for name in sorted(inputs.keys() - self.inputs.keys())
        ]
        checked: Values = {}
        for name, declared in self.inputs.items():
            value = inputs.get(name)
            if value is None:
                if declared.required:
                    problems.append(f"input {name!r} is missing")
                    continue
                value = declared.default
            if value is None:
                continue
            if not declared.shape.fits(value):
                problems.append(f"input {name!r} must be {declared.shape}")
            elif declared.rule and not has_unknown(value) and (wrong := declared.rule(value)):
                problems.append(f"input {name!r} {wrong}")
            checked[name] = value
        return checked, problems


class AssertedKind(ResourceKind):
    """A kind whose creation and update are one: what is there is brought to the inputs, whatever its state."""

    named_by: ClassVar[tuple[str, ...]] = ("name",)
    """The inputs that are the resource's id."""

    @abstractmethod
    def bring(self, call: Call, inputs: Values, state: Values, old: Values) -> Values:
        """Bring it to the inputs; returns the outputs. Recorded outputs and old inputs are empty at its creation."""

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        return "/".join(inputs[name] for name in self.named_by), self.bring(call, inputs, {}, {})

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        return self.bring(call, inputs, state, old)
