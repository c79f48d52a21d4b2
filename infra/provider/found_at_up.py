"""Kinds whose drift every `up` finds without `--refresh`: an account's changes to itself must not survive the next `up`."""

from __future__ import annotations

from airgap.toolchain.plugin.messages import Severity
from airgap.toolchain.plugin.wire import has_unknown
from core.errors import PlatformError
from infra.provider.kind import AssertedKind, Call, Values


def _silent(severity: Severity, message: str) -> None:
    """Discards the messages of a comparison."""
    del severity, message


class FoundAtUp(AssertedKind):
    """Reads the real state at every diff, so that `up` and `preview` see what a `refresh` would find."""

    def differences(self, state: Values, old: Values, new: Values) -> dict[str, str]:
        """Drift in the recorded state or in the real one. No difference if the real state is unknown, since then it can't be fixed."""
        recorded = super().differences(state, old, new)
        if recorded or old != new or has_unknown(new):
            return recorded
        try:
            real = self.read(Call("", _silent), state, new)
        except PlatformError:
            return {}
        if real is None:
            return {"drift": "it is gone"}
        return {"drift": "what is there differs"} if real.get("drift") else {}
