"""What a kit holds, and its plain form: one JSON object, which is only ever written encrypted."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import PlatformError

FORMAT = 1
"""Counts up when a kit of before can't be used any more, or one of now not by a version of before."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Keys(_Strict):
    """What opens the backups and the sealed fields, also where no Pulumi is at hand: passphrase, age identities, ring as JSON."""

    passphrase: str = Field(repr=False, min_length=1)
    identities: tuple[str, ...] = Field(repr=False, min_length=1)
    field_keys: str = Field(repr=False, min_length=1)


class StackState(_Strict):
    """The stack itself: the passphrase of its secrets ("" where another service keeps them), its settings' file, and its state.

    `deployment` is what `pulumi stack import` takes, with secrets in the open, and only what doesn't belong to the lost engine.
    """

    passphrase: str = Field(repr=False)
    settings: str = Field(repr=False)
    deployment: dict[str, Any] = Field(repr=False)


class Kit(_Strict):
    """A whole kit. `covers` are the fingerprints of what it holds, as `backup.kit.coverage` makes them."""

    kit: int = FORMAT
    project: str
    stack: str
    made: datetime
    made_by: str
    covers: dict[str, str]
    keys: Keys
    state: StackState

    def plain(self) -> bytes:
        """The kit as it is encrypted."""
        return self.model_dump_json(indent=1).encode()


def parse(plain: bytes, where: str, project: str) -> Kit:
    """The kit in a decrypted file.

    Raises PlatformError where it is none, or one of another project or of another version; the message holds nothing of it.
    """
    try:
        found = json.loads(plain)
        form = int(found["kit"])
    except (ValueError, KeyError, TypeError):
        raise _no_kit(where) from None
    if form != FORMAT:
        age = "a later" if form > FORMAT else "an earlier"
        made = str(found.get("made", "an unknown day"))[:10]
        raise PlatformError(
            what=f"it is a kit of format {form}, of {age} version of this project; this one reads format {FORMAT}",
            where=where,
            next_step=f"run the same command with the version of this project that made it, on {made}; then take a new kit with this one",
        )
    try:
        kit = Kit.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise PlatformError(
            what=f"the kit contradicts its format: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}",
            where=where,
            next_step="it was edited, or made by a version in between: use another kit",
        ) from None
    if kit.project != project:
        raise PlatformError(
            what=f"it is a kit of project {kit.project}", where=where, next_step=f"give one that was made by this project, {project}"
        )
    return kit


def _no_kit(where: str) -> PlatformError:
    return PlatformError(what="it was decrypted, but what is in it is no kit", where=where, next_step="give a file that backup.kit wrote")
