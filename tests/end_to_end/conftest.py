"""A stack of the tests' own, brought up once through the commands that a user types, and taken away with everything it made."""

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import docker
import pytest

from airgap.toolchain.asking import ask
from core.health import is_well
from schedule import keeper
from tests.end_to_end.leftovers import remove_test_stacks
from tests.support.checking import until_known

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"


@dataclass
class Stack:
    """Runs commands against one stack, in a state of its own."""

    name: str
    environment: dict[str, str] = field(repr=False)

    def run(self, *command, check=True, timeout=1800, given="", through=()):
        """Run a program of the virtual environment, with `given` to read; its output is shown where it fails unexpectedly.

        `through` is a command that starts it.
        """
        program, *arguments = command
        done = subprocess.run(
            [*through, str(BIN / program), *arguments],
            cwd=ROOT,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            sys.stderr.write(done.stdout + done.stderr)
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}")
        return done

    def invoke(self, *arguments, **options):
        return self.run("invoke", *arguments, **options)

    def pulumi(self, *arguments, **options):
        return self.run("pulumi", *arguments, "--stack", self.name, **options)

    def up(self, *options, **more):
        return self.pulumi("up", "--yes", "--skip-preview", "--non-interactive", "--color", "never", *options, **more)

    def outputs(self):
        done = ask(ROOT, "stack", "output", "--json", "--show-secrets", "--stack", self.name, variables=self.environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def container(self, service):
        return docker.from_env().containers.get(f"christmas-{self.name}-{service}")

    def is_well(self, service):
        """Whether a service's own health check passes now; Docker runs it only twice a minute."""
        return is_well(self.container(service))

    def check(self, *options):
        """What `invoke check` ends with, once it could learn everything."""
        return until_known(lambda: self.invoke("check", *options, check=False))

    def platform(self):
        from infra.connections import from_outputs

        return from_outputs(self.name, self.outputs())


@pytest.fixture(scope="package")
def stack(tmp_path_factory, request):
    """A stack that is up, migrated and seeded. Tests leave it as they found it."""
    remove_test_stacks()
    name = f"test-e2e-{os.getpid()}"
    state = tmp_path_factory.mktemp("state")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "CHRISTMAS_"))} | {
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests' own",
        "CHRISTMAS_STACK": name,
        "CHRISTMAS_SCHEDULE": "off",  # test_it_keeps_itself.py turns it on; the others want to be alone with the stack
    }
    made = Stack(name, environment)
    try:
        made.invoke("up")
        made.invoke("migrate")
        if any("end_to_end" in item.nodeid and item.get_closest_marker("exhaustive") for item in request.session.items):
            made.invoke("seed")
        else:
            # What is asked in the plain suite one page answers; embedding the whole guide takes a minute of a processor.
            made.invoke("seed.market")
            made.invoke("seed.demo")
            made.invoke("seed.cache")
            made.invoke("seed.docs", "docs/guide/ko/overview.md")
        yield made
    finally:
        with contextlib.suppress(Exception):
            made.invoke("down", "--volumes", "--yes")
            made.pulumi("stack", "rm", "--yes")
        keeper.stop(name, now=True)
        remove_test_stacks(name)


@pytest.fixture(scope="module")
def watched(stack):
    """The stack with monitoring, for the tests of a file."""
    from tests.end_to_end.watched import watching

    with watching(stack) as seen:
        yield seen
