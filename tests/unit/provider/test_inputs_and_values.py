from __future__ import annotations

from typing import Any

import pytest

from airgap.toolchain.plugin.wire import UNKNOWN
from infra.provider import resources, store_resources
from infra.provider.kind import ResourceKind, Shape
from infra.provider.redis_acl import redis_rules
from infra.provider.registry import MODULES, kind_of
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
def test_every_kind_has_a_class_for_programs_with_the_same_inputs_and_outputs(name: str) -> None:
    import inspect

    offered = getattr(resources if hasattr(resources, name) else store_resources, name)
    parameters = set(inspect.signature(offered.__init__).parameters) - {"self", "resource_name", "opts"}
    assert parameters == set(kind(name).inputs)
    assert set(offered.__annotations__) <= set(kind(name).outputs)
    assert kind(name).secret_outputs <= set(kind(name).outputs)


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
