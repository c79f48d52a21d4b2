"""What the Docker plugin's tests share: an image of a few kilobytes, leftovers' removal, and stacks that run on the plugin."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import docker
from pulumi import automation as auto

from airgap.toolchain.locate import real_pulumi
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
LABEL = "com.christmas.test"
"""On everything that these tests make, so that what a killed run left is found."""
OURS = "docker-plugin"
PREFIX = "christmas-docker-plugin"
"""What the names of everything that these tests make begin with."""
_OBSERVED = re.compile("conf-(c|net|vol)2?")
"""The names in the observation of the official plugin, which ours has to repeat."""
_OBSERVED_LABELS = ("a", "x")
_PROGRAMS = ("env", "sleep", "true", "false", "sh", "cat", "ls", "stat", "id", "kill", "mkdir", "test")
_FOLDERS = ("data", "dev", "etc", "mnt", "proc", "run", "sys", "tmp", "usr/bin")


def client() -> docker.APIClient:
    """Return a client of the local engine."""
    return docker.APIClient(version="auto", timeout=PATIENCE)


@cache
def image() -> str:
    """Return the name of the test image, made of this machine's own programs and their libraries where it is missing."""
    files = {f"usr/bin/{name}": Path(found) for name in _PROGRAMS if (found := shutil.which(name))}
    for program in list(files.values()):
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        files |= {path.lstrip("/"): Path(path) for path in re.findall(r"/\S+\.so\S*", listed)}
    contents = {name: path.resolve().read_bytes() for name, path in sorted(files.items())}
    tag = hashlib.sha256(b"".join(name.encode() + content for name, content in contents.items())).hexdigest()[:12]
    name = f"{PREFIX}-test:{tag}"
    with contextlib.closing(client()) as engine:
        if not engine.images(name=name):
            changes = [f"LABEL {LABEL}={OURS}", "ENV FROM_IMAGE=yes"]
            engine.import_image_from_data(_archive(contents), repository=name.partition(":")[0], tag=tag, changes=changes)
    return name


