"""The inputs of a resource as policies see them: plain values, with marks for secrets and for unknown values.

`pulumi_policy` removes the secret marks, and ends a policy at the first unknown value, so that one unknown port would hide
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
    """A value that is known only after another resource was created.

    As a list or mapping it has no forbidden entry and every required one.
    """

    VALUE = "unknown before it is made"

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __contains__(self, _: object) -> bool:
        return True

    def __getitem__(self, _: object) -> Unknown:
        return self

    def get(self, *_: object) -> Unknown:
        """Return an unknown value."""
        return self

    def items(self) -> tuple[()]:
        """Return no entry, so nothing is refused."""
        return ()

    def values(self) -> tuple[()]:
        """Return no entry, so nothing is refused."""
        return ()


UNKNOWN: Final = Unknown.VALUE


@dataclass(frozen=True, slots=True)
class Marked:
    """A value that the program or Pulumi marked as secret."""

    value: Any

    def __repr__(self) -> str:
        return "a secret"


def read(value: Any, _proxies: bool = False) -> Any:
    """Convert the engine's values into plain values, with `UNKNOWN` and `Marked` among them."""
    if isinstance(value, list):
        return [read(element) for element in value]
    if isinstance(value, Mapping):
        if value.get(deserialize.SPECIAL_SIG_KEY) == deserialize.SPECIAL_SECRET_SIG:
            return Marked(read(value.get("value")))
        # The bridge's list of defaults that it filled in.
        return {key: read(item) for key, item in value.items() if key != "__defaults"}
    return UNKNOWN if proxy._is_unknown(value) else value


def opened(value: Any) -> Any:
    """The values without marks, for rules about the values themselves."""
    if isinstance(value, Marked):
        return opened(value.value)
    if isinstance(value, Mapping):
        return {key: opened(item) for key, item in value.items()}
    return [opened(element) for element in value] if isinstance(value, list) else value


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value with its path, `healthcheck.tests[1]`. A `Marked` value counts as one."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from leaves(element, f"{path}[{index}]")
    else:
        yield path, value


def keep_marks() -> None:
    """Make this process's policies use `read`. `pulumi_policy` has no setting for it."""
    replaced: Any = policy
    replaced.deserialize_properties = read
    replaced.unknown_checking_proxy = lambda properties: properties
