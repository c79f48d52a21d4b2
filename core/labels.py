"""The labels by which containers, networks, volumes and images of this project are found."""

from __future__ import annotations

PROJECT_LABEL = "com.christmas.project"
STACK_LABEL = "com.christmas.stack"
SERVICE_LABEL = "com.christmas.service"
SETTINGS_LABEL = "com.christmas.settings"
PURPOSE_LABEL = "com.christmas.purpose"
OWNER_LABEL = "com.christmas.owner"
"""The number of the process that made something; when that process is gone, the next one removes it."""
MACHINE_LABEL = "com.christmas.machine"
"""Where that number counts: another machine, or a container with processes of its own, may use the same engine."""
TESTS_OWNER_LABEL = "com.christmas.tests.owner"
CLONE_LABEL = "com.christmas.clone."
BASE_LABEL = "com.christmas.base"
INPUTS_LABEL = "com.christmas.inputs"

Filters = dict[str, str | list[str] | bool]


def with_labels(*wanted: str) -> Filters:
    """Filters of Docker's listings for what has all these labels, each a name or `name=value`."""
    return {"label": list(wanted)}


def of_stack(stack: str) -> Filters:
    """Filters for what belongs to a stack."""
    return with_labels(f"{PROJECT_LABEL}=christmas", f"{STACK_LABEL}={stack}")
