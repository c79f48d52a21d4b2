"""The places of a stack's backups and who can read them: part of its settings and of its outputs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

FIRST = "first"
"""The name of the place where sets are made; copies have other names."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
# The characters that pgBackRest's configuration file can hold: it has no quoting.
_PLAIN = r"^[\x21-\x7e]+$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class LocalPlace(_Strict):
    """A folder of this machine, or of another one that is mounted here."""

    type: Literal["local"] = "local"
    path: str = Field(pattern=r"^/[\x21-\x7e ]*$")

    @property
    def where(self) -> str:
        """The place in words."""
        return self.path


class S3Place(_Strict):
    """A bucket of an S3-compatible store, over TLS. Everything is below `prefix`, which no other stack may share.

    `ca_certificate` (PEM) verifies a server whose certificate is not from a public CA; settings may name its file as `caFile` instead.
    """

    type: Literal["s3"] = "s3"
    endpoint: str = Field(pattern=r"^https://[A-Za-z0-9.-]+(:\d{1,5})?$")
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]+$")
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    prefix: str = Field(default="christmas", pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")
    path_style: bool = Field(default=True, alias="pathStyle")
    timeout_seconds: int = Field(default=30, ge=1, le=600, alias="timeoutSeconds")  # without a byte from the server
    ca_certificate: str | None = Field(default=None, alias="caCertificate")
    key_id: SecretStr = Field(alias="keyId")
    secret_key: SecretStr = Field(alias="secretKey")

    @model_validator(mode="before")
    @classmethod
    def _read_ca(cls, values: Any) -> Any:
        """Read the certificate from the file that the settings name."""
        if not isinstance(values, dict) or "caFile" not in values:
            return values
        path = Path(str(values["caFile"])).expanduser()
        try:
            return {**{key: value for key, value in values.items() if key != "caFile"}, "caCertificate": path.read_text(encoding="ascii")}
        except (OSError, ValueError) as error:
            raise ValueError(f"the CA certificate {path} can't be read: {error}") from None

    @field_validator("key_id", "secret_key")
    @classmethod
    def _plain(cls, value: SecretStr) -> SecretStr:
        if not re.match(_PLAIN, value.get_secret_value()):
            raise ValueError("must be printable ASCII without spaces")
        return value

    @property
    def where(self) -> str:
        """The place in words."""
        return f"{self.endpoint}/{self.bucket}/{self.prefix}"

    @property
    def host(self) -> str:
        """The server's name or address, without its port."""
        return self.endpoint.removeprefix("https://").partition(":")[0]

    @property
    def port(self) -> int:
        """The server's port."""
        return int(self.endpoint.removeprefix("https://").partition(":")[2] or 443)

    def with_secrets(self) -> dict[str, Any]:
        """All fields in plain text, credentials too: only for a secret output."""
        secrets = {"key_id": self.key_id.get_secret_value(), "secret_key": self.secret_key.get_secret_value()}
        return {**self.model_dump(mode="json"), **secrets}


Place = Annotated[LocalPlace | S3Place, Field(discriminator="type")]


class GivenKeys(_Strict):
    """Keys of an earlier stack, for a new one on another machine that must read its backups."""

    passphrase: SecretStr | None = Field(default=None, min_length=16)
    identity: SecretStr | None = None


class BackupSettings(_Strict):
    """`place` is the bucket for sets and PostgreSQL's WAL; without it they stay on this machine.

    `recipients` are age keys that can read everything besides the stack's own key; `copies` are further places, by name.
    """

    place: S3Place | None = None
    copies: dict[str, Place] = Field(default_factory=dict)
    recipients: tuple[str, ...] = ()
    keys: GivenKeys = GivenKeys()

    @field_validator("recipients")
    @classmethod
    def _are_recipients(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        import pyrage

        for value in values:
            try:
                pyrage.x25519.Recipient.from_str(value)
            except pyrage.RecipientError:
                raise ValueError(f"{value[:12]}… is not an age recipient (age1…); never give an identity (AGE-SECRET-KEY-…)") from None
        return values

    @field_validator("copies")
    @classmethod
    def _are_named(cls, values: dict[str, Any]) -> dict[str, Any]:
        for name in values:
            if not _NAME.fullmatch(name) or name == FIRST:
                raise ValueError(f"{name!r} can't be a copy's name: use lower-case letters, digits and hyphens, but not {FIRST!r}")
        return values


class BackupAccess(_Strict):
    """What tasks need for a stack's backups: keys, further recipients, and places."""

    passphrase: str = Field(default="", repr=False)
    identities: tuple[str, ...] = Field(default=(), repr=False)
    recipients: tuple[str, ...] = ()
    place: S3Place | None = None
    copies: dict[str, Place] = Field(default_factory=dict)
