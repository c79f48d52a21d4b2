"""A kind of resource: its inputs, its outputs, and the five operations of the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from airgap.toolchain.plugin.messages import Severity
from airgap.toolchain.plugin.urns import name_of, stack_of
from airgap.toolchain.plugin.wire import UNKNOWN, has_unknown

Values = dict[str, Any]


class Shape(StrEnum):
    """The shapes of an input."""

    TEXT = "a string"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    TEXTS = "a list of strings"
    TEXT_MAP = "a map of strings"
    INTEGER_MAP = "a map of whole numbers"
    RECORD = "an object"
    RECORDS = "a list of objects"

    def fits(self, value: Any) -> bool:
        """Whether the value has this shape; unknown parts always fit."""
        if value is UNKNOWN:
            return True
        match self:
            case Shape.TEXT:
                return isinstance(value, str)
            case Shape.INTEGER:
                return isinstance(value, int) and not isinstance(value, bool)
            case Shape.NUMBER:
                return isinstance(value, int | float) and not isinstance(value, bool)
            case Shape.BOOLEAN:
                return isinstance(value, bool)
            case Shape.TEXTS:
                return isinstance(value, list) and all(Shape.TEXT.fits(item) for item in value)
            case Shape.TEXT_MAP:
                return isinstance(value, dict) and all(Shape.TEXT.fits(item) for item in value.values())
            case Shape.INTEGER_MAP:
                return isinstance(value, dict) and all(Shape.INTEGER.fits(item) for item in value.values())
            case Shape.RECORD:
                return isinstance(value, dict)
            case Shape.RECORDS:
                return isinstance(value, list) and all(item is UNKNOWN or isinstance(item, dict) for item in value)


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `default` fills it in if `required` is false; `rule` returns the problem of a value, or None."""

    shape: Shape
    required: bool = True
    default: Any = None
    secret: bool = False
    replaces: bool = False
    rule: Callable[[Any], str | None] | None = None


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


class PartialFailureError(Exception):
    """The cause stopped the operation after a first change: the engine keeps `outputs` and tries again at the next `up`."""

    def __init__(self, outputs: Values, cause: Exception) -> None:
        super().__init__(str(cause))
        self.outputs = outputs


class ResourceKind(ABC):
    """A kind of resource. Instances keep no state: the engine does.

    The methods get inputs that are checked, complete with defaults, and in plain text.
    """

    inputs: ClassVar[Mapping[str, Input]]
    outputs: ClassVar[tuple[str, ...]] = ()
    secret_outputs: ClassVar[frozenset[str]] = frozenset()

    @property
    def name(self) -> str:
        """The kind's name: `christmas:index:NAME`."""
        return type(self).__name__

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
