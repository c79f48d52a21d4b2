"""Kinds whose drift every `up` finds by itself, without `--refresh`: what an account changed on itself must not outlive the next one."""

from __future__ import annotations

from core.errors import PlatformError
from infra.provider.kind import Call, Kind, Log, Values
from infra.provider.values import has_unknown


def _silent(severity: Log, message: str) -> None:
    """A comparison tells nothing of its own."""
    del severity, message


class FoundAtUp(Kind):
    """Looks at what is there whenever the engine compares, so that `up` and `preview` know what a `refresh` would find."""

    def differences(self, state: Values, old: Values, new: Values) -> dict[str, str]:
        """What the state tells; else what is there now. Where that can't be learned there is no difference, as nothing can be put right."""
        told = super().differences(state, old, new)
        if told or old != new or has_unknown(new):
            return told
        try:
            found = self.read(Call("", _silent), state, new)
        except PlatformError:
            return {}
        if found is None:
            return {"drift": "it is gone"}
        return {"drift": "what is there differs"} if found.get("drift") else {}
