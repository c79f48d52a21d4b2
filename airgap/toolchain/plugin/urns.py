"""The parts of a resource's URN: `urn:pulumi:STACK::PROJECT::PARENTS$TYPE::NAME`."""

from __future__ import annotations


def stack_of(urn: str) -> str:
    """The stack's name."""
    return urn.removeprefix("urn:pulumi:").split("::", 1)[0]


def type_of(urn: str) -> str:
    """The type without those of its parents, such as `docker:index/container:Container`."""
    return urn.split("::")[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    """The resource's name in the program."""
    return urn.split("::", 3)[3]
