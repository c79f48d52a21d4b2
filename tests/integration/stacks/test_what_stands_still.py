"""An `up` looks at what is really there where a container of the stack does not run."""

from __future__ import annotations

import os

import docker

from christmas.blueprint.services import MONITORING, SERVICES
from core.labels import SERVICE_LABEL, STACK_LABEL
from infra.stacks import _not_running
from tests.support.scratch import image, labels


def test_what_is_stopped_or_gone_is_named_and_a_stack_that_is_not_there_is_left_alone() -> None:
    stack = f"test-still-{os.getpid()}"
    assert _not_running(stack) == []
    marked = {**labels(), STACK_LABEL: stack, SERVICE_LABEL: MONITORING.name}
    container = docker.from_env().containers.create(image("redis"), ["infinity"], entrypoint=["sleep"], network_mode="none", labels=marked)
    try:
        services = {service.name for service in SERVICES}
        assert set(_not_running(stack)) == services | {MONITORING.name}
        container.start()
        assert set(_not_running(stack)) == services
    finally:
        container.remove(force=True)
