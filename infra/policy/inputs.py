"""What a policy reads of a resource: its inputs as plain values, which of them Pulumi knows as secret, and which it can't know yet.

`pulumi_policy` takes the marks of secrets away and ends a policy at the first value that is unknown, so that one unknown port would hide
a privileged container. `read` keeps both: see `keep_marks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pulumi_policy import deserialize, policy, proxy

Properties = Mapping[str, Any]


class Unknown(Enum):
    """A value that nobody knows before something else has been made.

    As a list or a mapping it has nothing in it that could be refused, and everything that is asked for.
    """

    VALUE = "unknown before it is made"

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __contains__(self, _: object) -> bool:
        return True

    def __getitem__(self, _: object) -> Unknown:
        return self

    def get(self, *_: object) -> Unknown:
        """Return what nobody knows either."""
        return self

    def items(self) -> tuple[()]:
        """Return nothing that could be refused."""
        return ()

    def values(self) -> tuple[()]:
        """Return nothing that could be refused."""
        return ()


UNKNOWN: Final = Unknown.VALUE


@dataclass(frozen=True, slots=True)
class Marked:
    """A value that the program or Pulumi made secret."""

    value: Any

    def __repr__(self) -> str:
        return "a secret"


def read(value: Any, _proxies: bool = False) -> Any:
    """Turn what the engine sends into plain values, with `UNKNOWN` and `Marked` among them."""
    if isinstance(value, list):
        return [read(each) for each in value]
    if isinstance(value, Mapping):
        if value.get(deserialize.SPECIAL_SIG_KEY) == deserialize.SPECIAL_SECRET_SIG:
            return Marked(read(value.get("value")))
        # The bridge's own note of which values it filled in.
        return {key: read(each) for key, each in value.items() if key != "__defaults"}
    return UNKNOWN if proxy._is_unknown(value) else value


def opened(value: Any) -> Any:
    """The same without marks: what rules about the values themselves look at."""
    if isinstance(value, Marked):
        return opened(value.value)
    if isinstance(value, Mapping):
        return {key: opened(each) for key, each in value.items()}
    return [opened(each) for each in value] if isinstance(value, list) else value


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value with its path, `healthcheck.tests[1]`. What is `Marked` is one value, however much is in it."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, f"{path}[{index}]")
    else:
        yield path, value


def keep_marks() -> None:
    """Let the policies of this process see what `read` sees. `pulumi_policy` has no setting for it."""
    replaced: Any = policy
    replaced.deserialize_properties = read
    replaced.unknown_checking_proxy = lambda properties: properties
