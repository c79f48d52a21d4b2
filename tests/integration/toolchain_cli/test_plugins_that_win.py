"""Official plugins win wherever they are; ours are offered only to this project and only for what is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airgap.toolchain.environment import docker_plugin_version, own_root, pulumi_environment
from core.errors import PlatformError

OURS = "airgap.toolchain.docker_plugin"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Path) -> Path:
    """A user with an empty home and none of Pulumi's settings; a clone's root lies beside it."""
    for name in [name for name in os.environ if name.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    for folder in ("home", "clone", "bin"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path


def _plugin(home: Path) -> Path:
    return home / "plugins" / f"resource-docker-v{docker_plugin_version()}"


def _environment(user: Path) -> dict[str, str]:
    return pulumi_environment(user / "clone", users_home=user / "home" / ".pulumi")


def test_without_any_other_the_project_has_a_home_with_ours(user: Path) -> None:
    environment = _environment(user)
    home = user / "clone" / ".christmas" / "home"
    assert environment["PULUMI_HOME"] == str(home)
    launcher = _plugin(home) / "pulumi-resource-docker"
    assert OURS in launcher.read_text()
    assert os.access(launcher, os.X_OK)
    assert environment["PATH"] == os.environ["PATH"]
    assert list((user / "home").iterdir()) == []


def test_an_official_plugin_in_the_users_home_wins(user: Path) -> None:
    _plugin(user / "home" / ".pulumi").mkdir(parents=True)
    environment = _environment(user)
    assert "PULUMI_HOME" not in environment
    assert environment["PATH"] == os.environ["PATH"]
    assert not (user / "clone" / ".christmas" / "home").exists()


@pytest.mark.parametrize("version", ["v5.1.0", "v4.6.1"])
def test_one_of_another_version_does_not_because_pulumi_would_not_take_it(user: Path, version: str) -> None:
    (user / "home" / ".pulumi" / "plugins" / f"resource-docker-{version}").mkdir(parents=True)
    assert _environment(user)["PULUMI_HOME"] == str(user / "clone" / ".christmas" / "home")


def test_one_whose_installation_was_cut_off_does_not(user: Path) -> None:
    plugin = _plugin(user / "home" / ".pulumi")
    plugin.mkdir(parents=True)
    plugin.with_name(f"{plugin.name}.partial").touch()
    assert "PULUMI_HOME" in _environment(user)


def test_one_on_path_wins(user: Path) -> None:
    plugin = user / "bin" / "pulumi-resource-docker"
    plugin.write_text("#!/bin/sh\n")
    plugin.chmod(0o755)
    environment = _environment(user)
    assert "PULUMI_HOME" not in environment
    assert environment["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("setting", ["PULUMI_HOME", "PULUMI_BACKEND_URL"])
def test_a_home_of_the_users_own_is_not_written_to(user: Path, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = user / "own"
    own.mkdir()
    monkeypatch.setenv(setting, str(own) if setting == "PULUMI_HOME" else f"file://{own}")
    environment = _environment(user)
    assert environment.get("PULUMI_HOME") == (str(own) if setting == "PULUMI_HOME" else None)
    shim = user / "clone" / ".christmas" / "shims" / "docker"
    assert environment["PATH"].split(os.pathsep)[-1] == str(shim)
    assert OURS in (shim / "pulumi-resource-docker").read_text()
    assert list(own.iterdir()) == []


def test_a_home_of_the_users_own_that_has_the_plugin_is_left_as_it_is(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _plugin(user / "own").mkdir(parents=True)
    monkeypatch.setenv("PULUMI_HOME", str(user / "own"))
    assert _environment(user)["PATH"] == os.environ["PATH"]


def test_an_official_language_host_on_path_wins(user: Path) -> None:
    host = user / "bin" / "pulumi-language-python"
    host.write_text("#!/bin/sh\n")
    host.chmod(0o755)
    _environment(user)
    assert not (user / "clone" / ".christmas" / "shims" / "python").exists()


def test_an_official_cli_without_its_language_host_gets_ours(user: Path) -> None:
    official = user / "bin" / "pulumi"
    official.write_text("#!/bin/sh\necho v3.259.0\n")
    official.chmod(0o755)
    environment = _environment(user)
    shim = user / "clone" / ".christmas" / "shims" / "python"
    assert environment["PATH"].split(os.pathsep)[-1] == str(shim)
    assert "airgap.toolchain.language_host" in (shim / "pulumi-language-python").read_text()
    host = user / "bin" / "pulumi-language-python"
    host.write_text("#!/bin/sh\n")
    host.chmod(0o755)
    assert str(shim) not in _environment(user)["PATH"]


def test_a_second_call_finds_everything_as_it_was(user: Path) -> None:
    first = _environment(user)
    launcher = _plugin(user / "clone" / ".christmas" / "home") / "pulumi-resource-docker"
    made = launcher.stat().st_mtime_ns
    assert _environment(user) == first
    assert launcher.stat().st_mtime_ns == made


def test_a_lost_passphrase_is_an_error_for_other_rooms_too(user: Path) -> None:
    (user / "clone" / ".christmas" / "state" / ".pulumi" / "stacks" / "christmas").mkdir(parents=True)
    (user / "clone" / ".christmas" / "state" / ".pulumi" / "stacks" / "christmas" / "dev.json").write_text("{}")
    with pytest.raises(PlatformError, match="The passphrase file is gone"):
        _environment(user)


def test_the_plugins_version_is_the_one_that_is_locked() -> None:
    assert f"pulumi-docker=={docker_plugin_version()}" in (own_root() / "requirements" / "runtime.txt").read_text()
