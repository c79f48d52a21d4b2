"""`check --watch`: in a pipe everything once and then changes, as JSON a line per run; Ctrl-C ends it with the last exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console import checking, watching
from core.errors import PlatformError
from infra.connections import Platform
from monitor.checks import Registered
from monitor.result import Finding, Status

NOWHERE = Platform(
    stack="tests",
    endpoints={},
    accounts={},
    ca_file=Path("/nowhere/ca.pem"),
    containers={},
    volumes={},
    network="",
    embedding_profile="embedded",
    embedding_key="",
)


def looks(*statuses: Status, as_json: bool = False) -> list[tuple[str, int]]:
    """What is shown where one check is of these statuses in turn, and another one is always fine."""
    left = list(statuses)
    chosen = [
        Registered("a.turns", lambda _: Finding(left.pop(0), "as it is", "do this")),
        Registered("b.stays", lambda _: Finding(Status.OK, "fine")),
    ]
    again = checking._Again(NOWHERE, chosen, as_json=as_json)
    return [again.look() for _ in statuses]


def test_a_pipe_gets_all_and_then_what_changed() -> None:
    first, same, worse, back = looks(Status.OK, Status.OK, Status.CRITICAL, Status.OK)
    assert ("a.turns" in first[0], "b.stays" in first[0], first[1]) == (True, True, 0)
    assert (len(same[0].splitlines()), same[0].endswith("2 ok"), same[1]) == (1, True, 0)
    assert ("critical a.turns" in worse[0], "next: do this" in worse[0], "b.stays" in worse[0], worse[1]) == (True, True, False, 2)
    assert ("a.turns" in back[0], back[1]) == (True, 0)


def test_json_is_a_line_for_each_run() -> None:
    lines = [json.loads(text) for text, _ in looks(Status.OK, Status.WARNING, as_json=True)]
    assert [each["exit_code"] for each in lines] == [0, 1]
    assert all({"at", "stack", "checks"} <= each.keys() for each in lines)


def test_ctrl_c_ends_watching_with_the_last_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter([("one", 0), ("two", 2)])

    def look() -> tuple[str, int]:
        try:
            return next(answers)
        except StopIteration:
            raise KeyboardInterrupt from None

    assert watching.watch(look, 0.0) == 2
    assert capsys.readouterr().out == "one\ntwo\n"


def test_a_plugin_says_all_in_its_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    code = checking.show("", ["mysql"], [], fix=False, as_json=False, as_plugin=True, watch=None)
    assert (code, capsys.readouterr().out) == (3, "CHRISTMAS UNKNOWN - there is no check mysql\n")
    with pytest.raises(PlatformError, match="is one line"):
        checking.show("", [], [], fix=False, as_json=True, as_plugin=True, watch=None)
