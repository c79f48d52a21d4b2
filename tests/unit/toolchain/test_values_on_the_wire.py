"""Property values on the wire, and their secrets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airgap.toolchain.plugin import wire
from airgap.toolchain.plugin.messages import redacted
from airgap.toolchain.plugin.wire import UNKNOWN, Secret


def _secret(value: Any) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)


_SCALARS = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=20) | st.just(UNKNOWN)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3) | inner.map(_secret),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), _VALUES, max_size=4))
def test_values_survive_the_wire(properties: dict[str, Any]) -> None:
    assert wire.decode(wire.encode(properties)) == properties


@given(_VALUES)
def test_nothing_revealed_is_still_wrapped(value: Any) -> None:
    assert not wire.has_secret(wire.reveal(value))


def test_a_secrets_repr_does_not_tell_it() -> None:
    shown = repr({"envs": [Secret("PASSWORD=hunter2")]})
    assert "Secret" in shown
    assert "hunter2" not in shown


def test_outputs_are_secret_where_any_source_was() -> None:
    outputs = {"envs": ["A=1"], "name": "n", "uploads": None}
    kept = wire.keep_secret(outputs, {"envs": [Secret("A=1")], "name": "n"}, {"uploads": Secret([])})
    assert kept == {"envs": Secret(["A=1"]), "name": "n", "uploads": None}


def test_a_secret_deep_inside_makes_the_whole_property_secret() -> None:
    assert wire.secret_names({"files": {"a": Secret("hidden"), "b": "open"}, "name": "n"}) == {"files"}
    assert wire.marked({"files": "x", "none": None, "name": "n"}, {"files", "none"}) == {"files": Secret("x"), "none": None, "name": "n"}


@pytest.mark.parametrize(
    ("value", "unknown"),
    [
        (UNKNOWN, True),
        ({"a": [1, UNKNOWN]}, True),
        ({"a": Secret([UNKNOWN])}, True),
        ({"a": [1, None]}, False),
        ("UNKNOWN", False),
    ],
)
def test_unknowns_are_found_at_any_depth(value: Any, unknown: bool) -> None:
    assert wire.has_unknown(value) is unknown


def test_messages_are_kept_free_of_secrets_and_of_their_parts() -> None:
    secrets = list(
        wire.secret_texts({"envs": [Secret("PASSWORD=hunter2")], "uploads": Secret([{"content": "line one\nline two"}]), "name": "open"})
    )
    assert redacted("log: hunter2 in line two; PASSWORD=hunter2; open", secrets) == "log: [secret] in [secret]; [secret]; open"


def test_short_secrets_do_not_blot_out_messages() -> None:
    assert redacted("port 1 of 10", ["1"]) == "port 1 of 10"
