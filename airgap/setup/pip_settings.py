"""pip's settings on this machine, from its files and PIP_ variables, converted for uv. Standard library only.

Source: pip's user guide, "Configuration" (files, their order, sections); uv's reference of environment variables.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# pip's name -> uv's variable, for values with the same meaning.
_SAME = {
    "index-url": "UV_DEFAULT_INDEX",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "retries": "UV_HTTP_RETRIES",
    "keyring-provider": "UV_KEYRING_PROVIDER",
}
_TRUE = {"1", "yes", "true", "on", "y", "t"}


@dataclass(frozen=True)
class PipSettings:
    """pip's settings by their long option names without dashes (`index-url`), later sources over earlier ones."""

    values: Mapping[str, str]

    def uv_variables(self) -> dict[str, str]:
        """Return uv's environment variables for these settings, without those that uv lacks."""
        variables = {uv: self.values[pip] for pip, uv in _SAME.items() if self.values.get(pip)}
        extra = self.values.get("extra-index-url", "").split()
        if extra:
            # pip takes the best version of all indexes; uv would stop at the first index that has the name.
            variables |= {"UV_INDEX": " ".join(extra), "UV_INDEX_STRATEGY": "unsafe-best-match"}
        links = [link for link in self.values.get("find-links", "").split() if "://" in link or Path(link).expanduser().exists()]
        if links:
            variables["UV_FIND_LINKS"] = ",".join(links)
        if self.values.get("trusted-host"):
            variables["UV_INSECURE_HOST"] = " ".join(self.values["trusted-host"].split())
        timeout = self.values.get("timeout") or self.values.get("default-timeout")
        if timeout:
            variables["UV_HTTP_TIMEOUT"] = str(max(1, round(float(timeout))))
        if self.values.get("proxy"):
            variables |= {"HTTP_PROXY": self.values["proxy"], "HTTPS_PROXY": self.values["proxy"]}
        if "SSL_CERT_FILE" not in variables:
            # pip's HTTP library reads these two, uv does not.
            bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
            if bundle and Path(bundle).is_file():
                variables["SSL_CERT_FILE"] = bundle
        return variables

    def uv_options(self) -> list[str]:
        """Return the options of `uv pip` for settings without a uv variable."""
        return ["--no-index"] if self.values.get("no-index", "").lower() in _TRUE else []


def pip_settings() -> PipSettings:
    """Read pip's files in pip's order, then the PIP_ variables. An unreadable or invalid file counts as empty."""
    values: dict[str, str] = {}
    for file in _files():
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                values |= {name.replace("_", "-"): value for name, value in parser.items(section) if value}
    for name, value in os.environ.items():
        if name.startswith("PIP_") and value:
            values[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return PipSettings(values)


def _files() -> list[Path]:
    chosen = os.environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises if there is none
    system = [Path(folder, "pip", "pip.conf") for folder in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if folder]
    user = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config", "pip", "pip.conf")
    files = [*system, Path("/etc/pip.conf"), home / ".pip" / "pip.conf", user, Path(sys.prefix, "pip.conf")]
    return [*files, *([Path(chosen)] if chosen else [])]
