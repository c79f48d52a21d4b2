"""The tasks of a person on call, through `invoke`, on a running stack."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from typing import Any

import pytest

from christmas.blueprint.services import SERVICES
from tests.end_to_end.conftest import BIN, ROOT, Stack
from tests.support.cases import in_make_test
from tests.support.waiting import wait_for


@pytest.mark.exhaustive
def test_status_shows_all_of_it(stack: Stack) -> None:
    def seen() -> dict[str, Any] | None:
        done = stack.invoke("status", "--json", check=False)
        document: dict[str, Any] = json.loads(done.stdout)
        assert document["exit_code"] == done.returncode
        # On a busy machine a part may be late, and then says so.
        late = [service for service in (*document["services"], *document["parts"]) if service["status"] == "unknown"]
        return None if late else document

    found = wait_for(seen, "every part answers in time", pause=1)
    assert [service["name"] for service in found["services"]] == [service.name for service in SERVICES]
    assert {service["state"] for service in found["services"]} <= {"healthy", "starting"}
    assert all(service["memory_bytes"] > 0 and service["answer_seconds"] >= 0 for service in found["services"])
    parts = {part["name"]: part for part in found["parts"]}
    assert parts["schema"]["status"] == "ok"
    assert {"last set", "next set", "last drill", "schedule", "checks"} <= parts.keys()


@pytest.mark.exhaustive
def test_doctor_finds_nothing_critical_where_a_stack_runs(stack: Stack) -> None:
    def wrong() -> dict[str, str]:
        document = json.loads(stack.invoke("doctor", "--json", check=False).stdout)
        return {check["name"]: check["message"] for check in document["checks"] if check["status"] in {"critical", "unknown"}}

    wait_for(lambda: wrong() == {}, f"nothing is wrong: {wrong()}", pause=1)


@pytest.mark.parametrize(
    ("store", "statement", "answer"),
    in_make_test([("pg", "select current_user", "analyst"), ("redis", "ping", "PONG"), ("weaviate", "client.is_ready()", "True")], 0),
)
def test_a_prompt_in_each_store(stack: Stack, store: str, statement: str, answer: str) -> None:
    assert answer in stack.invoke("shell", store, "--command", statement).stdout


@pytest.mark.exhaustive
def test_a_prompt_reads_what_it_is_given_and_ends_as_its_tool_does(stack: Stack) -> None:
    assert stack.invoke("shell", "pg", "-c", "select from nowhere", check=False).returncode == 1
    piped = subprocess.run(
        [str(BIN / "invoke"), "shell", "pg", "--account", "postgres"],
        cwd=ROOT,
        env=stack.environment,
        input="select 'said ' || current_user;\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "said postgres" in piped.stdout


@pytest.mark.exhaustive
def test_check_chooses(stack: Stack) -> None:
    names = [
        check["name"] for check in json.loads(stack.invoke("check", "--only", "redis.memory,host", "--json", check=False).stdout)["checks"]
    ]
    assert names[0] == "redis.memory"
    assert {name.split(".")[0] for name in names} == {"redis", "host"}


def test_check_speaks_as_a_plugin(stack: Stack) -> None:
    done = stack.invoke("check", "--nagios", "--store", "redis", check=False)
    assert len(done.stdout.splitlines()) == 1
    assert done.stdout.startswith(("CHRISTMAS OK - ", "CHRISTMAS WARNING - "))
    assert "'redis.memory'=" in done.stdout


@pytest.mark.exhaustive
def test_a_plugin_that_can_learn_nothing_says_unknown(stack: Stack) -> None:
    gone = stack.invoke("check", "--nagios", "--stack", "nobodys", check=False)
    assert (gone.returncode, gone.stdout.startswith("CHRISTMAS UNKNOWN - there is no stack nobodys")) == (3, True)
    wrong = stack.invoke("check", "--nagios", "--only", "mysql", check=False)
    assert (wrong.returncode, wrong.stdout) == (3, "CHRISTMAS UNKNOWN - there is no check mysql\n")


@pytest.mark.exhaustive
def test_a_line_for_a_client_and_the_logs(stack: Stack) -> None:
    line = stack.invoke("env", "--for", "psql").stdout.strip()
    setting, tool, url = shlex.split(line)
    assert (tool, setting.partition("=")[0]) == ("psql", "PGPASSFILE")
    program = f"import psycopg; print(psycopg.connect({url!r}).execute('select current_user').fetchone()[0])"
    environment = os.environ | {"PGPASSFILE": setting.partition("=")[2]}
    done = subprocess.run([str(BIN / "python"), "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "analyst\n"
    assert "no account given" in stack.invoke("env", check=False).stderr
    told = stack.invoke("logs", "timescaledb", "--since", "1h").stdout
    assert told
    assert {line.split()[1] for line in told.splitlines()} == {"timescaledb"}
