"""`pulumi` as people type it: in the clone, below it, beside it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Clone

ANCESTORS = """
import os, pathlib
pid, lines = os.getppid(), []
while pid > 1:
    process = pathlib.Path(f"/proc/{{pid}}")
    lines.append(f"{{pid}} " + (process / "cmdline").read_text().replace("\\0", " "))
    pid = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
pathlib.Path({file!r}).write_text("\\n".join(lines))
"""


@pytest.mark.exhaustive
def test_the_whole_life_of_a_stack_from_a_sub_directory(stack: Clone) -> None:
    below = stack.root / "app" / "sub"
    preview = stack.pulumi("preview", folder=below)
    assert "2 to create" in preview.stdout
    up = stack.pulumi("up", "--yes", "--skip-preview", folder=below)
    assert f"running in {stack.root / 'app'}" in up.stdout
    assert "2 created" in up.stdout
    assert "warning" not in (up.stdout + up.stderr).lower()
    outputs = json.loads(stack.pulumi("stack", "output", "--json", folder=below).stdout)
    assert outputs == {"greeting": "hello", "token": "[secret]"}
    again = stack.pulumi("up", "--yes", "--refresh", folder=below)
    assert "2 unchanged" in again.stdout
    assert "2 unchanged" in stack.pulumi("refresh", "--yes", folder=below).stdout
    assert "2 deleted" in stack.pulumi("destroy", "--yes", folder=below).stdout


@pytest.mark.exhaustive
def test_configuration_reaches_the_program_and_its_secrets_stay_secret(stack: Clone) -> None:
    stack.program.write_text(stack.program.read_text() + 'pulumi.export("greeting", config.require_secret("greeting"))\n')
    stack.pulumi("config", "set", "--secret", "greeting", "psst")
    stack.pulumi("up", "--yes", "--skip-preview")
    assert stack.pulumi("stack", "output", "greeting").stdout.strip() == "[secret]"
    assert stack.pulumi("stack", "output", "greeting", "--show-secrets").stdout.strip() == "psst"
    written = "".join(path.read_text() for path in stack.state.rglob("*.json"))
    assert "psst" not in written
    assert "s3cret-token" not in written


@pytest.mark.exhaustive
def test_what_belongs_to_the_clone_lies_in_its_local_folder(stack: Clone) -> None:
    passphrase = stack.root / ".christmas" / "passphrase"
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    assert len(passphrase.read_text()) >= 40
    assert list(stack.state.glob(".pulumi/stacks/tiny/dev.json"))
    assert not (stack.home / ".pulumi").exists()
    assert not [entry for entry in stack.home.iterdir() if entry.name != ".cache"]


def test_the_directory_option_counts_as_the_place(stack: Clone, tmp_path: Path) -> None:
    assert "dev" in stack.pulumi("--cwd", str(stack.root / "app"), "stack", "ls", folder=tmp_path).stdout
    assert "dev" in stack.pulumi("-C", "clone/app/sub", "stack", "ls", folder=tmp_path).stdout


@pytest.mark.exhaustive
def test_another_project_gets_nothing_of_ours(clone: Clone, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "Pulumi.yaml").write_text("name: other\nruntime: python\n")
    backend = f"file://{tmp_path / 'other-state'}"
    (tmp_path / "other-state").mkdir()
    clone.variables.update(PULUMI_BACKEND_URL=backend, PULUMI_CONFIG_PASSPHRASE="p", PULUMI_HOME=str(tmp_path / "own-home"))
    clone.pulumi("stack", "init", "x", folder=other)
    assert list((tmp_path / "own-home" / "workspaces").iterdir())
    assert not (other / ".christmas").exists()
    assert not (clone.root / ".christmas").exists()
    refused = clone.pulumi("preview", folder=other, check=False)
    assert "this Pulumi CLI runs Python programs only for the project that built it" in refused.stdout + refused.stderr


def test_the_users_own_settings_stay(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    clone.pulumi(
        "stack",
        "init",
        "dev",
        PULUMI_BACKEND_URL=f"file://{tmp_path / 'own'}",
        PULUMI_CONFIG_PASSPHRASE="own words",
        PULUMI_HOME=str(tmp_path / "h"),
    )
    assert list((tmp_path / "own").rglob("dev.json"))
    assert (tmp_path / "h").is_dir()
    assert not (clone.root / ".christmas" / "state").exists()
    assert not (clone.root / ".christmas" / "passphrase").exists()


@pytest.mark.exhaustive
def test_nothing_of_the_wrapper_stays_in_the_process_tree(stack: Clone, cli: Path, tmp_path: Path) -> None:
    stack.program.write_text(ANCESTORS.format(file=str(tmp_path / "ancestors")))
    stack.pulumi("preview")
    ancestors = (tmp_path / "ancestors").read_text().splitlines()
    ours = ancestors[: next(position for position, line in enumerate(ancestors) if line.startswith(f"{os.getpid()} "))]
    assert len(ours) == 2
    assert "airgap.toolchain.language_host" in ours[0]
    assert ours[1].split()[1:] == [str(cli), "preview"]


def test_a_missing_cli_names_the_command_that_builds_it(clone: Clone, tmp_path: Path) -> None:
    outcome = clone.pulumi("up", check=False, XDG_CACHE_HOME=str(tmp_path / "empty"))
    assert outcome.returncode == 1
    assert "The Pulumi CLI is missing" in outcome.stderr
    assert "make up" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_the_wrapper_loads_nothing_heavy(clone: Clone, tmp_path: Path) -> None:
    """It stands before each pulumi command: what it loads is looked at, since times depend on the machine (bench.platform_up has them)."""
    # A CLI that does nothing, so that what is loaded is the wrapper's.
    official = tmp_path / "bin" / "pulumi"
    official.parent.mkdir()
    official.write_text("#!/bin/sh\necho v3.259.0\n")
    official.chmod(0o755)
    (official.parent / "pulumi-language-python").symlink_to(official)
    environment = clone.environment(
        PATH=f"{official.parent}:/usr/bin:/bin", XDG_CACHE_HOME=str(tmp_path / "cache"), PYTHONPROFILEIMPORTTIME="1"
    )
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pulumi")), "up"], cwd=clone.root, env=environment, capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "airgap" in loaded
    assert loaded.isdisjoint({"pulumi", "docker", "grpc", "rich", "yaml", "pydantic", "requests", "infra", "blueprint", "asyncio"})


@pytest.mark.parametrize("verb", ["version", "--help"])
def test_a_lost_passphrase_keeps_nobody_from_help(stack: Clone, verb: str) -> None:
    (stack.root / ".christmas" / "passphrase").unlink()
    assert stack.pulumi(verb).stdout
