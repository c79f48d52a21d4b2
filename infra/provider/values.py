"""Property values between the engine's protobuf structs and plain Python.

A property with a secret at any depth is secret as a whole: the kinds of this provider work with plain values, and
the names of secret properties are kept beside them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf import struct_pb2

# The marks on the wire, the same in every SDK: sdk/proto and pulumi/runtime/rpc.py.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the mark of a secret, not one
_UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class _Unknown:
    """A value that is known only after another resource was created; occurs in previews."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


@dataclass(frozen=True, slots=True)
class Properties:
    """Property values in plain text, and the names of the secret ones."""

    values: dict[str, Any] = field(repr=False)
    secrets: frozenset[str] = frozenset()


def decode(message: struct_pb2.Struct) -> Properties:
    """The message's properties; whole numbers become int."""
    secrets: set[str] = set()
    values = {name: _decode(value, secrets, name) for name, value in message.fields.items()}
    return Properties(values, frozenset(secrets))


def _decode(value: struct_pb2.Value, secrets: set[str], name: str) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value == _UNKNOWN_TEXT else value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_decode(item, secrets, name) for item in value.list_value.values]
        case "struct_value":
            fields = value.struct_value.fields
            if _SIGNATURE in fields:
                if fields[_SIGNATURE].string_value != _SECRET:
                    raise ValueError(f"property {name}: this provider does not support assets, archives and resources")
                secrets.add(name)
                return _decode(fields["value"], secrets, name)
            return {key: _decode(item, secrets, name) for key, item in fields.items()}
    return None


def encode(values: Mapping[str, Any], secrets: Collection[str] = ()) -> struct_pb2.Struct:
    """The reverse of `decode`."""
    message = struct_pb2.Struct()
    for name, value in values.items():
        marked = {_SIGNATURE: _SECRET, "value": value} if name in secrets and value is not None else value
        message.fields[name].CopyFrom(_encode(marked))
    return message


def _encode(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if value is UNKNOWN:
        return struct_pb2.Value(string_value=_UNKNOWN_TEXT)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=encode(value))
    return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_encode(item) for item in value]))


def has_unknown(value: Any) -> bool:
    """Whether a value contains an unknown, at any depth."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN
