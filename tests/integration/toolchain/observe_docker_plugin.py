"""Observe the Docker plugin on PATH of a lab: its states, and what it makes of a change of each property.

Usage: observe_docker_plugin.py OUT.json FOLDER; the answer has the form of `data/official.json`.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker

from tests.integration.toolchain.docker_lab import Lab, image, names_in_use, steps

OFFICIAL = Path(__file__).with_name("data") / "official.json"
KINDS = {"network": "Network", "volume": "Volume", "container": "Container"}

CHANGES: dict[str, dict[str, Any]] = {
    "network": {
        "name": "conf-net2",
        "driver": "macvlan",
        "internal": True,
        "attachable": False,
        "labels": [{"label": "a", "value": "2"}],
        "ipamConfigs": [{"subnet": "172.30.10.0/24", "gateway": "172.30.10.1"}],
    },
    "volume": {"name": "conf-vol2", "labels": [{"label": "a", "value": "2"}]},
    "container": {
        "name": "conf-c2",
        "command": ["sleep", "3601"],
        "entrypoints": [],
        "envs": ["A=2"],
        "user": "1:1",
        "hostname": "h2",
        "workingDir": "/",
        "restart": "always",
        "memory": 80,
        "memorySwap": 160,
        "cpuShares": 256,
        "cpus": "0.7",
        "shmSize": 32,
        "readOnly": True,
        "init": False,
        "stopSignal": "SIGINT",
        "stopTimeout": 9,
        "destroyGraceSeconds": 9,
        "privileged": True,
        "securityOpts": [],
        "logDriver": "local",
        "logOpts": {"max-size": "2m"},
        "labels": [{"label": "x", "value": "2"}],
        "capabilities": {"drops": ["CAP_CHOWN"]},
        "tmpfs": {"/run": "size=2m"},
        "dns": ["8.8.8.8"],
        "dnsSearches": ["z"],
        "hosts": [{"host": "db", "ip": "10.0.0.2"}],
        "ulimits": [{"name": "nofile", "soft": 1000, "hard": 2048}],
        "sysctls": {"net.core.somaxconn": "256"},
        "ports": [{"internal": 6379, "external": 16391, "ip": "127.0.0.1"}],
        "volumes": [{"volumeName": "conf-vol", "containerPath": "/data2"}],
        "mounts": [{"target": "/mnt2", "type": "tmpfs"}],
        "uploads": [{"file": "/etc/x.conf", "content": "bye", "permissions": "0644"}],
        "networksAdvanced": [{"name": "conf-net", "aliases": ["redis2"], "ipv4Address": "172.30.9.11"}],
        "healthcheck": {"tests": ["CMD", "false"], "interval": "3s", "timeout": "1s", "retries": 3, "startPeriod": "1s"},
        "wait": False,
        "waitTimeout": 40,
        "mustRun": False,
    },
}


def observed_inputs() -> dict[str, dict[str, Any]]:
    """Return what the observed program gave each resource: the official plugin's inputs without the defaults that it added."""
    states = json.loads(OFFICIAL.read_text(encoding="utf-8"))["state"]
    by_kind = {state["type"].rpartition(":")[2]: without_defaults(state["inputs"]) for state in states}
    return {part: {name: value for name, value in by_kind[kind].items() if name != "image"} for part, kind in KINDS.items()}


def without_defaults(value: Any) -> Any:
    """Return inputs without what check added to them."""
    if isinstance(value, dict):
        added = {*value.get("__defaults", []), "__defaults"}
        return {key: without_defaults(item) for key, item in value.items() if key not in added}
    return [without_defaults(item) for item in value] if isinstance(value, list) else value


def program(inputs: dict[str, dict[str, Any]]) -> Callable[[], None]:
    """Return the program with one resource of each kind."""

    def run() -> None:
        network = pulumi_docker.Network("net", **arguments(inputs["network"]))
        volume = pulumi_docker.Volume("vol", **arguments(inputs["volume"]))
        picture = pulumi_docker.RemoteImage("img", name=image(), keep_locally=True)
        options = pulumi.ResourceOptions(depends_on=[network, volume])
        pulumi_docker.Container("c", image=picture.image_id, opts=options, **arguments(inputs["container"]))

    return run


def arguments(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return inputs under the names that the Python SDK has for them."""
    return {re.sub(r"(?<=[a-z0-9])[A-Z]", lambda match: "_" + match.group().lower(), name): value for name, value in inputs.items()}


def observe(lab: Lab) -> dict[str, Any]:
    """Run the program, refresh, and preview a change of every property."""
    taken = names_in_use()
    if taken:
        raise SystemExit(f"something on this machine has names that the observation needs, and may be anyone's: {', '.join(sorted(taken))}")
    base = observed_inputs()
    stack = lab.stack(program(base))
    try:
        stack.up()
        seen: dict[str, Any] = {"state": states(lab)}
        stack.refresh()
        seen["state_after_refresh"] = states(lab)
        seen["preview_unchanged"] = preview(stack)
        seen["changes"] = {}
        for part, changes in CHANGES.items():
            for name, value in changes.items():
                changed = copy.deepcopy(base)
                changed[part][name] = value
                (snake,) = arguments({name: value})
                stack.workspace.program = program(changed)
                seen["changes"][f"{part}.{snake}"] = preview(stack)
    finally:
        stack.destroy()
    return seen


def preview(stack: Any) -> dict[str, Any]:
    """Return what a preview would do."""
    events: list[Any] = []
    stack.preview(on_event=events.append)
    return steps(events)


def states(lab: Lab) -> list[dict[str, Any]]:
    """Return the recorded Docker resources as the observation of the official plugin has them."""
    resources = [resource for kind in (*KINDS.values(), "RemoteImage") for resource in lab.resources(kind)]
    return [{key: resource.get(key) for key in ("type", "id", "inputs", "outputs")} for resource in resources]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(observe(Lab(Path(sys.argv[2]))), indent=1, sort_keys=True), encoding="utf-8")
