from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from airgap.toolchain.language_host import parse_arguments
from airgap.toolchain.python_runtime import (
    OptionError,
    Program,
    PythonRuntime,
    RequiredPlugin,
    activated,
    plugin_command,
    required_plugins,
)


def test_a_program_starts_with_its_settings_and_without_its_configuration() -> None:
    program = Program(
        entry_point=Path("/clone/infra"),
        arguments=(),
        settings={"monitor": "127.0.0.1:1", "tracing": "", "stack": "dev"},
        config={"christmas:key": "s3cret"},
        secret_keys=("christmas:key",),
    )
    command = program.command(Path("/venv/bin/python"), Path("/cli/exec"))
    assert command == ("/venv/bin/python", "-u", "/cli/exec", "--monitor", "127.0.0.1:1", "--stack", "dev", "/clone/infra")
    assert "s3cret" not in repr(program)
    environment = program.environment({"HOME": "/root"})
    assert json.loads(environment["PULUMI_CONFIG"]) == {"christmas:key": "s3cret"}
    assert json.loads(environment["PULUMI_CONFIG_SECRET_KEYS"]) == ["christmas:key"]
    assert environment["HOME"] == "/root"


def test_a_policy_pack_goes_through_the_sdk_and_a_plugin_runs_as_it_is() -> None:
    python, folder = Path("/p"), Path("/pack")
    assert plugin_command("analyzer", python, folder, ["127.0.0.1:1"]) == ("/p", "-u", "-m", "pulumi.policy", "127.0.0.1:1", "/pack")
    assert plugin_command("resource", python, folder, ["127.0.0.1:1"]) == ("/p", "-u", "/pack", "127.0.0.1:1")


@pytest.mark.parametrize(("named", "expected"), [(".venv", "/clone/.venv"), ("../other", "/clone/../other"), ("/opt/venv", "/opt/venv")])
def test_a_virtual_environment_is_relative_to_the_project(named: str, expected: str) -> None:
    runtime = PythonRuntime.from_options(Path("/clone"), {"virtualenv": named}, {"PATH": "/bin"})
    assert runtime.python == Path(expected) / "bin" / "python"
    assert runtime.environment["VIRTUAL_ENV"] == expected
    assert runtime.environment["PATH"] == f"{expected}/bin:/bin"


def test_without_one_the_projects_own_interpreter_runs() -> None:
    assert PythonRuntime.from_options(Path("/clone"), {}, {"PATH": "/bin"}).python == Path(sys.executable)


def test_the_users_own_command_is_followed() -> None:
    runtime = PythonRuntime.from_options(Path("/clone"), {}, {"PATH": "/bin:/usr/bin", "PULUMI_PYTHON_CMD": "sh"})
    assert runtime.python.name == "sh"


@pytest.mark.parametrize(
    ("options", "environment", "named"),
    [
        ({"toolchain": "poetry"}, {}, "poetry"),
        ({"typechecker": "pytype"}, {}, "pytype"),
        ({}, {"PULUMI_PYTHON_CMD": "python9", "PATH": "/bin"}, "python9"),
    ],
)
def test_an_option_that_cannot_be_followed_is_named(options: dict[str, object], environment: dict[str, str], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        PythonRuntime.from_options(Path("/clone"), options, environment)


def test_a_missing_environment_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="does not exist: run `pulumi install`"):
        PythonRuntime.from_options(tmp_path, {"virtualenv": "none"}, {}).require()
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="is not a virtual environment"):
        PythonRuntime.from_options(tmp_path, {"virtualenv": "empty"}, {}).require()


def test_activation_drops_what_would_mislead_the_interpreter() -> None:
    assert activated({"PYTHONHOME": "/x", "A": "b"}, Path("/v")) == {"A": "b", "PATH": "/v/bin", "VIRTUAL_ENV": "/v"}


def test_plugins_are_those_that_installed_packages_ask_for(tmp_path: Path) -> None:
    for name, text in {
        "pulumi_docker": '{"resource": true, "name": "docker", "version": "5.2.0"}',
        "pulumi_other": '{"resource": true, "name": "other", "server": "https://example.org"}',
        "pulumi_policy": '{"resource": false, "name": "policy"}',
        "broken": "{",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pulumi-plugin.json").write_text(text)
    (tmp_path / "pulumi_other-1.4.0.dist-info").mkdir()
    assert list(required_plugins([tmp_path])) == [
        RequiredPlugin("docker", "v5.2.0", ""),
        RequiredPlugin("other", "v1.4.0", "https://example.org"),
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["127.0.0.1:1"], ("127.0.0.1:1", "")),
        (["--logtostderr", "-v=9", "--tracing", "file:x", "127.0.0.1:1"], ("127.0.0.1:1", "file:x")),
        (["--tracing=file:x", "127.0.0.1:1"], ("127.0.0.1:1", "file:x")),
        ([], ("", "")),
    ],
)
def test_the_engines_address_comes_last(arguments: list[str], expected: tuple[str, str]) -> None:
    assert parse_arguments(arguments) == expected
