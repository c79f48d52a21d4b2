"""A stack's settings: what `pulumi config` holds, checked before anything is created.

Every setting has a default; a stack without settings is the embedded one. An unknown name is an error, because it is probably a typo.
"""

from __future__ import annotations

import difflib
import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, IPvAnyAddress, IPvAnyNetwork, SecretStr, ValidationError

from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from christmas.blueprint.services import EMBEDDER, HAPROXY, OPTIONAL_SERVICES, SERVICES
from core.errors import PlatformError
from infra.backup_places import BackupSettings
from infra.stack_names import check_name

_SERVICE_NAMES = frozenset(service.name for service in SERVICES)
_OWN_OR_FOREIGN = {EMBEDDER.name, HAPROXY.name}
"""Services that run this project's image as long as a stack names no other."""
_LIMITED_NAMES = _SERVICE_NAMES | {service.name for service in OPTIONAL_SERVICES}
# Namespaces of other programs. A misspelt namespace of ours is still an error.
_NAMESPACE = "christmas"
AUTHORITY = "ca"
"""The stack's CA among the settings' `rotations` and `formerUntil`."""


class ImageSource(StrEnum):
    """The source of images: built by this project, or named by the stack."""

    EMBEDDED = "embedded"
    UPSTREAM = "upstream"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class UpstreamImage(_Strict):
    """A foreign image, by tag and digest, and the numeric user (`uid:gid`) of its service."""

    reference: str = Field(pattern=r"^[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9._-]+(@sha256:[0-9a-f]{64})?$")
    user: str = Field(default="1000:1000", pattern=r"^\d+:\d+$")


class LimitOverride(_Strict):
    """Raises (or lowers) a service's limits for one stack. Memory in MiB, `cpus` in cores."""

    memory_mib: int | None = Field(default=None, ge=128, alias="memoryMib")
    cpus: float | None = Field(default=None, gt=0)


class PublishedPorts(_Strict):
    """Ports on the host. A missing one is chosen when the stack comes up, and kept."""

    postgres: int | None = Field(default=None, ge=1, le=65535)
    redis: int | None = Field(default=None, ge=1, le=65535)
    weaviate: int | None = Field(default=None, ge=1, le=65535)
    weaviate_grpc: int | None = Field(default=None, ge=1, le=65535, alias="weaviateGrpc")
    embedder: int | None = Field(default=None, ge=1, le=65535)
    prometheus: int | None = Field(default=None, ge=1, le=65535)


class FieldKeySettings(_Strict):
    """The ring of keys for encrypted fields; `invoke accounts.rotate --keys` counts these up.

    Keys are made up to `newest`; those below `retired_below` are retired, which is refused while a row needs one. `imported` is
    the ring of another machine whose rows this one must read.
    """

    newest: int = Field(default=1, ge=1, le=65535)
    retired_below: int = Field(default=1, ge=1, le=65535, alias="retiredBelow")
    imported: SecretStr | None = Field(default=None, min_length=1, alias="given")


def check_alertmanager(text: str) -> None:
    """Raise ValueError for a text that can't be Alertmanager's configuration; the message has nothing of it, since it holds secrets."""
    import yaml

    try:
        configuration = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"alertmanager: not YAML{f', line {mark.line + 1}' if mark else ''}") from None
    route = configuration.get("route") if isinstance(configuration, dict) else None
    receivers = configuration.get("receivers") if isinstance(configuration, dict) else None
    if not isinstance(route, dict) or not isinstance(receivers, list):
        raise ValueError("alertmanager: needs a route and receivers; docs/monitoring.md has examples")
    names = {receiver.get("name") for receiver in receivers if isinstance(receiver, dict)}
    if route.get("receiver") not in names:
        raise ValueError("alertmanager: the route's receiver is none of the receivers")


def _overlap(text: Any) -> Any:
    """`GENERATION@TIME`, as `accounts.rotate` writes it."""
    if not isinstance(text, str):
        return text
    generation, _, time = text.partition("@")
    return {"generation": generation, "time": time}


