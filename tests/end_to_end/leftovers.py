"""Removes what end-to-end runs leave in Docker and in the clone: the run that asks, and those that were killed."""

import contextlib
import os
import re
from pathlib import Path

import docker
import docker.errors

from tests.support.this_machine import unmount

ROOT = Path(__file__).resolve().parents[2]
_STACK = re.compile(r"test-(?:e2e|ci|alone)-(\d+)")


def remove_test_stacks(stack=None):
    """Remove one stack's containers, networks, volumes and settings; without a name, those of every run that is no longer alive."""
    client = docker.from_env()
    try:
        for listing in (client.containers.list(all=True, ignore_removed=True), client.networks.list(), client.volumes.list()):
            for each in listing:
                name = (each.attrs.get("Labels") or each.attrs.get("Config", {}).get("Labels") or {}).get("com.christmas.stack", "")
                if name == stack or (stack is None and _abandoned(name)):
                    if os.path.ismount(folder := each.attrs.get("Mountpoint", "")):
                        unmount(folder)
                    with contextlib.suppress(docker.errors.APIError):
                        each.remove(**({"force": True, "v": True} if hasattr(each, "exec_run") else {}))
    finally:
        client.close()
    for settings in ROOT.glob("Pulumi.test-*.yaml"):
        name = settings.name.split(".")[1]
        if name == stack or (stack is None and _abandoned(name)):
            settings.unlink(missing_ok=True)


def _abandoned(stack):
    match = _STACK.fullmatch(stack)
    return match is not None and not Path(f"/proc/{match[1]}").exists() and int(match[1]) != os.getpid()
