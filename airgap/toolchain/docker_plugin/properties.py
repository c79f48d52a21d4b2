"""The classes for declaring a resource's properties in `tables`, and the equality of values in different spellings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any


class ValueKind(Enum):
    """The shape of a property's value."""

    TEXT = "text"
    NUMBER = "a whole number"
    SWITCH = "true or false"
    TEXTS = "a list of texts"
    """In this order: a command's words."""
    TEXT_SET = "a list of texts "
    """In any order: capabilities."""
    TEXT_MAP = "a map from text to text"
    OBJECT = "an object"
    OBJECTS = "a list of objects"
    """In this order: ports."""
    OBJECT_SET = "a list of objects "
    """In any order: labels."""


SETS = (ValueKind.TEXT_SET, ValueKind.OBJECT_SET)
_ZERO: dict[ValueKind, Any] = {ValueKind.TEXT: "", ValueKind.NUMBER: 0, ValueKind.SWITCH: False}


class Change(Enum):
    """The effect of a changed value on the existing resource."""

    REPLACE = "delete it, then create it anew"
    UPDATE = "Docker changes it in place"
    RECORD = "only this plugin's behaviour depends on it"
    STUCK = "the official plugin calls it an update, but Docker cannot change it in place"


@dataclass(frozen=True)
class Codec:
    """How a value is written to and read from Docker's API."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


AS_IS = Codec(lambda value: value, lambda value: value)


@dataclass(frozen=True)
class Property:
    """One property of a resource, with everything that check, diff, create and read need."""

    name: str
    kind: ValueKind
    change: Change = Change.REPLACE
    required: bool = False
    default: Any = None
    """The default that check adds to the inputs and lists under `__defaults`."""
    computed: bool = False
    """If the program gives none, any value that Docker chose is right."""
    computed_if: str = ""
    """Like `computed`, if this other input is true."""
    silent: bool = False
    """If the program gives none, Docker's choice is not reported."""
    place: str = ""
    """Its place in the container API: `Config.User`; empty if the resource's own code handles it."""
    codec: Codec = AS_IS
    fields: tuple[Property, ...] = ()
    """The properties of an object."""
    whole: bool = False
    """A difference anywhere inside is reported on the property itself."""
    created: Any = None
    """The output after create if neither program nor Docker gives a value; the official plugin is inconsistent here."""
    refreshed: Any = None
    """The same after read."""
    refuse: Callable[[Any], str | None] | None = None
    """Return the problem of a value, or None."""
    canonical: Callable[[Any], Any] | None = None
    """Return the canonical spelling of a value."""
    api: str = ""
    """The first version of Docker's API with it."""
    unsupported: str = ""
    """Why this plugin does not support it, and what to do instead."""

    def field(self, name: str) -> Property | None:
        """Return the object's property of this name."""
        return next((item for item in self.fields if item.name == name), None)

    def empty(self, *, refreshed: bool) -> Any:
        """Return the output for an unknown value."""
        return self.refreshed if refreshed else self.created


def is_empty(value: Any) -> bool:
    """Whether the value means the same as its absence: nothing, or an empty list or map."""
    return value is None or value in ([], {}, "")


def visible(value: dict[str, Any]) -> dict[str, Any]:
    """Return the object without the entries of Pulumi's bridge (`__defaults`, `__meta`)."""
    return {key: item for key, item in value.items() if not key.startswith("__")}


def canonical(prop: Property, value: Any) -> Any:
    """Return the value in the canonical spelling."""
    if prop.kind in _ZERO:
        plain = _ZERO[prop.kind] if value is None else value
        if is_empty(plain) and prop.default is not None:
            plain = prop.default
    elif prop.kind in (ValueKind.TEXTS, ValueKind.TEXT_SET):
        plain = list(value or [])
    elif prop.kind is ValueKind.TEXT_MAP:
        plain = {key: str(item) for key, item in (value or {}).items()}
    elif prop.kind is ValueKind.OBJECT:
        plain = canonical_object(prop.fields, value) if value else None
    else:
        plain = [canonical_object(prop.fields, item) for item in value or []]
    if prop.canonical is not None and plain is not None:
        plain = prop.canonical(plain)
    return sorted(plain, key=_order) if prop.kind in SETS else plain


def canonical_object(fields: tuple[Property, ...], value: dict[str, Any]) -> dict[str, Any]:
    """Return an object with every property in its canonical spelling."""
    return {field.name: canonical(field, value.get(field.name)) for field in fields}


def same(prop: Property, one: Any, other: Any) -> bool:
    """Whether two values of the property mean the same."""
    return bool(canonical(prop, one) == canonical(prop, other))


def fill(prop: Property, value: Any, *, refreshed: bool) -> Any:
    """Return the value as the official plugin outputs it: objects with every property, given or not."""
    if value is None:
        return prop.empty(refreshed=refreshed)
    if prop.kind is ValueKind.OBJECT:
        return fill_object(prop.fields, value, refreshed=refreshed)
    if prop.kind in (ValueKind.OBJECTS, ValueKind.OBJECT_SET):
        return [fill_object(prop.fields, item, refreshed=refreshed) for item in value]
    return value


def fill_object(fields: tuple[Property, ...], value: dict[str, Any], *, refreshed: bool) -> dict[str, Any]:
    """Return an object with every property, given or not."""
    filled = {field.name: fill(field, value.get(field.name), refreshed=refreshed) for field in fields}
    return {name: item for name, item in filled.items() if item is not ABSENT}


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()
"""As a property's `created` or `refreshed`: it is left out of the outputs."""


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
