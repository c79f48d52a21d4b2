"""Encodes values of keyspaces for Redis and decodes them: typed by the blueprint, refused if they don't fit it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from christmas.blueprint.keyspace_model import FieldType, Keyspace, ValueType

Raw = str | dict[str, str]
"""A value from redis-py with `decode_responses`: the text of a string, or a hash's fields."""

_SURROGATE = re.compile("[\ud800-\udfff]")
"""The lone surrogates that stand for bytes outside UTF-8."""


class ValueRefused(ValueError):  # noqa: N818 - named for what happened, as the blueprint's users read it
    """A value does not fit its keyspace; the message names keyspace, field and rule, never the value."""


def encode(keyspace: Keyspace, values: Mapping[str, Any]) -> Raw:
    """The value for Redis: a dict of text for a hash, else one text.

    Raises ValueRefused for a missing, unknown or ill-typed field, and for a value over the keyspace's size bound.
    """
    _check_names(keyspace, values)
    if keyspace.encoding == "json":
        for name, value in values.items():
            _to_json(keyspace, name, value)
        raw: Raw = json.dumps(dict(values), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    elif keyspace.encoding == "integer":
        (name,) = (field.name for field in keyspace.fields)
        raw = _to_text(keyspace, name, values[name])
    else:
        raw = {name: _to_text(keyspace, name, value) for name, value in values.items()}
    if size(raw) > keyspace.max_bytes:
        raise ValueRefused(f"keyspace {keyspace.name}: a value of {size(raw)} bytes is over its bound of {keyspace.max_bytes}")
    return raw


def decode(keyspace: Keyspace, raw: Raw) -> dict[str, Any]:
    """The typed fields of a stored value: int, Decimal, aware datetime, list of str, or JSON values.

    Raises ValueRefused for a value that `encode` could not have written.
    """
    if isinstance(raw, dict) != (keyspace.value_type is ValueType.HASH):
        raise ValueRefused(f"keyspace {keyspace.name}: expected a {keyspace.value_type}")
    if any(map(_SURROGATE.search, [raw] if isinstance(raw, str) else [*raw, *raw.values()])):
        raise ValueRefused(f"keyspace {keyspace.name}: not UTF-8")
    if isinstance(raw, dict):
        _check_names(keyspace, raw)
        return {name: _from_text(keyspace, name, text) for name, text in raw.items()}
    if keyspace.encoding == "integer":
        (name,) = (field.name for field in keyspace.fields)
        return {name: _from_text(keyspace, name, raw)}
    try:
        values = json.loads(raw)
    except ValueError:
        raise ValueRefused(f"keyspace {keyspace.name}: not JSON") from None
    if not isinstance(values, dict):
        raise ValueRefused(f"keyspace {keyspace.name}: not a JSON object")
    _check_names(keyspace, values)
    for name, value in values.items():
        _to_json(keyspace, name, value)
    return values


def size(raw: Raw) -> int:
    """Bytes of a value: names and contents, without Redis' overhead."""
    if isinstance(raw, str):
        return len(raw.encode())
    return sum(len(name.encode()) + len(text.encode()) for name, text in raw.items())


def fault(keyspace: Keyspace, raw: Raw) -> str | None:
    """Why a stored value does not fit its keyspace's declaration, or None if it does."""
    try:
        decode(keyspace, raw)
    except ValueRefused as refused:
        return str(refused)
    if size(raw) > keyspace.max_bytes:
        return f"keyspace {keyspace.name}: {size(raw)} bytes, over its bound of {keyspace.max_bytes}"
    return None


def _check_names(keyspace: Keyspace, values: Mapping[str, Any]) -> None:
    declared = {field.name for field in keyspace.fields}
    missing = sorted(field.name for field in keyspace.fields if field.required and field.name not in values)
    if missing:
        raise ValueRefused(f"keyspace {keyspace.name}: lacks {', '.join(missing)}")
    unknown = sorted(str(name)[:40] for name in values if name not in declared)
    if unknown and keyspace.extra_fields is None:
        raise ValueRefused(f"keyspace {keyspace.name}: does not declare {', '.join(unknown)}")


def _type_of(keyspace: Keyspace, name: str) -> FieldType:
    declared = next((field.type for field in keyspace.fields if field.name == name), keyspace.extra_fields)
    return declared or FieldType.TEXT


def _refuse(keyspace: Keyspace, name: str, kind: FieldType) -> ValueRefused:
    return ValueRefused(f"keyspace {keyspace.name}: field {name[:40]} is not {kind.value}")


def _to_json(keyspace: Keyspace, name: str, value: object) -> None:
    """Check a member of a JSON object against its declared type."""
    kind = _type_of(keyspace, name)
    good = {FieldType.TEXT: str, FieldType.INTEGER: int, FieldType.TEXT_LIST: list}.get(kind, object)
    if not isinstance(value, good) or (kind is FieldType.INTEGER and isinstance(value, bool)):
        raise _refuse(keyspace, name, kind)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise _refuse(keyspace, name, FieldType.JSON) from None


def _to_text(keyspace: Keyspace, name: str, value: object) -> str:
    kind = _type_of(keyspace, name)
    match kind:
        case FieldType.TEXT if isinstance(value, str):
            return value
        case FieldType.INTEGER if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        case FieldType.DECIMAL if isinstance(value, Decimal) and value.is_finite():
            return format(value, "f")
        case FieldType.TIMESTAMP if isinstance(value, datetime) and value.tzinfo is not None:
            return value.isoformat()
        case FieldType.TEXT_LIST if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return json.dumps(list(value), ensure_ascii=False, separators=(",", ":"))
        case FieldType.JSON:
            try:
                return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
            except (TypeError, ValueError, RecursionError):
                raise _refuse(keyspace, name, kind) from None
    raise _refuse(keyspace, name, kind)


def _from_text(keyspace: Keyspace, name: str, text: str) -> Any:
    kind = _type_of(keyspace, name)
    try:
        match kind:
            case FieldType.INTEGER:
                return int(text)
            case FieldType.DECIMAL:
                number = Decimal(text)
                if not math.isfinite(number):
                    raise _refuse(keyspace, name, kind)
                return number
            case FieldType.TIMESTAMP:
                moment = datetime.fromisoformat(text)
                if moment.tzinfo is None:
                    raise _refuse(keyspace, name, kind)
                return moment
            case FieldType.TEXT_LIST:
                items = json.loads(text)
                if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
                    raise _refuse(keyspace, name, kind)
                return items
            case FieldType.JSON:
                return json.loads(text)
            case _:
                return text
    except (ValueError, InvalidOperation, RecursionError):
        raise _refuse(keyspace, name, kind) from None
