"""The ring of keys for encrypted fields. It outlives the stack like the rows, and only grows."""

from __future__ import annotations

from typing import Any

from airgap.toolchain.plugin.wire import UNKNOWN
from christmas.blueprint.sealed_fields import PROFILE_FIELDS
from christmas.sealed.ring import HIGHEST_NUMBER, KeyRing, from_json, new_ring
from core.container_commands import running
from core.errors import PlatformError
from infra.provider import psql, volumes
from infra.provider.declaration import Input, InVolume, Output, gives, takes
from infra.provider.kind import AssertedKind, Call, Values


def _number_rule(value: int) -> str | None:
    return None if 1 <= value <= HIGHEST_NUMBER else f"must be from 1 to {HIGHEST_NUMBER}"


class FieldKeys(InVolume):
    """The ring of keys for encrypted fields, in `file` of a retained volume, readable only by root of the Docker host.

    A new stack finds it there. It has keys up to number `newest`, and retires those below `retired_below` once no row in the database
    needs them. No key is ever removed: backups from before a retirement need it. `given` adds the keys of another machine's ring.
    """

    file: Input[str] = takes(replaces=True)
    newest: Input[int] = takes(default=1, rule=_number_rule)
    retired_below: Input[int] = takes(default=1, rule=_number_rule)
    given: Input[str] | None = takes(default=None, secret=True)
    container: Input[str]
    database: Input[str] = takes(rule=psql.name_rule)
    result: Output[str] = gives(secret=True)
    drift: Output[list[str]] = gives()


class FieldKeysKind(AssertedKind):
    """Adds to the ring, and never takes from it."""

    declared = FieldKeys
    named_by = ("volume", "file")

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        del inputs
        same = state is not None and not changed & {"newest", "retired_below", "given"}
        return {"result": state["result"] if same and state else UNKNOWN, "drift": []}

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        def judged(stored: str) -> list[str]:
            return [] if from_json(stored) == from_json(state["result"]) else ["the kept ring has other keys"]

        return volumes.compare_secret(call, state, inputs, judged)

    def bring(self, call: Call, inputs: Values, state: Values, old: Values) -> Values:
        """Bring state and file to the same ring: the keys of both and of the inputs, and retired keys where allowed."""
        del old
        known = from_json(state["result"]) if state else None
        with volumes.open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
            text = volume.secret(inputs["file"])
            stored = from_json(text) if text else None
            imported = from_json(inputs["given"]) if inputs.get("given") else None
            rings = [ring for ring in (known, stored, imported) if ring is not None]
            ring = rings[0] if rings else new_ring()
            for other in rings[1:]:
                ring = ring.merged(other)
            ring = ring.up_to(inputs["newest"])
            target = ring.retired_below(inputs["retired_below"])
            if target != ring:
                # Keep the new key even if the retirement is refused.
                volume.keep_secret(inputs["file"], ring.as_json(), text)
                _refuse_if_needed(inputs, ring, target)
            volume.keep_secret(inputs["file"], target.as_json(), text)
        return {"result": target.as_json(), "drift": []}


def _refuse_if_needed(inputs: Values, ring: KeyRing, target: KeyRing) -> None:
    """Raise PlatformError if rows need a key that is about to be retired."""
    live = {key.number for key in ring.live}
    retiring = live - {key.number for key in target.live}
    columns = {field.column: "sealed" for field in PROFILE_FIELDS} | {
        field.blind_index: "index" for field in PROFILE_FIELDS if field.blind_index
    }
    uses: list[dict[str, Any]] = (
        psql.query(
            running(inputs["container"]),
            psql.named("field_keys_used"),
            database=inputs["database"],
            variables={"table": PROFILE_FIELDS[0].table, "columns": columns},
        )
        or []
    )
    needed = [usage for usage in uses if usage["number"] in retiring]
    if needed:
        needs = ", ".join(f"key {usage['number']} by {usage['values']} values of {usage['field']}" for usage in needed)
        raise PlatformError(
            f"a key can't be retired while rows need it: {needs}",
            where=f"container {inputs['container']}, database {inputs['database']}",
            next_step="invoke accounts.rotate --keys seals them with the active key and then retires the others",
        )
