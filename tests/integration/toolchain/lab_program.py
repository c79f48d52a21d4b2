"""One operation on a lab's stack, whose program is described in the lab's `program.json`.

Usage: lab_program.py FOLDER up|preview|refresh|destroy|cancel OPTIONS; OPTIONS are the Automation API's, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker
from pulumi import automation as auto

from tests.integration.toolchain.docker_lab import Lab, image, steps

_CLASSES: dict[str, Any] = {
    "Network": pulumi_docker.Network,
    "Volume": pulumi_docker.Volume,
    "RemoteImage": pulumi_docker.RemoteImage,
    "Container": pulumi_docker.Container,
    "Provider": pulumi_docker.Provider,
}


def declare(program: dict[str, dict[str, Any]]) -> None:
    """Declare the resources: kind, arguments and options by name. `{"secret": …}` and `{"output": [name, property]}` stand for outputs."""
    made: dict[str, Any] = {}
    for name, resource in program.items():
        options = {key: made[value] if key == "provider" else value for key, value in resource.get("options", {}).items()}
        arguments = {key: _value(value, made) for key, value in resource["arguments"].items()}
        made[name] = _CLASSES[resource["kind"]](name, opts=pulumi.ResourceOptions(**options), **arguments)


def _value(value: Any, made: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_value(item, made) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"secret"}:
        return pulumi.Output.secret(value["secret"])
    if set(value) == {"output"}:
        name, attribute = value["output"]
        return getattr(made[name], attribute)
    if set(value) == {"test_image"}:
        return image()
    return {key: _value(item, made) for key, item in value.items()}


def operate(lab: Lab, operation: str, options: dict[str, Any]) -> dict[str, Any]:
    """Run the operation; return how many resources changed, and the steps."""
    program = json.loads((lab.folder / "program.json").read_text())
    stack = lab.stack(lambda: declare(program))
    if operation == "cancel":
        stack.cancel()
        return {}
    events: list[Any] = []
    result: Any = getattr(stack, operation)(on_event=events.append, on_output=print, on_error=print, **options)
    changes = result.change_summary if operation == "preview" else result.summary.resource_changes
    return {"changes": {_name(kind): number for kind, number in (changes or {}).items()}, "steps": steps(events)}


def _name(kind: Any) -> str:
    return str(kind.value) if isinstance(kind, auto.OpType) else str(kind)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    try:
        answer = operate(Lab(folder), sys.argv[2], json.loads(sys.argv[3]))
    except auto.CommandError as error:
        print(error)
        sys.exit(1)
    (folder / "result.json").write_text(json.dumps(answer))
