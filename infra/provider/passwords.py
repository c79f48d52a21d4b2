"""Random passwords."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping

from airgap.toolchain.plugin.wire import UNKNOWN
from infra.provider.declaration import Input, Output, Resource, gives, takes
from infra.provider.kind import Call, ResourceKind, Values

# Only letters and digits: safe in URLs, configuration files and every store's commands. 32 of them have 190 bits.
ALPHABET = string.ascii_letters + string.digits
MINIMUM_LENGTH = 16


def random_password(length: int) -> str:
    """A random password of that many letters and digits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def length_rule(value: int) -> str | None:
    """The problem of a password's length, or None."""
    return None if MINIMUM_LENGTH <= value <= 128 else f"must be from {MINIMUM_LENGTH} to 128"


class Password(Resource):
    """`length` random letters and digits, made once and kept in the state. A changed keeper or length makes a new one, in place."""

    length: Input[int] = takes(default=32, rule=length_rule)
    keepers: Input[Mapping[str, Input[str]]] | None = None
    result: Output[str] = gives(secret=True)


class PasswordKind(ResourceKind):
    """Makes it at random."""

    declared = Password

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        del state, changed, inputs
        return {"result": UNKNOWN}  # an update of a password is a new password

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        return call.name, {"result": random_password(inputs["length"])}

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        del call, state, old
        return {"result": random_password(inputs["length"])}
