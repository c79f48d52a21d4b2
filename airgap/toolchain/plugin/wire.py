"""Property values between protobuf's `Struct` and Python.

On the wire a secret and an unknown value are marked by Pulumi's fixed signatures (`pulumi.runtime.rpc`).
Here a secret is a `Secret` around its value and an unknown value is `UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf import struct_pb2

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the public mark of a secret, not one
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWNS = {
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # text, or a property of unknown kind
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
}


class _Unknown:
    """A value that exists only after another resource was created."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must stay secret in the state; its repr hides it."""

    value: Any = field(repr=False)


def decode(message: struct_pb2.Struct) -> dict[str, Any]:
    """Return the message's properties; numbers that are whole become `int`."""
    return {key: _decode(value) for key, value in message.fields.items()}


def _decode(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
    if kind == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _decode_object(value.struct_value)
    return None


def _decode_object(message: struct_pb2.Struct) -> Any:
    fields = message.fields
    signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
    if signature == _SECRET:
        inner = _decode(fields["value"])
        return inner if isinstance(inner, Secret) else Secret(inner)
    if signature == _OUTPUT:
        inner = _decode(fields["value"]) if "value" in fields else UNKNOWN
        return Secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
    return decode(message)


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return the properties as a message; the reverse of `decode`."""
    message = struct_pb2.Struct()
    for key, value in properties.items():
        message.fields[key].CopyFrom(_encode(value))
    return message


def _encode(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if value is UNKNOWN:
        return struct_pb2.Value(string_value="04da6b54-80e4-46f7-96ec-b56ff0331ba9")
    if isinstance(value, Secret):
        return struct_pb2.Value(struct_value=encode({_SIGNATURE: _SECRET, "value": value.value}))
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, dict):
        return struct_pb2.Value(struct_value=encode(value))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_encode(item) for item in value]))
    raise TypeError(f"a {type(value).__name__} can't be a property value")


def reveal(value: Any) -> Any:
    """Return the value with all its secrets opened."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def has_secret(value: Any) -> bool:
    """Whether a secret is in the value, at any depth."""
    if isinstance(value, Secret):
        return True
    if isinstance(value, dict):
        return any(has_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(has_secret(item) for item in value)
    return False


def has_unknown(value: Any) -> bool:
    """Whether an unknown value is in the value, at any depth."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return False


def secret_texts(value: Any, *, inside: bool = False) -> Iterator[str]:
    """Yield every text inside the value's secrets, so that messages can be kept free of them."""
    if isinstance(value, Secret):
        yield from secret_texts(value.value, inside=True)
    elif isinstance(value, dict):
        for item in value.values():
            yield from secret_texts(item, inside=inside)
    elif isinstance(value, list):
        for item in value:
            yield from secret_texts(item, inside=inside)
    elif inside and isinstance(value, str) and value:
        yield value


def secret_names(properties: Mapping[str, Any]) -> set[str]:
    """The properties that contain a secret."""
    return {name for name, value in properties.items() if has_secret(value)}


def marked(properties: Mapping[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """Return the properties, those with these names as secrets."""
    return {name: Secret(value) if name in secrets and value is not None else value for name, value in properties.items()}


def keep_secret(outputs: Mapping[str, Any], *sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs; a property is secret if it contained a secret in one of the sources (inputs, or an earlier state)."""
    return marked(outputs, set().union(*(secret_names(source) for source in sources)))
