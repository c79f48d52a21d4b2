"""Inline Pulumi programs on the real engine and this project's real plugin, each with a state of its own.

Every operation runs in a process of its own: the Automation API leaves event loops and sockets open in the one that it runs in.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from airgap.toolchain.locate import real_pulumi

ROOT = Path(__file__).resolve().parents[3]
Program = Callable[[], None]


class EngineError(Exception):
    """An operation failed; the text is everything it printed."""


@dataclass(frozen=True)
class Step:
    """What the engine did, or would do, to one resource; `changed` are the properties of the detailed diff."""

    op: str
    changed: frozenset[str]


@dataclass(frozen=True)
class Run:
    """One operation: a step for each resource that it changes, by name, and everything it printed."""

    steps: dict[str, Step]
    printed: str
    outputs: dict[str, Any]

    def ops(self) -> dict[str, str]:
        return {name: step.op for name, step in self.steps.items()}


@dataclass
class ScratchStack:
    """A stack in a folder. `program` has to be picklable, and may be replaced between runs."""

    folder: Path
    program: Program
    name: str = "scratch"

    def up(self, *, refresh: bool = False) -> Run:
        return self._run("up", refresh=refresh)

    def preview(self, *, refresh: bool = False, diff: bool = False) -> Run:
        return self._run("preview", refresh=refresh, diff=diff)

    def refresh(self) -> Run:
        return self._run("refresh")

    def destroy(self) -> Run:
        return self._run("destroy")

    def edit_state(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the stack's resources behind the engine's back; secrets are in plain text meanwhile. `change` has to be picklable."""
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            pool.submit(_edit, self.folder, self.name, self.program, change).result()

    def state_text(self) -> str:
        """The state file as it lies on the disk."""
        return "".join(path.read_text() for path in (self.folder / "state").rglob("*.json"))

    def _run(self, verb: str, **options: bool) -> Run:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            done = pool.submit(_operate, self.folder, self.name, self.program, verb, options).result()
        if isinstance(done, str):
            raise EngineError(done)
        return done


def _edit(folder: Path, name: str, program: Program, change: Callable[[dict[str, Any]], None]) -> None:
    stack = _open(folder, name, program)
    exported = stack.export_stack()
    for resource in (exported.deployment or {})["resources"]:
        change(resource)
    stack.import_stack(exported)


def _operate(folder: Path, name: str, program: Program, verb: str, options: dict[str, bool]) -> Run | str:
    from pulumi import automation

    stack = _open(folder, name, program)
    steps, lines = _Steps(), list[str]()
    operation: Callable[..., Any] = getattr(stack, verb)
    try:
        result = operation(on_event=steps, on_output=lines.append, color="never", **options)
    except automation.CommandError as error:
        return str(error)
    outputs = {key: output.value for key, output in result.outputs.items()} if verb == "up" else {}
    return Run(steps.found, "\n".join(lines), outputs)


def _open(folder: Path, name: str, program: Program) -> Any:
    from pulumi import automation

    state = folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    project = {
        "name": "christmas",
        "runtime": "python",
        "plugins": {"providers": [{"name": "christmas", "path": str(ROOT / "infra/provider/bin")}]},
    }
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    workspace = automation.LocalWorkspace(
        work_dir=str(folder),
        program=program,
        env_vars={
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "scratch",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(folder / "home"),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(folder / "cache")),
        },
        pulumi_command=automation.PulumiCommand(root=str(real_pulumi().parent.parent)),
    )
    return automation.Stack.create_or_select(name, workspace)


class _Steps:
    """Collects the steps of an operation; what stays the same and the stack itself are left out."""

    def __init__(self) -> None:
        self.found: dict[str, Step] = {}

    def __call__(self, event: Any) -> None:
        happened = event.resource_pre_event or event.res_outputs_event
        if happened is None or "pulumi:" in happened.metadata.type:
            return
        step = happened.metadata
        op = str(getattr(step.op, "value", step.op))
        changed = frozenset(step.detailed_diff or step.diffs or ())
        if op != "same" and (op not in ("refresh", "read") or changed):
            self.found[step.urn.rsplit("::", 1)[-1]] = Step(op, changed)
