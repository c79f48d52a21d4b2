"""The provider's own configuration: the Docker engine, and the log-ins to registries."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airgap.toolchain.docker_plugin.checking import Failure, check
from airgap.toolchain.docker_plugin.properties import Property, ValueKind, visible
from airgap.toolchain.plugin.wire import Secret, reveal

_INLINE_TLS = "put the three files into a directory and name it with `certPath`"

CONFIG = (
    Property("host", ValueKind.TEXT),
    Property("context", ValueKind.TEXT),
    Property("certPath", ValueKind.TEXT),
    Property("caMaterial", ValueKind.TEXT, unsupported=_INLINE_TLS),
    Property("certMaterial", ValueKind.TEXT, unsupported=_INLINE_TLS),
    Property("keyMaterial", ValueKind.TEXT, unsupported=_INLINE_TLS),
    Property("disableDockerDaemonCheck", ValueKind.SWITCH),
    Property("sshOpts", ValueKind.TEXTS, unsupported="set the options in ~/.ssh/config"),
    Property(
        "registryAuth",
        ValueKind.OBJECT_SET,
        fields=(
            Property("address", ValueKind.TEXT, required=True),
            Property("authDisabled", ValueKind.SWITCH),
            Property("configFile", ValueKind.TEXT),
            Property("configFileContent", ValueKind.TEXT),
            Property("password", ValueKind.TEXT),
            Property("username", ValueKind.TEXT),
        ),
    ),
)
_ENGINE_KEYS = ("version", "pluginDownloadURL")


@dataclass(frozen=True)
class Settings:
    """The access to the Docker engine and its registries."""

    host: str = ""
    """A URL such as `unix:///var/run/docker.sock`; empty for the one that `chosen_engine` names."""
    context: str = ""
    """A Docker context; wins over `host`."""
    cert_path: str = ""
    registries: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    def login(self, registry: str) -> dict[str, str] | None:
        """Return user name and password for a registry, or None to leave it to the Docker client's own configuration."""
        for entry in self.registries:
            address = str(entry["address"]).removeprefix("https://").removeprefix("http://").rstrip("/")
            if address == registry and not entry.get("authDisabled"):
                return _login(entry, registry)
        return None


def _login(entry: dict[str, Any], registry: str) -> dict[str, str] | None:
    from docker import auth

    content = entry.get("configFileContent")
    if not content and entry.get("configFile"):
        content = Path(entry["configFile"]).expanduser().read_text(encoding="utf-8")
    if content:
        login = auth.AuthConfig(json.loads(content)).resolve_authconfig(registry)
        return {str(key): str(value) for key, value in login.items()} if login else None
    username = entry.get("username") or os.environ.get("DOCKER_REGISTRY_USER", "")
    password = entry.get("password") or os.environ.get("DOCKER_REGISTRY_PASS", "")
    return {"username": username, "password": password} if username else None


def check_settings(news: dict[str, Any]) -> tuple[dict[str, Any], list[Failure]]:
    """Return the configuration as given, and its problems."""
    _, failures = check(CONFIG, _parsed(news))
    settings = {name: value for name, value in news.items() if not name.startswith("__")}
    return settings, failures


def settings_from(values: dict[str, Any]) -> Settings:
    """Return the settings in checked configuration."""
    plain = reveal(_parsed(values))
    registries = tuple(visible(entry) for entry in plain.get("registryAuth") or [])
    return Settings(
        host=plain.get("host") or "", context=plain.get("context") or "", cert_path=plain.get("certPath") or "", registries=registries
    )


def _parsed(values: dict[str, Any]) -> dict[str, Any]:
    """Return configuration as typed values: on the wire, everything except text is JSON in a text."""
    parsed: dict[str, Any] = {}
    for name, value in values.items():
        if name in _ENGINE_KEYS:
            continue
        text = value.value if isinstance(value, Secret) else value
        prop = next((item for item in CONFIG if item.name == name), None)
        if prop is not None and prop.kind not in (ValueKind.TEXT, ValueKind.SWITCH) and isinstance(text, str):
            try:
                text = json.loads(text)
            except ValueError:
                text = value
        parsed[name] = Secret(text) if isinstance(value, Secret) else text
    return parsed
