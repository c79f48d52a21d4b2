"""Check: adds the defaults to the inputs, and reports every problem with them."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from airgap.toolchain.docker_plugin.properties import Property, ValueKind
from airgap.toolchain.plugin.wire import UNKNOWN, Secret, reveal


@dataclass(frozen=True)
class Failure:
    """A problem with one input."""

    path: str
    """The input's path: `healthcheck.interval`, `ports[0].internal`."""
    reason: str


def check(properties: tuple[Property, ...], news: dict[str, Any]) -> tuple[dict[str, Any], list[Failure]]:
    """Return the inputs with defaults added and listed under `__defaults`, and their problems.

    Secrets stay wrapped and unknown values stay unknown.
    """
    failures: list[Failure] = []
    return _check_object(properties, news, "", failures), failures


def _check_object(properties: tuple[Property, ...], values: dict[str, Any], path: str, failures: list[Failure]) -> dict[str, Any]:
    known = {prop.name: prop for prop in properties}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name.startswith("__") or value is None:
            continue
        where = f"{path}.{name}" if path else name
        prop = known.get(name)
        if prop is None:
            failures.append(Failure(where, _unknown(name, where, known)))
        elif prop.unsupported:
            failures.append(Failure(where, f"`{where}` is not supported here: {prop.unsupported}"))
        else:
            checked[name] = _check_value(prop, value, where, failures)
    for prop in properties:
        if prop.required and prop.name not in checked:
            where = f"{path}.{prop.name}" if path else prop.name
            failures.append(Failure(where, f"`{where}` is missing"))
    defaults = [prop.name for prop in properties if prop.default is not None and prop.name not in checked]
    checked.update({name: known[name].default for name in defaults})
    checked["__defaults"] = sorted(defaults)
    return checked


def _check_value(prop: Property, value: Any, where: str, failures: list[Failure]) -> Any:
    if isinstance(value, Secret):
        return Secret(_check_value(prop, value.value, where, failures))
    if value is UNKNOWN:
        return value
    if prop.kind is ValueKind.OBJECT and isinstance(value, dict):
        return _check_object(prop.fields, value, where, failures)
    if prop.kind in (ValueKind.OBJECTS, ValueKind.OBJECT_SET) and isinstance(value, list):
        return [_check_element(prop, item, f"{where}[{index}]", failures) for index, item in enumerate(value)]
    plain = _as_kind(prop.kind, value)
    if plain is None:
        failures.append(Failure(where, f"`{where}` must be {prop.kind.value.strip()}, but is {_kind_of(value)}"))
        return value
    shown = reveal(plain)
    problem = prop.refuse(shown) if prop.refuse is not None and UNKNOWN not in (shown if isinstance(shown, list) else [shown]) else None
    if problem is not None:
        failures.append(Failure(where, f"`{where}` {problem}"))
    return plain


def _check_element(prop: Property, value: Any, where: str, failures: list[Failure]) -> Any:
    if isinstance(value, Secret):
        return Secret(_check_element(prop, value.value, where, failures))
    if value is UNKNOWN:
        return value
    if not isinstance(value, dict):
        failures.append(Failure(where, f"`{where}` must be an object, but is {_kind_of(value)}"))
        return value
    return _check_object(prop.fields, value, where, failures)


def _as_kind(kind: ValueKind, value: Any) -> Any:
    """Return the value in the form of this kind, or None if that is impossible."""
    if kind is ValueKind.TEXT:
        return _text(value)
    if kind is ValueKind.NUMBER:
        if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            return int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    if kind is ValueKind.SWITCH:
        return value if isinstance(value, bool) else {"true": True, "false": False}.get(value) if isinstance(value, str) else None
    if kind is ValueKind.TEXT_MAP:
        if not isinstance(value, dict):
            return None
        texts = {key: _inner_text(item) for key, item in value.items() if item is not None}
        return None if any(item is None for item in texts.values()) else texts
    if kind in (ValueKind.TEXTS, ValueKind.TEXT_SET) and isinstance(value, list):
        words = [_inner_text("" if item is None else item) for item in value]
        return None if any(item is None for item in words) else words
    return None


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value if isinstance(value, str) else None


def _inner_text(value: Any) -> Any:
    if value is UNKNOWN:
        return value
    if isinstance(value, Secret):
        inner = _inner_text(value.value)
        return None if inner is None else Secret(inner)
    return _text(value)


def _kind_of(value: Any) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a fraction", str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "something else")


def _unknown(name: str, where: str, known: dict[str, Property]) -> str:
    camel = re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)
    by_case = {candidate.lower(): candidate for candidate in known}
    close = by_case.get(camel.lower()) or next(iter(difflib.get_close_matches(camel, known, n=1, cutoff=0.6)), None)
    hint = f"; did you mean `{close}`?" if close else f"; it knows {', '.join(sorted(known))}"
    return f"unknown property `{where}`{hint}"