class Overlap(_Strict):
    """Until when the secrets before those of a generation are valid."""

    generation: int = Field(ge=0)
    time: AwareDatetime


FormerUntil = Annotated[Overlap, BeforeValidator(_overlap)]


def overlap_of(text: Any) -> Overlap | None:
    """The setting's value for one account; None for anything that is not one."""
    try:
        return Overlap.model_validate(_overlap(text))
    except ValidationError:
        return None


class Settings(_Strict):
    """Everything that may differ between stacks."""

    topology: Literal["single"] = Field(default="single", description="How the stores are laid out: one container each.")
    images: ImageSource = Field(
        default=ImageSource.EMBEDDED, description="`embedded`: images built by this project; `upstream`: those that `upstream` names."
    )
    upstream: dict[str, UpstreamImage] = Field(
        default_factory=dict,
        description="For each service its image by tag or digest (`reference`), and the user that its service runs as (`user`, `uid:gid`).",
    )
    bind_address: IPvAnyAddress = Field(
        default="127.0.0.1",
        alias="bindAddress",
        validate_default=True,
        description="The address of this machine on which ports are published. Another than loopback lets other machines reach them.",
    )
    client_networks: tuple[IPvAnyNetwork, ...] = Field(
        default=(),
        alias="clientNetworks",
        description="Networks of other machines, such as `192.0.2.0/24`, from which applications log in to the stores.",
    )
    published_address: str | None = Field(
        default=None,
        alias="publishedAddress",
        pattern=r"^[A-Za-z0-9.:-]+$",
        description="The name or address under which clients of other machines reach the ports; it is in the certificates.",
    )
    ports: PublishedPorts = Field(
        default=PublishedPorts(),
        description="Ports on this machine, by name; one that is missing is chosen when the stack comes up, and kept.",
    )
    subnet: IPvAnyNetwork | None = Field(
        default=None, description="The network of the containers, such as `10.20.30.0/24`; otherwise Docker chooses."
    )
    limits: dict[str, LimitOverride] = Field(
        default_factory=dict,
        description="For each service its memory (`memoryMib`) and processors (`cpus`), where the blueprint's do not fit.",
    )
    certificate_days: int | None = Field(
        default=None, ge=1, le=825, alias="certificateDays", description="How long server certificates are valid."
    )
    rotations: dict[str, int] = Field(
        default_factory=dict, description="How often each account's secret was renewed. `invoke accounts.rotate` counts it up."
    )
    former_until: dict[str, FormerUntil] = Field(
        default_factory=dict,
        alias="formerUntil",
        description="Until when each account's former secret is valid. `invoke accounts.rotate` writes it.",
    )
    field_keys: FieldKeySettings = Field(
        default=FieldKeySettings(),
        alias="fieldKeys",
        description="The ring of keys for encrypted fields. `invoke accounts.rotate --keys` counts it up.",
    )
    backup: BackupSettings = Field(
        default=BackupSettings(), description="Where copies of backups go, how long sets are kept, and the keys of buckets: docs/backup.md."
    )
    schedule: Literal["self", "elsewhere"] = Field(
        default="self", description="`self`: the stack keeps itself; `elsewhere`: systemd, cron or CI runs `invoke schedule.run`."
    )
    start_at_boot: bool = Field(default=True, alias="startAtBoot", description="Whether the schedule starts with the machine.")
    monitoring: bool = Field(default=False, description="Whether the stack has Prometheus, Alertmanager and exporters: docs/monitoring.md.")
    alertmanager: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="Alertmanager's own configuration, a secret: `pulumi config set --secret christmas:alertmanager < alertmanager.yml`.",
    )
    openai_api_key: SecretStr | None = Field(
        default=None,
        alias="OPENAI_API_KEY",
        min_length=1,
        description="OpenAI's key, a secret. With it documents are embedded by OpenAI's model instead of the bundled one.",
    )

    def model_post_init(self, _context: Any) -> None:
        """Check conditions over several settings; raises ValueError."""
        for name, keys, known in (("upstream", self.upstream, _SERVICE_NAMES), ("limits", self.limits, _LIMITED_NAMES)):
            unknown = sorted(set(keys) - known)
            if unknown:
                raise ValueError(f"{name}: unknown service {unknown[0]!r}; known are {', '.join(sorted(known))}")
        if self.alertmanager:
            check_alertmanager(self.alertmanager.get_secret_value())
        nowhere = sorted(set(BACKUP_RULES.copies) - set(self.backup.copies))
        if nowhere:
            raise ValueError(f"backup.copies.{nowhere[0]} is missing: the blueprint wants a copy there")
        if self.images is ImageSource.UPSTREAM:
            absent = sorted(_SERVICE_NAMES - _OWN_OR_FOREIGN - set(self.upstream))
            if absent:
                raise ValueError(f"images is 'upstream', so upstream.{absent[0]} needs a reference")

    def overlap_is_over(self, account: str, now: datetime) -> bool:
        """Whether the account's former secret has to go. Another rotation since then has an overlap of its own."""
        declared = self.former_until.get(account)
        return declared is not None and declared.generation == self.rotations.get(account, 0) and now >= declared.time

    @property
    def embedding_profile(self) -> str:
        """OpenAI's model if its key is set, else the bundled one."""
        return "openai" if self.openai_api_key else "embedded"

    @property
    def host(self) -> str:
        """The name or address of the published ports for clients on this and other machines."""
        return self.published_address or self.connect_host

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """`client_networks` as the stores write them."""
        return tuple(str(network) for network in self.client_networks)

    @property
    def connect_host(self) -> str:
        """The address of the published ports for this machine: loopback if they are bound to every address."""
        return "127.0.0.1" if self.bind_address.is_unspecified else str(self.bind_address)


