"""Keeps the rules from where Redis' accounts log in equal in the running server (docs/adr/0014)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airgap.toolchain.plugin.messages import Severity
from core.container_commands import running
from core.errors import PlatformError
from infra.provider.address_rules import MODULE, SETTING
from infra.provider.declaration import Input, InServer, Output, gives, takes
from infra.provider.kind import AssertedKind, Call, Values
from infra.provider.redis_user import ADMIN_PASSWORD_FILE, ask_as_admin

if TYPE_CHECKING:
    from docker.models.containers import Container


def _plain(rules: str) -> str | None:
    return "has a quotation mark, a backslash or a line break, which no rule has" if set(rules) & set('"\\\n\r') else None


class RedisAddresses(InServer):
    """`rules` of `address_rules` in the running server. An image of others may be without the module: then it is not `required`."""

    rules: Input[str] = takes(rule=_plain)
    required: Input[bool] = True
    admin_password_file: Input[str] = ADMIN_PASSWORD_FILE
    drift: Output[list[str]] = gives()


class RedisAddressesKind(AssertedKind):
    """Sets them as `admin`, without a restart; who has logged in stays."""

    declared = RedisAddresses
    named_by: ClassVar[tuple[str, ...]] = ("container",)

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        container = call.if_running(inputs["container"], "the addresses of Redis' accounts were not compared")
        if container is None:
            return state
        real = _rules_of(container, inputs)
        if real is None:
            return state | {"drift": ["accounts are bound to no address: the server runs without the module"] if inputs["required"] else []}
        return state | {"drift": [] if real == inputs["rules"] else ["accounts are bound to other addresses"]}

    def bring(self, call: Call, inputs: Values, state: Values, old: Values) -> Values:  # noqa: D102
        del state, old
        container = running(inputs["container"])
        if _rules_of(container, inputs) is not None:
            ask_as_admin(container, inputs, [f'CONFIG SET {SETTING} "{inputs["rules"]}"'], patient=True)
        elif inputs["required"]:
            raise PlatformError(
                what=f"Redis runs without the module that binds accounts to addresses ({MODULE} in its image)",
                where=f"container {container.name}",
                next_step="remove the image, then run `invoke up`, which builds it again",
            )
        else:
            call.log(
                Severity.WARNING,
                f"this image of Redis has no {MODULE}, so that its accounts are bound to no address: docs/security.md says how to add it",
            )
        return {"drift": []}


def _rules_of(container: Container, inputs: Values) -> str | None:
    """The server's rules; None where it runs without the module."""
    answer: dict[str, str] = ask_as_admin(container, inputs, [f"CONFIG GET {SETTING}"], patient=True)[0]
    return answer.get(SETTING)
