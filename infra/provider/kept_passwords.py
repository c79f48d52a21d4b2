"""A secret that outlives the stack: what it opened is kept when a stack is destroyed, so it has to be too."""

from __future__ import annotations

from airgap.errors import PlatformError
from infra.provider import volumes
from infra.provider.kind import Call, Input, Kind, Log, Shape, Values
from infra.provider.passwords import length_rule, random_password
from infra.provider.values import UNKNOWN
from infra.provider.volumes import DIRECTORY_MODE, Entry

_FILE_MODE = 0o400


class KeptPassword(Kind):
    """A password in a file of a retained volume, which root of the Docker host alone can read.

    A stack made anew finds it there. It is made only where there is none, and never changed: what it encrypted could not be read again.
    """

    inputs = {
        "volume": Input(Shape.TEXT, replaces=True),
        "image": Input(Shape.TEXT),
        "file": Input(Shape.TEXT, replaces=True),
        "length": Input(Shape.INTEGER, required=False, default=40, rule=length_rule),
    }
    outputs = ("result", "drift")
    secret_outputs = frozenset({"result"})

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        del changed, inputs
        return {"result": (state or {}).get("result", UNKNOWN), "drift": []}

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        with volumes.open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
            kept = _kept(volume, inputs["file"])
            if kept is None:
                kept = random_password(inputs["length"])
                _write(volume, inputs["file"], kept)
        return f"{inputs['volume']}/{inputs['file']}", {"result": kept, "drift": []}

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        del old
        with volumes.open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
            if _kept(volume, inputs["file"]) != state["result"]:
                _write(volume, inputs["file"], state["result"])
        return {"result": state["result"], "drift": []}

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        lost = {"result": state["result"], "drift": ["the kept file is missing"]}
        if not volumes.exists(inputs["volume"]):
            return lost
        try:
            with volumes.open_volume(inputs["volume"], inputs["image"], call.stack) as volume:
                kept = _kept(volume, inputs["file"])
        except PlatformError as error:
            call.log(Log.WARNING, f"the kept secret could not be compared: {error}")
            return state
        if kept is None:
            return lost
        return {"result": state["result"], "drift": [] if kept == state["result"] else ["the kept file has other content"]}


def _kept(volume: volumes.VolumeFiles, file: str) -> str | None:
    entry = volume.read().get(file)
    return entry.content.decode() if entry and entry.content else None


def _write(volume: volumes.VolumeFiles, file: str, secret: str) -> None:
    volume.write({".": Entry(None, DIRECTORY_MODE, 0, 0), file: Entry(secret.encode(), _FILE_MODE, 0, 0)})