def _archive(contents: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for folder in _FOLDERS:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            archive.addfile(entry)
        link = tarfile.TarInfo("bin")
        link.type, link.linkname = tarfile.SYMTYPE, "usr/bin"
        archive.addfile(link)
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def remove_leftovers() -> None:
    """Remove every container, network and volume that these tests, or an earlier run that was killed, left behind."""
    with contextlib.closing(client()) as engine:
        for container in engine.containers(all=True):
            if any(_is_ours(name.lstrip("/"), container["Labels"]) for name in container["Names"] or []):
                with contextlib.suppress(docker.errors.APIError):
                    engine.remove_container(container["Id"], v=True, force=True)
        for network in engine.networks():
            if _is_ours(network["Name"], network["Labels"]):
                with contextlib.suppress(docker.errors.APIError):
                    engine.remove_network(network["Id"])
        for volume in engine.volumes()["Volumes"] or []:
            if _is_ours(volume["Name"], volume["Labels"]):
                with contextlib.suppress(docker.errors.APIError):
                    engine.remove_volume(volume["Name"], force=True)


def _is_ours(name: str, labels: dict[str, str] | None) -> bool:
    """Tell by the name, as some tests are about things without labels; a name that others might use takes the observed label too."""
    if name.startswith(PREFIX):
        return True
    return bool(_OBSERVED.fullmatch(name)) and any((labels or {}).get(label) in ("1", "2") for label in _OBSERVED_LABELS)


def names_in_use() -> set[str]:
    """Return which of the names in the observation of the official plugin something on this machine has."""
    with contextlib.closing(client()) as engine:
        containers = [name.lstrip("/") for item in engine.containers(all=True) for name in item["Names"] or []]
        networks = [item["Name"] for item in engine.networks()]
        volumes = [item["Name"] for item in engine.volumes()["Volumes"] or []]
    return {name for name in (*containers, *networks, *volumes) if _OBSERVED.fullmatch(name)}


class Lab:
    """One stack with state, home and passphrase of its own, whose Docker plugin is this project's."""

    def __init__(self, folder: Path, stack: str = "dev") -> None:
        self.folder = folder
        self.stack_name = stack
        self.environment = self._environment()
        for name in ("state", "work", "bin"):
            (folder / name).mkdir(exist_ok=True)
        launcher = folder / "bin" / "pulumi-resource-docker"
        launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m airgap.toolchain.docker_plugin "$@"\n')
        launcher.chmod(0o755)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def stack(self, program: Callable[[], None]) -> auto.Stack:
        """Return the stack, running this program."""
        options = auto.LocalWorkspaceOptions(
            work_dir=str(self.folder / "work"),
            pulumi_home=self.environment["PULUMI_HOME"],
            env_vars=self.environment,
            pulumi_command=auto.PulumiCommand(root=str(real_pulumi().parent.parent)),
            project_settings=auto.ProjectSettings(
                name="lab", runtime="python", backend=auto.ProjectBackend(url=self.environment["PULUMI_BACKEND_URL"])
            ),
        )
        return auto.create_or_select_stack(self.stack_name, project_name="lab", program=program, opts=options)

    def run(self, operation: str, program: dict[str, Any] | None = None, **options: Any) -> Result:
        """Run `up`, `preview`, `refresh`, `destroy` or `cancel` on a program of `lab_program`, in a process of its own.

        What went wrong is in the result; `Result.succeeded` raises it.
        """
        with self.start(operation, program, **options) as process:
            text, _ = process.communicate(timeout=300)
        return Result(process.returncode, text, json.loads((self.folder / "result.json").read_text()) if process.returncode == 0 else {})

    def start(self, operation: str, program: dict[str, Any] | None = None, **options: Any) -> subprocess.Popen[str]:
        """Begin an operation, and don't wait for it."""
        if program is not None:
            (self.folder / "program.json").write_text(json.dumps(program))
        # A process of its own, because the Automation API leaves event loops behind where an operation fails.
        command = [sys.executable, "-m", "tests.integration.toolchain.lab_program", str(self.folder), operation, json.dumps(options)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """Return the recorded resources of a kind, such as `Container`; their secrets are encrypted."""
        state = self.folder / "state" / ".pulumi" / "stacks" / "lab" / f"{self.stack_name}.json"
        latest = json.loads(state.read_text())["checkpoint"]["latest"] or {}
        return [item for item in latest.get("resources", []) if item["type"].endswith(f":{kind}")]

    def container(self) -> dict[str, Any]:
        """Return the only recorded container."""
        (found,) = self.resources("Container")
        return found


@dataclass(frozen=True)
class Result:
    """How an operation went."""

    code: int
    text: str
    """All that it printed."""
    _answer: dict[str, Any]

    def succeeded(self) -> Result:
        """Return this result, if the operation went well."""
        assert self.code == 0, self.text
        return self

    @property
    def changes(self) -> dict[str, int]:
        """How many resources were created, changed and so on, without those that stayed the same."""
        self.succeeded()
        return {kind: number for kind, number in (self._answer["changes"] or {}).items() if kind != "same"}

    @property
    def steps(self) -> dict[str, Any]:
        """What was done to each kind of resource, as `steps` tells it."""
        self.succeeded()
        found: dict[str, Any] = self._answer["steps"]
        return found


def steps(events: list[auto.events.EngineEvent] | list[Any]) -> dict[str, dict[str, Any]]:
    """Return what a preview or update would do to each kind of Docker resource: the operations, and the differences by path."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        step = event.resource_pre_event.metadata if event.resource_pre_event else None
        if step is None or not step.type.startswith("docker:") or step.op.value == "same":
            continue
        entry = found.setdefault(step.type.rpartition(":")[2], {"op": [], "diff": {}})
        entry["op"].append(step.op.value)
        entry["diff"] |= {path: difference.diff_kind.value for path, difference in (step.detailed_diff or {}).items()}
    return found
