"""The ring of keys for encrypted fields. It outlives the stack like the rows, and only grows."""

from __future__ import annotations

from typing import Any

from airgap.toolchain.plugin.messages import Severity
from airgap.toolchain.plugin.wire import UNKNOWN
from christmas.blueprint.encryption import PROFILE_FIELDS
from christmas.sealed.ring import HIGHEST_NUMBER, KeyRing, from_json, new_ring
from core.containers import running
from core.errors import PlatformError
from infra.provider import psql, volumes
from infra.provider.kind import Call, Input, ResourceKind, Shape, Values
from infra.provider.volumes import DIRECTORY_MODE, VolumeEntry

_FILE_MODE = 0o400


def _number_rule(value: int) -> str | None:
    return None if 1 <= value <= HIGHEST_NUMBER else f"must be from 1 to {HIGHEST_NUMBER}"


class FieldKeys(ResourceKind):
    """A ring in a file of a retained volume, readable only by root of the Docker host; a new stack finds it there.

    Makes keys up to number `newest`, and retires those below `retired_below` once no row in the database needs them. No key is ever
    removed: backups from before a retirement need it. `given` adds the keys of another machine's ring.
    """

    inputs = {
        "volume": Input(Shape.TEXT, replaces=True),
        "image": Input(Shape.TEXT),
        "file": Input(Shape.TEXT, replaces=True),
        "newest": Input(Shape.INTEGER, required=False, default=1, rule=_number_rule),
        "retired_below": Input(Shape.INTEGER, required=False, default=1, rule=_number_rule),
        "given": Input(Shape.TEXT, required=False, secret=True),
        "container": Input(Shape.TEXT),
        "database": Input(Shape.TEXT, rule=psql.name_rule),
    }
    outputs = ("result", "drift")
    secret_outputs = frozenset({"result"})

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        del inputs
        same = state is not None and not changed & {"newest", "retired_below", "given"}
        return {"result": state["result"] if same and state else UNKNOWN, "drift": []}

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        return f"{inputs['volume']}/{inputs['file']}", self._assert(call, inputs, None)

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        del old
        return self._assert(call, inputs, from_json(state["result"]))

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        lost = {"result": state["result"], "drift": ["the kept ring of keys is missing"]}
        if not volumes.exists(inputs["volume"]):
            return lost
        try:
            with volumes.open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
                kept = _kept(volume, inputs["file"])
        except PlatformError as error:
            call.log(Severity.WARNING, f"the kept ring of keys could not be compared: {error}")
            return state
        if kept is None:
            return lost
        return {"result": state["result"], "drift": [] if kept == from_json(state["result"]) else ["the kept ring has other keys"]}

    def _assert(self, call: Call, inputs: Values, known: KeyRing | None) -> Values:
        """Bring state and file to the same ring: the keys of both and of the inputs, and retired keys where allowed."""
        with volumes.open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
            kept = _kept(volume, inputs["file"])
            given = from_json(inputs["given"]) if inputs.get("given") else None
            rings = [ring for ring in (known, kept, given) if ring is not None]
            ring = rings[0] if rings else new_ring()
            for other in rings[1:]:
                ring = ring.merged(other)
            ring = ring.up_to(inputs["newest"])
            target = ring.retired_below(inputs["retired_below"])
            if target != ring:
                # Keep the new key even if the retirement is refused.
                _write(volume, inputs["file"], ring, kept)
                _refuse_if_needed(inputs, ring, target)
            _write(volume, inputs["file"], target, kept)
        return {"result": target.as_json(), "drift": []}


def _kept(volume: volumes.VolumeFiles, file: str) -> KeyRing | None:
    entry = volume.read().get(file)
    return from_json(entry.content.decode()) if entry and entry.content else None


def _write(volume: volumes.VolumeFiles, file: str, ring: KeyRing, kept: KeyRing | None) -> None:
    if ring != kept:
        volume.write({".": VolumeEntry(None, DIRECTORY_MODE, 0, 0), file: VolumeEntry(ring.as_json().encode(), _FILE_MODE, 0, 0)})


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
