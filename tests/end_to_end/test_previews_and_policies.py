"""`invoke preview` holds a program against the policy pack, and shows stacks that don't exist yet without making them."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).resolve().parents[2]


def test_a_stack_that_is_up_keeps_every_policy(stack):
    done = stack.invoke("preview")
    assert "christmas" in done.stdout
    assert "mandatory" not in done.stdout


def test_a_stack_that_breaks_a_policy_is_refused(stack):
    stack.pulumi("config", "set", "christmas:bindAddress", "0.0.0.0")
    try:
        done = stack.invoke("preview", check=False)
        assert done.returncode != 0
        assert "published on 0.0.0.0" in done.stdout + done.stderr
    finally:
        stack.pulumi("config", "rm", "christmas:bindAddress")


def test_the_production_example_can_be_previewed_and_leaves_nothing(stack):
    settings = (ROOT / "Pulumi.prod.yaml").read_bytes()
    done = stack.invoke("preview", "--stack", "prod")
    assert "christmas-prod-timescaledb" in done.stdout
    assert (ROOT / "Pulumi.prod.yaml").read_bytes() == settings
    assert "prod" not in stack.run("pulumi", "stack", "ls").stdout
