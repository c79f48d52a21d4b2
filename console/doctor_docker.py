"""The doctor's checks of Docker: engine, client, credentials, limits, images, other stacks, leftovers of killed test runs."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
from collections import Counter
from typing import Any
from urllib.parse import quote

from airgap.images.catalog import SERVICES, image_reference
from airgap.setup.debian import is_debian
from airgap.setup.docker_engine import MINIMUM, find_daemon, parse_version
from airgap.setup.leftovers import is_left_by_a_test
from console import engine as asking
from core.chosen_engine import LOCAL_SOCKET, ChosenEngine, chosen_engine, configuration_folder
from core.labels import PROJECT_LABEL, SERVICE_LABEL, STACK_LABEL
from core.words import shortened
from monitor.result import Finding, critical, ok, unknown, warning

_PROJECT = f"{PROJECT_LABEL}=christmas"
_CLI_SECONDS = 6.0
_LIMITS = {"MemoryLimit": "memory", "CpuCfsQuota": "CPU", "PidsLimit": "process"}


def engine() -> Finding:
    """A Docker engine of a supported version answers."""
    chosen = chosen_engine()
    try:
        version = str((asking.ask(chosen, "/version") or {}).get("Version", ""))
    except asking.Unasked:
        version = _by_the_client()
        if not version:
            return unknown(f"{chosen} could not be reached", "docker version shows the reason")
    except PermissionError:
        user = pwd.getpwuid(os.geteuid()).pw_name
        step = f"sudo usermod -aG docker {user}, then log out and in again (or: newgrp docker)"
        return critical(f"the engine runs, but {user} may not use it ({chosen})", step)
    except TimeoutError:
        return unknown(f"{chosen} does not answer within {asking.SECONDS:g} s", "docker info; its log: journalctl -u docker")
    except OSError as error:
        return critical(f"no engine answers at {chosen}: {error}", _start(chosen))
    if parse_version(version) < MINIMUM:
        needed = ".".join(map(str, MINIMUM))
        return critical(f"version {version} at {chosen}; {needed} or newer is needed", "update it: https://docs.docker.com/engine/install")
    return ok(f"version {version} at {chosen}")


def _start(chosen: ChosenEngine) -> str:
    if chosen.url != LOCAL_SOCKET:
        return "start that engine, or use the local one: unset DOCKER_HOST; docker context use default"
    if find_daemon():
        return "make machine starts it (or: sudo systemctl start docker)"
    if is_debian():
        return "make machine installs and starts it"
    return "install it (https://docs.docker.com/engine/install) and start it"


def _by_the_client() -> str:
    """The engine's version from Docker's own client, which also supports SSH."""
    try:
        command = ["docker", "version", "--format", "{{.Server.Version}}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_CLI_SECONDS, stdin=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def client() -> Finding:
    """The `docker` command exists: `invoke shell` and many messages need it."""
    program = shutil.which("docker")
    if program is None:
        return warning("no `docker` command on PATH: invoke shell can't enter containers", "sudo apt-get install docker-cli")
    return ok(program)


def credentials() -> Finding:
    """The client's configuration is readable, and its credential helpers exist."""
    file = configuration_folder() / "config.json"
    try:
        configuration: Any = json.loads(file.read_bytes())
    except FileNotFoundError:
        return ok("no client configuration, none needed")
    except (OSError, ValueError) as error:
        return warning(f"{file} can't be read and is ignored: {error}", f"correct or remove {file}")
    if not isinstance(configuration, dict) or not isinstance(configuration.get("credHelpers") or {}, dict):
        return critical(f"{file} is not a valid client configuration", f"correct or remove {file}")
    named = {str(helper) for helper in (configuration.get("credsStore"), *(configuration.get("credHelpers") or {}).values()) if helper}
    missing = sorted(f"docker-credential-{helper}" for helper in named if shutil.which(f"docker-credential-{helper}") is None)
    if missing:
        return warning(
            f"{', '.join(missing)} is not on PATH: registries are used without a login",
            f"install it, or remove it from credsStore and credHelpers in {file}",
            len(missing),
            "helpers",
        )
    return ok(f"{file}: {len(named) or 'no'} credential helpers")


def limits() -> Finding:
    """The engine enforces container limits, and its storage driver is not slow."""
    engine_info = asking.ask(chosen_engine(), "/info") or {}
    wrong = [f"{what} limits are not enforced" for name, what in _LIMITS.items() if engine_info.get(name) is False]
    if engine_info.get("Driver") == "vfs":
        wrong.append("the storage driver vfs copies whole images")
    if wrong:
        return warning("; ".join(wrong), "docker info shows the engine's warnings; limits need the kernel's cgroups", len(wrong), "faults")
    return ok(f"memory, CPU and process limits are enforced; storage driver {engine_info.get('Driver')}")


def images() -> Finding:
    """The images of this checkout exist. A stack with upstream images does not need them."""
    chosen = chosen_engine()
    missing = [service for service in SERVICES if asking.ask(chosen, f"/images/{quote(image_reference(service), safe='/:')}/json") is None]
    if missing:
        return warning(f"not built yet: {', '.join(missing)}", "make machine, or invoke images, builds them", len(missing), "images")
    return ok(f"all {len(SERVICES)} images of this checkout exist", len(SERVICES), "images")


def stacks(stack: str) -> Finding:
    """Other stacks on this engine."""
    containers = asking.ask(chosen_engine(), asking.labelled("/containers/json", _PROJECT))
    others: Counter[str] = Counter()
    for container, labels in asking.pieces(containers):
        if labels.get(STACK_LABEL, stack) != stack and labels.get(SERVICE_LABEL):
            others[f"{labels[STACK_LABEL]}{'' if container.get('State') == 'running' else ' (stopped)'}"] += 1
    if not others:
        return ok("no other stack is on this engine", 0, "stacks")
    return ok(
        f"other stacks: {', '.join(f'{name} with {count} containers' for name, count in sorted(others.items()))}", len(others), "stacks"
    )


def leftovers() -> Finding:
    """No leftovers of killed test runs."""
    chosen = chosen_engine()
    containers = asking.pieces(_list(chosen, "/containers/json"))
    left = [str(container["Names"][0]).lstrip("/") for container, labels in containers if is_left_by_a_test(labels)]
    volumes = (asking.ask(chosen, asking.labelled("/volumes", _PROJECT)) or {}).get("Volumes")
    left += [str(volume["Name"]) for volume, labels in asking.pieces(volumes) if is_left_by_a_test(labels)]
    left += [str(network["Name"]) for network, labels in asking.pieces(_list(chosen, "/networks")) if is_left_by_a_test(labels)]
    if left:
        return warning(f"left by killed test runs: {shortened(left, 4, ',')}", "make clean-tests", len(left), "objects")
    return ok("no leftovers of killed test runs", 0, "objects")


def _list(chosen: ChosenEngine, path: str) -> Any:
    return asking.ask(chosen, asking.labelled(path, _PROJECT))
