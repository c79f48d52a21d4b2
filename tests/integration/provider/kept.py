"""A resource without the engine: its kind, its inputs and the state that the engine would keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from infra.provider.kind import Call, ResourceKind
from infra.provider.registry import kind_of
from infra.provider.server import differences


@dataclass
class Kept:
    """Does with a kind what `up`, `refresh` and `destroy` do, and keeps what was logged."""

    kind_name: str
    inputs: dict[str, Any]
    state: dict[str, Any] | None = None
    logged: list[str] = field(default_factory=list)
    stack: str = "scratch"
    recorded: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> ResourceKind:
        kind = kind_of(f"christmas:index:{self.kind_name}")
        assert kind is not None
        return kind

    @property
    def call(self) -> Call:
        urn = f"urn:pulumi:{self.stack}::christmas::christmas:index:{self.kind_name}::{self.kind_name.lower()}"
        return Call(urn, lambda severity, message: self.logged.append(f"{severity}: {message}"))

    def up(self) -> dict[str, Any]:
        """Create, or update where the engine would; the outputs."""
        checked, problems = self.kind.check(self.inputs)
        assert problems == []
        if self.state is None:
            _, self.state = self.kind.create(self.call, checked)
        elif self.pending():
            self.state = self.kind.update(self.call, self.state, self.recorded, checked)
        self.recorded = checked
        assert set(self.state) == set(self.kind.outputs)
        return self.state

    def pending(self) -> set[str]:
        """The properties for which the engine would update."""
        return set(differences(self.kind, self.state or {}, self.recorded, self.kind.check(self.inputs)[0]))

    def refresh(self) -> list[str] | None:
        """What a refresh finds; None where the resource is gone."""
        assert self.state is not None
        self.state = self.kind.read(self.call, self.state, self.recorded)
        return None if self.state is None else list(self.state.get("drift", []))

    def destroy(self) -> None:
        assert self.state is not None
        self.kind.delete(self.call, self.state, self.recorded)
        self.state = None
