"""What a process that is gone left in Docker is removed, and what somebody else may still use is not."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest
from docker.errors import NotFound
from docker.models.volumes import Volume

from core.docker_client import docker_client
from core.helper_containers import helper
from core.labels import MACHINE_LABEL, OWNER_LABEL, PURPOSE_LABEL
from core.leftovers import here, owner_labels, remove_of_dead_processes
from tests.support.scratch import image


@pytest.fixture
def number_of_nobody() -> str:
    """The number of a process that has just ended."""
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def volumes(number_of_nobody: str) -> Iterator[dict[str, Volume]]:
    labels = {
        "of a process that is gone": {OWNER_LABEL: number_of_nobody, MACHINE_LABEL: here()},
        "of a version that did not say where": {OWNER_LABEL: number_of_nobody},
        "of another machine": {OWNER_LABEL: number_of_nobody, MACHINE_LABEL: "another-4026531836"},
        "of this process": owner_labels(),
    }
    made = {
        whose: docker_client().volumes.create(f"leftover-{secrets.token_hex(4)}", labels={PURPOSE_LABEL: "drill", **marks})
        for whose, marks in labels.items()
    }
    yield made
    kept = {volume.name for volume in docker_client().volumes.list(filters={"label": PURPOSE_LABEL})}
    for volume in made.values():
        if volume.name in kept:
            volume.remove(force=True)


def test_only_what_nobody_uses_any_more_is_removed(volumes: dict[str, Volume]) -> None:
    remove_of_dead_processes()
    kept = {volume.name for volume in docker_client().volumes.list(filters={"label": PURPOSE_LABEL})}
    assert {whose for whose, volume in volumes.items() if volume.name in kept} == {"of another machine", "of this process"}


def test_a_namespace_of_processes_is_a_place_of_its_own() -> None:
    line = [sys.executable, "-c", "from core.leftovers import here; print(here())"]
    beside = subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()
    apart = subprocess.run(["unshare", "--fork", "--pid", "--mount-proc", *line], check=True, capture_output=True, text=True).stdout.strip()
    assert beside == here()
    assert apart != here()
    assert apart.rpartition("-")[0] == here().rpartition("-")[0]


def test_a_helper_that_somebody_prunes_meanwhile_is_no_error() -> None:
    """`docker container prune` takes every container that does not run."""
    with helper(image("redis"), "tests") as container:
        container.remove()
    with pytest.raises(NotFound):
        container.reload()
