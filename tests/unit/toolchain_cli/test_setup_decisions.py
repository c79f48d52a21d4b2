from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from airgap.setup.debian import is_debian
from airgap.setup.docker_engine import MINIMUM, parse_version
from airgap.setup.leftovers import is_left_by_a_test
from airgap.toolchain.environment import own_root, project_root
from airgap.toolchain.locate import cache_folder, is_wrapper, version_text
from airgap.toolchain.wrapper import needs_stack, working_directory
from commands.bring_up import up_steps
from core.errors import PlatformError
from core.room import require_room


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["up"], None),
        (["-C", "infra", "up"], "infra"),
        (["up", "--cwd", "infra"], "infra"),
        (["--cwd=infra", "up"], "infra"),
        (["-Cinfra", "up"], "infra"),
        (["import", "--", "-C", "infra"], None),
        (["up", "-C"], None),
    ],
)
def test_the_folder_that_pulumi_will_work_in(arguments: list[str], expected: str | None) -> None:
    assert working_directory(arguments) == (Path(expected) if expected else Path.cwd())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["up"], True),
        (["--yes", "destroy"], True),
        (["stack", "output"], True),
        ([], False),
        (["version"], False),
        (["up", "--help"], False),
        (["plugin", "ls"], False),
    ],
)
def test_which_commands_may_touch_a_stack(arguments: list[str], expected: bool) -> None:
    assert needs_stack(arguments) is expected


def test_another_project_inside_the_clone_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: other")
    (tmp_path / "sub").mkdir()
    assert project_root(tmp_path / "sub") is None
    assert project_root(Path("/")) is None


def test_the_clone_is_found_from_its_folders() -> None:
    assert project_root(own_root() / "airgap" / "toolchain") == own_root().resolve()


def test_a_wrapper_of_any_clone_is_recognised(tmp_path: Path) -> None:
    ours, theirs, binary = tmp_path / "ours", tmp_path / "theirs", tmp_path / "binary"
    ours.write_text("#!/other/.venv/bin/python\nfrom airgap.toolchain.wrapper import main\n")
    theirs.write_text("#!/bin/sh\nexec /opt/pulumi/bin/pulumi\n")
    binary.write_bytes(b"\x7fELF airgap.toolchain.wrapper")
    assert [is_wrapper(path) for path in (ours, theirs, binary, tmp_path / "none")] == [True, False, False, False]


def test_the_cache_follows_xdg_but_not_a_relative_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/big/cache")
    assert cache_folder() == Path("/big/cache/christmas")
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert cache_folder() == Path.home() / ".cache" / "christmas"


def test_versions_are_written_as_pulumi_does() -> None:
    assert version_text((3, 259, 0)) == "v3.259.0"


@pytest.mark.parametrize(
    ("text", "enough"), [("20.10.24+dfsg1", True), ("28.2.2", True), ("20.9.1", False), ("19.03.15", False), ("dev", False)]
)
def test_which_engines_are_new_enough(text: str, enough: bool) -> None:
    assert (parse_version(text) >= MINIMUM) is enough


@pytest.mark.parametrize(
    ("release", "expected"),
    [('ID=debian\nVERSION_ID="12"\n', True), ("ID=ubuntu\nID_LIKE=debian\n", True), ('ID=fedora\nID_LIKE="rhel"\n', False), ("", False)],
)
def test_which_systems_are_debian(tmp_path: Path, release: str, expected: bool) -> None:
    file = tmp_path / "os-release"
    file.write_text(release)
    assert is_debian(file) is (expected and shutil.which("apt-get") is not None)
    assert is_debian(tmp_path / "missing") is False


def test_too_little_room_is_told_before_anything_is_written(tmp_path: Path) -> None:
    require_room(tmp_path / "not" / "yet", 1, "a test")
    with pytest.raises(PlatformError, match=r"No room on disk for a test: 1000000\.0 TB are needed") as caught:
        require_room(tmp_path / "not" / "yet", 10**18, "a test")
    assert str(tmp_path) in caught.value.where


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"com.christmas.stack": "test-x"}, True),
        ({"com.christmas.stack": "test-ci-1234"}, True),
        ({"com.christmas.stack": "test-ci-5678"}, False),
        ({"com.christmas.stack": "test-x", "com.christmas.tests.owner": "1234"}, True),
        ({"com.christmas.stack": "test-x", "com.christmas.tests.owner": "5678"}, False),
        # A scratch platform's name has no process in it.
        ({"com.christmas.stack": "tests-5158e2a4", "com.christmas.owner": "5678"}, False),
        ({"com.christmas.stack": "tests-5158e2a4", "com.christmas.owner": "1234"}, True),
        # A container that only keeps a scratch platform's repository mounted is of no stack.
        ({"com.christmas.purpose": "tests", "com.christmas.owner": "5678"}, False),
        ({"com.christmas.purpose": "tests", "com.christmas.owner": "1234"}, True),
        ({"com.christmas.purpose": "restore", "com.christmas.owner": "1234"}, False),
        ({"com.christmas.purpose": "tests", "com.christmas.owner": "1234", "com.christmas.machine": "another"}, False),
        ({"com.christmas.stack": "dev"}, False),
        ({"com.christmas.stack": "latest"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_only_what_ended_tests_have_made_is_left_over(labels: dict[str, str] | None, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "5678").mkdir()
    assert is_left_by_a_test(labels, processes=tmp_path) is expected


def test_the_steps_of_make_up_have_names_and_reasons() -> None:
    steps = up_steps()
    assert [step.name for step in steps[:3]] == ["Docker engine", "Pulumi CLI", "images"]
    assert all(step.why for step in steps)
