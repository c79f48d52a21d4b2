from __future__ import annotations

from typing import Any

import pytest

from airgap.toolchain.plugin.wire import UNKNOWN
from infra.provider.declaration import Shape
from infra.provider.field_keys import FieldKeys
from infra.provider.kind import ResourceKind
from infra.provider.passwords import Password
from infra.provider.redis_acl import redis_rules
from infra.provider.registry import MODULES, kind_of
from infra.provider.rotation import Rotation
from infra.provider.server import differences


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (Shape.TEXT, ["", "x"], [1, True, [], {}]),
        (Shape.INTEGER, [0, 7], [True, 1.5, "1"]),
        (Shape.NUMBER, [0, 1.5], [True, "1"]),
        (Shape.BOOLEAN, [True, False], [0, "true"]),
        (Shape.TEXTS, [[], ["a"]], ["a", [1], {}]),
        (Shape.TEXT_MAP, [{}, {"a": "b"}], [{"a": 1}, []]),
        (Shape.INTEGER_MAP, [{"a": 1}], [{"a": "1"}]),
        (Shape.RECORD, [{}, {"a": 1}], [[], "x"]),
        (Shape.RECORDS, [[], [{"a": 1}]], [["a"], {}]),
    ],
)
def test_shapes(shape: Shape, good: list[Any], bad: list[Any]) -> None:
    assert all(shape.fits(value) for value in good)
    assert not any(shape.fits(value) for value in bad)
    assert shape.fits(UNKNOWN)


def kind(name: str) -> ResourceKind:
    found = kind_of(f"christmas:index:{name}")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "inputs", "problem"),
    [
        ("Password", {"lenght": 20}, "unknown input 'lenght'; Password takes keepers, length"),
        ("Password", {"length": 3}, "input 'length' must be from 16 to 128"),
        ("Password", {"length": "long"}, "input 'length' must be a whole number"),
        ("CertificateAuthority", {"common_name": "x"}, "input 'lifetime_days' is missing"),
        ("PortBlock", {"preferred": {"ssh": 22}}, "input 'preferred' has a port outside 1024 to 65535"),
        ("PortBlock", {"preferred": {}}, "input 'preferred' is empty"),
    ],
)
def test_a_wrong_input_is_named(name: str, inputs: dict[str, Any], problem: str) -> None:
    assert kind(name).check(inputs)[1] == [problem]


@pytest.mark.parametrize(
    ("name", "password", "refused"), [("default", None, False), ("default", "a-password", True), ("api", None, True), ("api", "x", True)]
)  # fmt: skip
def test_every_right_is_for_a_default_that_is_off_alone(name: str, password: str | None, refused: bool) -> None:
    given = {"container": "c", "server": "s", "name": name, "rules": list(redis_rules(None)), "password": password}
    assert bool(kind("RedisUser").check(given)[1]) is refused


def test_no_message_about_a_wrong_secret_tells_it() -> None:
    role = {"container": "c", "server": "s", "name": "api", "password": ["hunter2-hunter2"]}
    _, problems = kind("PostgresRole").check(role)
    assert problems == ["input 'password' must be a string"]


@pytest.mark.parametrize("name", MODULES)
def test_every_kind_is_declared_under_its_own_name(name: str) -> None:
    assert kind(name).name == name
    assert kind(name).declared.secret_outputs <= set(kind(name).outputs)


def test_a_program_is_told_of_arguments_that_the_kind_does_not_take() -> None:
    """Mypy tells it first: without its complaint, the comment would be one."""
    with pytest.raises(TypeError, match="Password takes length, keepers: wrong or missing here: lenght"):
        Password("admin", lenght=20)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="wrong or missing here: generation, newest"):
        Rotation("admin", newest="first")  # type: ignore[call-arg]


def test_a_declaration_is_read_in_the_order_in_which_it_is_written() -> None:
    given = FieldKeys.inputs
    assert list(given) == ["volume", "image", "file", "newest", "retired_below", "given", "container", "database"]
    assert [name for name, declared in given.items() if declared.required] == ["volume", "image", "file", "container", "database"]
    assert [name for name, declared in given.items() if declared.replaces] == ["volume", "file"]
    assert [name for name, declared in given.items() if declared.secret] == ["given"]
    assert (given["newest"].shape, given["newest"].default) == (Shape.INTEGER, 1)
    assert FieldKeys.outputs == {"result": str, "drift": list[str]}
    assert FieldKeys.secret_outputs == {"result"}


@pytest.mark.parametrize("token", ["christmas:index:Nothing", "docker:index:Password", "christmas:Password", ""])
def test_an_unknown_type_has_no_kind(token: str) -> None:
    assert kind_of(token) is None


@pytest.mark.parametrize(
    ("old", "new", "state", "found"),
    [
        ({"name": "api"}, {"name": "api"}, {"drift": []}, {}),
        ({"name": "api"}, {"name": "api"}, {"drift": ["is a superuser"]}, {"drift": ("UPDATE", False)}),
        ({"name": "api"}, {"name": "rag"}, {}, {"name": ("UPDATE_REPLACE", True)}),
        ({"server": "1"}, {"server": UNKNOWN}, {}, {"server": ("UPDATE", True)}),
        ({}, {"password": "x"}, {}, {"password": ("ADD", True)}),
        ({"password": "x"}, {}, {}, {"password": ("DELETE", True)}),
    ],
)
def test_differences(old: dict[str, Any], new: dict[str, Any], state: dict[str, Any], found: dict[str, tuple[str, bool]]) -> None:
    assert differences(kind("RedisUser"), state, old, new) == found
    assert differences(kind("RedisUser"), {}, old, new, frozenset(found)) == {}
