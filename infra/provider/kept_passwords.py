"""Secrets that outlive the stack: the data they open stays when a stack is destroyed, so they must stay too."""

from __future__ import annotations

from typing import ClassVar

from airgap.toolchain.plugin.wire import UNKNOWN
from core.errors import PlatformError
from infra.provider import volumes
from infra.provider.declaration import Input, InVolume, Output, gives, takes
from infra.provider.drift_from_kits import FROM_KIT
from infra.provider.kind import Call, ResourceKind, Values
from infra.provider.passwords import length_rule, random_password


class _KeptSecret(InVolume):
    file: Input[str] = takes(replaces=True)
    given: Input[str] | None = takes(default=None, secret=True)
    result: Output[str] = gives(secret=True)
    drift: Output[list[str]] = gives()


class KeptPassword(_KeptSecret):
    """A password in `file` of a retained volume, readable only by root of the Docker host, where a new stack finds it.

    It is made only if it is missing, and never changed: data encrypted with it would be lost. `given` is used instead of a random
    one: on another machine, it reads the first machine's data.
    """

    length: Input[int] = takes(default=40, rule=length_rule)


class KeptIdentity(_KeptSecret):
    """An age identity, kept like a KeptPassword. `recipient` is its public key."""

    recipient: Output[str] = gives()


class KeptPasswordKind(ResourceKind):
    """Keeps one of both sides' passwords, and refuses another."""

    declared: ClassVar[type[_KeptSecret]] = KeptPassword

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        del changed, inputs
        return {"result": (state or {}).get("result", UNKNOWN), "drift": []}

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        with volumes.open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
            stored, imported = volume.secret(inputs["file"]), inputs.get("given")
            if stored is None:
                stored = imported or self.fresh(inputs)
                volume.keep_secret(inputs["file"], stored)
            _refuse_another(inputs, stored)
        return f"{inputs['volume']}/{inputs['file']}", {"result": stored, "drift": []}

    def fresh(self, inputs: Values) -> str:
        """A new secret."""
        return random_password(inputs["length"])

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        del old
        _refuse_another(inputs, state["result"])
        with volumes.open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
            stored = volume.secret(inputs["file"])
            if stored is not None and stored != state["result"] and FROM_KIT in (state.get("drift") or ()):
                raise PlatformError(
                    what=f"the kit is another stack's: this engine has another {inputs['file']}, and its encrypted data would be lost",
                    where=f"volume {inputs['volume']}",
                    next_step="give this stack's own kit; or remove the volumes of that name first, if nobody needs them",
                )
            volume.keep_secret(inputs["file"], state["result"], stored)
        return {"result": state["result"], "drift": []}

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        def judged(stored: str) -> list[str]:
            other = FROM_KIT if FROM_KIT in (state.get("drift") or ()) else "the kept file has other content"
            return [] if stored == state["result"] else [other]

        return volumes.compare_secret(call, state, inputs, judged)


class KeptIdentityKind(KeptPasswordKind):
    """Keeps an identity in the same way."""

    declared = KeptIdentity

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        return {**super().planned(state, changed, inputs), "recipient": (state or {}).get("recipient", UNKNOWN)}

    def fresh(self, inputs: Values) -> str:  # noqa: D102
        del inputs
        import pyrage

        return str(pyrage.x25519.Identity.generate())

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        identity, state = super().create(call, inputs)
        return identity, self._with_recipient(state)

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        return self._with_recipient(super().update(call, state, old, inputs))

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        state_now = super().read(call, state, inputs)
        return state_now and self._with_recipient(state_now)

    @staticmethod
    def _with_recipient(state: Values) -> Values:
        import pyrage

        try:
            return {**state, "recipient": str(pyrage.x25519.Identity.from_str(state["result"]).to_public())}
        except pyrage.IdentityError:
            raise PlatformError(
                what="the given secret is not an age identity", where="christmas:backup.keys.identity", next_step="give AGE-SECRET-KEY-1…"
            ) from None


def _refuse_another(inputs: Values, stored: str) -> None:
    if inputs.get("given") not in (None, stored):
        raise PlatformError(
            what=f"another {inputs['file']} exists already, and its encrypted data would be lost",
            where=f"volume {inputs['volume']}",
            next_step="remove christmas:backup.keys from the settings; to start over with the given keys, remove the volumes first",
        )
