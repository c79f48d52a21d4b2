"""Diff: changes between the recorded state and the new inputs, path by path, as the official plugin reports them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from airgap.toolchain.docker_plugin.properties import SETS, Change, Property, ValueKind, canonical, is_empty, same, visible
from airgap.toolchain.plugin.wire import UNKNOWN, has_unknown

_PLAIN_KEY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class Step(IntEnum):
    """Kinds of a property's difference, numbered as in Pulumi's `PropertyDiff.Kind`."""

    ADD = 0
    ADD_REPLACE = 1
    DELETE = 2
    DELETE_REPLACE = 3
    UPDATE = 4
    UPDATE_REPLACE = 5


@dataclass
class Difference:
    """All changes of one resource."""

    steps: dict[str, Step] = field(default_factory=dict)
    """By path: `labels[0].value`, `logOpts["max-size"]`."""
    properties: dict[str, Property] = field(default_factory=dict)
    """The changed top-level properties, by name."""

    @property
    def replaces(self) -> list[str]:
        """The properties that require a replacement."""
        return sorted(name for name, prop in self.properties.items() if prop.change is Change.REPLACE)


def difference(
    properties: tuple[Property, ...], state: dict[str, Any], inputs: dict[str, Any], ignored: list[str] | None = None
) -> Difference:
    """Compare the recorded outputs with the new inputs, both without secret wrappers."""
    changes = Difference()
    for prop in properties:
        old, new = state.get(prop.name), inputs.get(prop.name)
        if prop.name not in inputs and (prop.computed or (prop.computed_if and inputs.get(prop.computed_if))):
            continue
        steps = _compare(prop, prop.name, old, new)
        if prop.change is Change.REPLACE:
            steps = {path: Step(step + 1) for path, step in steps.items()}
        steps = {path: step for path, step in steps.items() if not _is_ignored(path, ignored or [])}
        if steps:
            changes.steps.update(steps)
            changes.properties[prop.name] = prop
    return changes


def _compare(prop: Property, path: str, old: Any, new: Any) -> dict[str, Step]:
    if new is UNKNOWN:
        return {path: Step.UPDATE}
    if isinstance(new, list) and new and prop.fields:
        new = adopt_computed(prop, old, new)
    if not has_unknown(new) and same(prop, old, new):
        return {}
    if is_empty(old):
        return {path: Step.ADD}
    if is_empty(new):
        return {path: Step.DELETE}
    if prop.whole:
        return {path: Step.UPDATE}
    if prop.kind is ValueKind.OBJECT:
        return _compare_fields(prop, path, old, new)
    if prop.kind is ValueKind.TEXT_MAP:
        return _compare_map(path, old, new)
    if prop.kind in (ValueKind.TEXTS, ValueKind.TEXT_SET, ValueKind.OBJECTS, ValueKind.OBJECT_SET):
        return _compare_elements(prop, path, old, new)
    return {path: Step.UPDATE}


def _compare_fields(prop: Property, path: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    for inner in prop.fields:
        if not (inner.computed and inner.name not in new):
            steps.update(_compare(inner, f"{path}.{inner.name}", old.get(inner.name), new.get(inner.name)))
    return steps


def _compare_map(path: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    for key in sorted({*visible(old), *visible(new)}):
        where = f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) else f'{path}["{key}"]'
        if key not in new:
            steps[where] = Step.DELETE
        elif key not in old:
            steps[where] = Step.ADD
        elif new[key] is UNKNOWN or str(old[key]) != str(new[key]):
            steps[where] = Step.UPDATE
    return steps


def _compare_elements(prop: Property, path: str, old: list[Any], new: list[Any]) -> dict[str, Step]:
    """Compare by position; in a set, only elements that the other side lacks count as changed."""
    old_at, new_at = dict(enumerate(old)), dict(enumerate(new))
    if prop.kind in SETS:
        spell = _speller(prop)
        old_spelled, new_spelled = [spell(item) for item in old], [spell(item) for item in new]
        old_at = {index: item for index, item in old_at.items() if old_spelled[index] not in new_spelled}
        new_at = {index: item for index, item in new_at.items() if new_spelled[index] not in old_spelled}
    steps: dict[str, Step] = {}
    for index in sorted({*old_at, *new_at}):
        where = f"{path}[{index}]"
        if index not in new_at:
            steps[where] = Step.DELETE
        elif index not in old_at:
            steps[where] = Step.ADD
        elif isinstance(old_at[index], dict) and isinstance(new_at[index], dict):
            steps.update(_compare_fields(prop, where, old_at[index], new_at[index]))
        elif new_at[index] is UNKNOWN or old_at[index] != new_at[index]:
            steps[where] = Step.UPDATE
    return steps


def _speller(prop: Property) -> Any:
    def spell(item: Any) -> Any:
        return item if has_unknown(item) else canonical(prop, [item])

    return spell


def adopt_computed(prop: Property, old: Any, new: list[Any]) -> list[Any]:
    """Return the new elements with Docker's choices for the old ones (a port's random external number) if none is requested."""
    free = [field.name for field in prop.fields if field.computed]
    fixed = tuple(field for field in prop.fields if not field.computed)
    known = [item for item in old or [] if isinstance(item, dict)]
    adopted = []
    for item in new:
        twin = item
        if isinstance(item, dict) and not has_unknown(item):
            key = [canonical(field, item.get(field.name)) for field in fixed]
            twin = next((entry for entry in known if [canonical(field, entry.get(field.name)) for field in fixed] == key), item)
            if twin is not item:
                known.remove(twin)
        missing = {name: twin.get(name) for name in free if item.get(name) is None} if isinstance(item, dict) else {}
        adopted.append({**item, **missing} if missing else item)
    return adopted


def _is_ignored(path: str, ignored: list[str]) -> bool:
    return any(path == item or path.startswith((f"{item}.", f"{item}[")) for item in ignored)
