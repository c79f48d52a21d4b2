"""The content of a kit, and its plain form: one JSON object that is only written encrypted."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import PlatformError

FORMAT = 1
"""Increased when this version can't use older kits, or older versions can't use new ones."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Keys(_Strict):
    """The keys that open the backups and the sealed fields without Pulumi: passphrase, age identities, and key ring as JSON."""

    passphrase: str = Field(repr=False, min_length=1)
    identities: tuple[str, ...] = Field(repr=False, min_length=1)
    field_keys: str = Field(repr=False, min_length=1)


class StackState(_Strict):
    """The stack: the passphrase of its secrets ("" if another service keeps them), its settings file, and its state.

    `deployment` is the input of `pulumi stack import`, with secrets in plain text, and without resources of the lost engine.
    """

    passphrase: str = Field(repr=False)
    settings: str = Field(repr=False)
    deployment: dict[str, Any] = Field(repr=False)


class Kit(_Strict):
    """A whole kit. `covers` has the fingerprints of its content, made by `backup.kit.coverage`."""

    model_config = ConfigDict(populate_by_name=True)

    kit: int = FORMAT
    project: str
    stack: str
    made_at: datetime = Field(validation_alias="made", serialization_alias="made")
    made_by: str
    covers: dict[str, str]
    keys: Keys
    state: StackState

    def plain(self) -> bytes:
        """The kit's bytes before encryption."""
        return self.model_dump_json(indent=1, by_alias=True).encode()


def parse(plain: bytes, where: str, project: str) -> Kit:
    """Parse a decrypted kit.

    Raises PlatformError for anything else, and for a kit of another project or format. The message holds nothing of the content.
    """
    try:
        content = json.loads(plain)
        form = int(content["kit"])
    except (ValueError, KeyError, TypeError):
        raise _no_kit(where) from None
    if form != FORMAT:
        age = "a later" if form > FORMAT else "an earlier"
        day = str(content.get("made", "an unknown day"))[:10]
        raise PlatformError(
            what=f"it is a kit of format {form}, of {age} version of this project; this one reads format {FORMAT}",
            where=where,
            next_step=f"use the project's version of {day}, which made it; then take a new kit with this version",
        )
    try:
        kit = Kit.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise PlatformError(
            what=f"the kit does not fit its format: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}",
            where=where,
            next_step="it was edited, or an unreleased version made it: use another kit",
        ) from None
    if kit.project != project:
        raise PlatformError(what=f"it is a kit of project {kit.project}", where=where, next_step=f"give a kit of this project, {project}")
    return kit


def _no_kit(where: str) -> PlatformError:
    return PlatformError(what="the decrypted content is not a kit", where=where, next_step="give a file that backup.kit wrote")