def known_settings() -> list[str]:
    """Names of all settings as `pulumi config` takes them."""
    return [model_field.alias or name for name, model_field in Settings.model_fields.items()]


def parse(stack: str, raw: dict[str, str]) -> Settings:
    """Settings of a stack from Pulumi's configuration, whose keys are `namespace:name` and whose values are text or JSON.

    Raises PlatformError with the setting, its problem and a probable correction.
    """
    values: dict[str, Any] = {}
    for key, text in raw.items():
        namespace, _, name = key.partition(":")
        if namespace != _NAMESPACE:
            if difflib.get_close_matches(namespace, [_NAMESPACE], cutoff=0.75):
                raise _wrong(stack, key, f"unknown namespace {namespace!r}", f"did you mean {_NAMESPACE}:{name}?")
            continue
        if name not in known_settings():
            near = difflib.get_close_matches(name, known_settings(), n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known_settings())}"
            raise _wrong(stack, key, "unknown setting", f"{hint} Remove it with: pulumi config rm {key}")
        values[name] = _decode(text)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise _wrong(stack, f"{_NAMESPACE}:{where}", first["msg"], "fix it in the stack's settings: pulumi config") from None


def _decode(text: str) -> Any:
    """Objects, numbers and booleans arrive as JSON; everything else is text."""
    if text[:1] in "{[" or text in ("true", "false"):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return text


def _wrong(stack: str, key: str, problem: str, next_step: str) -> PlatformError:
    return PlatformError(what=f"setting {key}: {problem}", where=f"Pulumi.{stack}.yaml", next_step=next_step)


def load() -> Settings:
    """Settings of the running Pulumi program's stack.

    Raises pulumi.RunError, which Pulumi shows without a traceback, for a wrong setting or stack name.
    """
    import pulumi
    from pulumi.runtime.config import CONFIG

    try:
        return parse(check_name(pulumi.get_stack()), CONFIG.get())
    except PlatformError as error:
        raise pulumi.RunError(str(error)) from None
