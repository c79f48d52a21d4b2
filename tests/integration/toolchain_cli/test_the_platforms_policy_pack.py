"""The platform's policy pack under the real engine: what only the engine knows, secrets and values to come, reaches the rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Clone

PACK = Path(__file__).parents[3] / "infra" / "policy"
PROGRAM = """
import pulumi
import pulumi_docker as docker

labels = [docker.VolumeLabelArgs(label=f"com.christmas.{part}", value="test") for part in ("project", "stack")]
volume = docker.Volume("data", labels=labels)
docker.Container(
    "hostile",
    image="redis:8.0.3",
    envs=[pulumi.Output.secret("GREETING=hello"), volume.mountpoint.apply(lambda path: f"DATA={path}")],
    hostname=volume.mountpoint,  # unknown before the volume is made
    privileged=True,
    must_run=False,
)
"""


def test_it_sees_secrets_and_judges_beside_what_is_unknown(stack: Clone) -> None:
    stack.program.write_text(PROGRAM)
    outcome = stack.pulumi("preview", "--policy-pack", str(PACK), check=False)
    assert outcome.returncode != 0
    assert "envs[0] is secret, and Docker shows it to anybody" in outcome.stdout
    assert "privileged is not an allowed property of a container" in outcome.stdout
    assert "hello" not in outcome.stdout + outcome.stderr
    assert "can't run policy" not in outcome.stdout
    assert "volume-" not in outcome.stdout
